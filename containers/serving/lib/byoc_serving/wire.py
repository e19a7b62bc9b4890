"""ASGI messages over a socket, between the process that talks HTTP and the process of a model.

A frame is two lengths, a message without its body as JSON, and the body. One connection carries one request:
first its scope, then what either side would get from ``receive`` or give to ``send``. Whoever closes it early
has left: the client, or the model's process.
"""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Callable, Coroutine, Tuple

from byoc_serving import net
from byoc_serving.replies import Message, Receive, Scope, Send

LENGTHS = struct.Struct("!II")
BUFFER = 1 << 18  # bytes that may wait on one side before the other is slowed down
LINGER = 5.0  # seconds in which the other side closes after the answer

Connection = Tuple[asyncio.StreamReader, asyncio.StreamWriter]
Application = Callable[[Scope, Receive, Send], Coroutine[None, None, None]]


class LostError(Exception):
    """The model's process went away before it had answered."""

    def __init__(self, begun: bool) -> None:
        self.begun = begun
        """Whether a part of the answer is with the client already."""
        super().__init__("the model's process ended while it answered")


async def serve(application: Application, path: str) -> asyncio.AbstractServer:
    """Answer with *application* what :func:`ask` asks at *path*."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def receive() -> Message:
            try:
                return await read(reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            await write(writer, message)

        try:
            await application(await read(reader), receive, send)
            await asyncio.wait_for(_hear_out(reader, writer), LINGER)
        except (asyncio.IncompleteReadError, asyncio.TimeoutError, OSError):
            pass  # nobody waits for the answer any more
        finally:
            writer.close()

    return await asyncio.start_unix_server(answer, path, limit=BUFFER, backlog=net.BACKLOG)


async def _hear_out(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait until the other side has closed.

    Closing while it still sends a body that nobody wanted (a refusal) would reset the connection, and could
    take the answer away from it.
    """
    writer.write_eof()
    while await reader.read(BUFFER):
        pass


async def connect(path: str) -> Connection:
    """A connection for one request to whoever serves at *path*. Raises OSError if nobody does."""
    return await asyncio.open_unix_connection(path, limit=BUFFER)


async def ask(connection: Connection, scope: Scope, receive: Receive, send: Send) -> None:
    """Have one request answered. Raises LostError if the other side goes away before it is."""
    (reader, writer), begun = connection, False
    told = asyncio.ensure_future(_tell(writer, scope, receive))
    try:
        more = True
        while more:
            message = await read(reader)
            begun = True
            await send(message)
            more = message["type"] == "http.response.start" or message.get("more_body", False)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        if told.done():  # it was the client who left
            return
        raise LostError(begun) from error
    finally:
        told.cancel()
        writer.close()


async def _tell(writer: asyncio.StreamWriter, scope: Scope, receive: Receive) -> None:
    """Pass on what the client says, to the end: that it has left."""
    kept = ("type", "method", "path", "headers")
    try:
        await write(writer, {key: scope[key] for key in kept})
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                writer.close()
                return
            await write(writer, message)
    except ConnectionError:  # the reading side says so, too
        await asyncio.Event().wait()


async def write(writer: asyncio.StreamWriter, message: Message) -> None:
    """Send one frame, and wait while the other side is slow."""
    head, body = pack(message)
    writer.write(LENGTHS.pack(len(head), len(body)) + head)
    if body:
        writer.write(body)
    await writer.drain()


async def read(reader: asyncio.StreamReader) -> Message:
    """One frame. Raises IncompleteReadError or ConnectionError once the other side is gone."""
    head, body = LENGTHS.unpack(await reader.readexactly(LENGTHS.size))
    return unpack(await reader.readexactly(head), await reader.readexactly(body) if body else b"")


def pack(message: Message) -> Tuple[bytes, bytes]:
    """A message as JSON, and its body."""
    said = {key: value for key, value in message.items() if key not in {"headers", "body"}}
    if "headers" in message:
        said["headers"] = [[part.decode("latin-1") for part in pair] for pair in message["headers"]]
    return json.dumps(said).encode(), message.get("body", b"")


def unpack(head: bytes, body: bytes) -> Message:
    """The message of :func:`pack`."""
    message: Message = json.loads(head)
    if "headers" in message:
        message["headers"] = [tuple(part.encode("latin-1") for part in pair) for pair in message["headers"]]
    message["body"] = body
    return message
