"""Request bodies: in memory while they are small, in a file without a name when they are not (ASY-01)."""

from __future__ import annotations

import asyncio
import io
import tempfile
from typing import BinaryIO, Callable, List, Optional, Union

from byoc_serving.errors import RequestError
from byoc_serving.replies import ClientGoneError, Receive

Body = Union[bytes, BinaryIO]

MOST_IN_MEMORY = 8 << 20  # bytes of one body
PORTION = 1 << 20  # bytes that are written to the file at once


async def read_rest(first: bytes, receive: Receive, check_size: Callable[[int], None]) -> Body:
    """A body whose first piece is there. *check_size* is told its size so far, and may raise."""
    inbox, size, more = Inbox(first), len(first), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        piece = message.get("body", b"")
        size += len(piece)
        check_size(size)
        await inbox.add(piece)
        more = message.get("more_body", False)
    return await inbox.all()


class Inbox:
    """Takes the pieces of one body."""

    def __init__(self, first: bytes) -> None:
        self._pieces: List[bytes] = [first]
        self._held = len(first)
        self._file: Optional[BinaryIO] = None

    async def add(self, piece: bytes) -> None:
        """One more piece. Raises RequestError 507 if there is no room for it."""
        self._pieces.append(piece)
        self._held += len(piece)
        if self._held >= (PORTION if self._file else MOST_IN_MEMORY):
            await self._write()

    async def all(self) -> Body:
        """The body, once it is complete; a file stands at its beginning."""
        if self._file is None:
            return b"".join(self._pieces)
        await self._write()
        self._file.seek(0)
        return self._file

    async def _write(self) -> None:
        """Write what is held, beside the event loop: a disk may be slow, and /ping must not be (INF-02)."""
        pieces, self._pieces, self._held = self._pieces, [], 0
        await asyncio.get_running_loop().run_in_executor(None, self._write_now, pieces)

    def _write_now(self, pieces: List[bytes]) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever has it last closes it
            self._file.writelines(pieces)
        except OSError as error:
            text = "the body finds no place on disk: {}".format(error)
            raise RequestError(507, text) from error


def as_bytes(body: Body) -> bytes:
    """All of a body at once."""
    return body if isinstance(body, bytes) else body.read()


def as_stream(body: Body) -> BinaryIO:
    """A body to be read like a file."""
    return io.BytesIO(body) if isinstance(body, bytes) else body
