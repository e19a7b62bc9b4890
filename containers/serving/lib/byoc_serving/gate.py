"""A door in front of a server that says it is ready before it is.

The gate owns the port that SageMaker talks to. Closed, it answers every request with 503 (INF-05). Open, it
joins each connection with one to the server behind it and copies bytes both ways without looking at them:
bodies of any size, chunked answers and keep-alive pass as they are. The one thing it notes is who spoke last,
which tells a connection that waits for an answer from one that idles (INF-13).
"""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Optional, Set, cast

from byoc_serving import net
from byoc_serving.log import say

CLOSED = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 33\r\n"
    b'Retry-After: 1\r\nConnection: close\r\n\r\n{"error": "the model is not ready"}'
)
CLOSED = CLOSED.replace(b"Length: 33", b"Length: %d" % len(CLOSED.partition(b"\r\n\r\n")[2]))
QUIET = 0.5  # seconds after its last byte in which an answer counts as not finished


class Gate:
    """Takes connections on *sock* and, while open, passes them to *port* on loopback."""

    def __init__(self, sock: socket.socket, port: int) -> None:
        self.sock = sock
        self.port = port
        self.is_open = False
        self._pairs: Set[Client] = set()
        self._server: Optional[asyncio.AbstractServer] = None

    async def start(self) -> None:
        """Listen; every request gets 503 until the gate is opened."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Client(self), sock=self.sock, backlog=net.BACKLOG)

    def open(self) -> None:
        """Pass connections on, from the next one."""
        self.is_open = True

    def close(self) -> None:
        """Refuse requests with 503 again; connections to the server end when they have been answered."""
        self.is_open = False
        self._sweep()

    def _sweep(self) -> None:
        joined = [pair for pair in self._pairs if pair.other is not None]
        for pair in joined:
            if not pair.busy:
                pair.cut()
        if joined and not self.is_open:
            asyncio.get_running_loop().call_later(QUIET, self._sweep)

    async def drain(self, seconds: float) -> None:
        """Stop listening, drop what idles, and give requests in flight *seconds* to be answered."""
        if self._server is not None:
            self._server.close()
        end = time.monotonic() + seconds
        while self._pairs and time.monotonic() < end:
            for pair in [pair for pair in self._pairs if not pair.busy]:
                pair.cut()
            await asyncio.sleep(0.05)
        if self._pairs:
            say("{} requests were not answered in {:.0f} s".format(len(self._pairs), seconds))

    def add(self, pair: "Client") -> None:
        """Remember a connection."""
        self._pairs.add(pair)

    def remove(self, pair: "Client") -> None:
        """Forget a connection."""
        self._pairs.discard(pair)


class Side(asyncio.Protocol):
    """One of two joined connections: what arrives here leaves there, no faster than it is taken."""

    transport: Optional[asyncio.Transport] = None
    other: Optional["Side"] = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport. Small answers must not wait for more bytes to fill a packet."""
        self.transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def connection_lost(self, exc: Optional[Exception]) -> None:
        """One side gone ends the other, after what is still on its way."""
        self.transport = None
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def cut(self) -> None:
        """End both sides now."""
        if self.transport is not None:
            self.transport.abort()

    def pause_writing(self) -> None:
        """Our peer is slow: let the other side stop reading."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Our peer has caught up."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()


class Client(Side):
    """The side of a connection that SageMaker opened."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.asked = False
        """Whether the client spoke last."""
        self.answered = 0.0
        """When the server last spoke, by the monotonic clock."""
        self._joining: Optional["asyncio.Future[None]"] = None
        self._early = b""
        """What came before there was a server to pass it to."""

    @property
    def busy(self) -> bool:
        """Whether a request waits for its answer, or an answer is being sent."""
        return self.asked or time.monotonic() - self.answered < QUIET

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join with the server, if the gate is open."""
        super().connection_made(transport)
        self.gate.add(self)
        if self.gate.is_open:
            self._joining = asyncio.ensure_future(self._join())

    def data_received(self, data: bytes) -> None:
        """Pass bytes on, or say that there is nobody to answer."""
        self.asked = True
        if self.other is not None:
            super().data_received(data)
        elif self._joining is None:
            self._refuse()
        elif self.transport is not None:
            self._early += data
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """The client has said all, and may still listen."""
        if (
            self.other is not None
            and self.other.transport is not None
            and self.other.transport.can_write_eof()
        ):
            self.other.transport.write_eof()
        return True

    def connection_lost(self, exc: Optional[Exception]) -> None:
        """Forget the pair."""
        super().connection_lost(exc)
        self.gate.remove(self)

    def _refuse(self) -> None:
        if self.transport is not None:
            self.transport.write(CLOSED)
            self.transport.close()

    async def _join(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, server = await loop.create_connection(lambda: Server(self), "127.0.0.1", self.gate.port)
        except OSError:
            self._refuse()
            return
        if self.transport is None:
            server.cut()
            return
        self.other = server
        if self._early:
            super().data_received(self._early)
            self._early = b""
            self.transport.resume_reading()


class Server(Side):
    """The side of a connection that leads to the server behind the gate."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.other = client

    def data_received(self, data: bytes) -> None:
        """Pass bytes on, and note that the server has spoken."""
        self.client.asked = False
        self.client.answered = time.monotonic()
        super().data_received(data)
