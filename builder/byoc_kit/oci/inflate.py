"""The tar inside a layer's blob, whatever compresses it; a bounded piece at a time."""

import importlib.util
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

__all__ = ["InflateError", "inflated"]

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS  # with header and trailer
PIECE: Final = 4 << 20
"""Bytes that come out at once, however well they were compressed."""


class InflateError(ValueError):
    """The bytes cannot be decompressed; the message says why."""


def inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What *chunks* hold: gzip, of one or of many members, is inflated; a plain tar comes as it is.

    Reads *chunks* to their end. Raises InflateError.
    """
    source = iter(chunks)
    first = next(source, b"")
    while 0 < len(first) < len(ZSTD) and (more := next(source, b"")):
        first += more
    if first.startswith(ZSTD):
        raise InflateError("it is compressed with zstd, which SageMaker and older engines do not know either")
    if first.startswith(GZIP):
        yield from _gunzip(first, source)
    else:
        yield first
        yield from source


def _gunzip(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    library = _library()
    member = library.decompressobj(GZIP_WINDOW)
    data = first
    while True:
        try:
            while data:
                if member.eof:
                    if not data.strip(b"\0"):
                        break  # padding, as some writers leave it
                    member = library.decompressobj(GZIP_WINDOW)
                yield member.decompress(data, PIECE)
                data = member.unused_data if member.eof else member.unconsumed_tail
        except (zlib.error, getattr(library, "error", zlib.error)) as error:
            raise InflateError(f"it is not what gzip wrote: {error}") from error
        following = next(rest, None)
        if following is None:
            break
        data = following
    if not member.eof:
        raise InflateError("it ends in the middle")


def _library() -> Any:
    """isal, which is three times as fast, where it is installed; else zlib."""
    if importlib.util.find_spec("isal") is None:
        return zlib
    from isal import isal_zlib

    return isal_zlib
