"""A tar to gzip, without deflating again what a wheel has deflated already.

RFC 1952 allows a file of many members, one after the other. A wheel's member is a raw deflate stream whose
CRC-32 and size the wheel's directory tells: with a header of 10 bytes before it and 8 bytes behind, it *is*
a gzip member. So large files are copied, and what lies between them (headers, small files) is compressed
anew, as one member each time.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from byoc_kit.engines.layer.deflate import compressor, crc32, inflated
from byoc_kit.engines.layer.tarwrite import Copied, Piece
from byoc_kit.oci.digest import Digest

__all__ = ["Meter", "gzip_members"]

HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no name, no time, no system
GATHERED: Final = 1 << 18  # bytes that are hashed and compressed at a time; part of what decides the bytes


class Meter:
    """Digest and length of the tar, while it goes by."""

    def __init__(self) -> None:
        self._state = hashlib.sha256()
        self.size = 0
        """Bytes so far."""

    def add(self, data: bytes) -> None:
        """Count *data* in."""
        self._state.update(data)
        self.size += len(data)

    @property
    def diff_id(self) -> Digest:
        """Of what went by so far."""
        return Digest(f"sha256:{self._state.hexdigest()}")


def gzip_members(pieces: Iterable[Piece], meter: Meter) -> Iterator[bytes]:
    """*pieces* as gzip; *meter* knows the tar's digest when the last byte was taken.

    Raises ByocError (BYOC-E320) where a deflated stream is not what its wheel says of it.
    """
    gathered, waiting = [], 0
    member: _Member | None = None
    for piece in pieces:
        if isinstance(piece, bytes):
            gathered.append(piece)
            waiting += len(piece)
        if waiting and (waiting >= GATHERED or not isinstance(piece, bytes)):
            member = member or _Member()
            yield member.compressed(b"".join(gathered), meter)
            gathered, waiting = [], 0
        if isinstance(piece, Copied):
            if member is not None:
                yield member.end()
                member = None
            yield from _copied(piece, meter)
    member = member or _Member()
    yield member.compressed(b"".join(gathered), meter)
    yield member.end()


class _Member:
    """One gzip member of what is compressed here."""

    def __init__(self) -> None:
        self._compressor = compressor()
        self._crc, self._size, self._begun = 0, 0, False

    def compressed(self, data: bytes, meter: Meter) -> bytes:
        meter.add(data)
        self._crc = crc32(data, self._crc)
        self._size += len(data)
        head, self._begun = b"" if self._begun else HEADER, True
        return b"".join((head, self._compressor.compress(data)))

    def end(self) -> bytes:
        return b"".join((self._compressor.flush(), _trailer(self._crc, self._size)))


def _copied(piece: Copied, meter: Meter) -> Iterator[bytes]:
    """One gzip member around a stream that is deflated already; it is inflated only to be hashed."""
    yield HEADER
    for deflated, data in inflated(piece):
        meter.add(data)
        if deflated:
            yield deflated
    yield _trailer(piece.crc, piece.size)


def _trailer(crc: int, size: int) -> bytes:
    return struct.pack("<II", crc, size & 0xFFFFFFFF)
