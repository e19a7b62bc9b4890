"""Deflate and inflate with isal; with zlib where no isal is to be had. Both are RFC 1951."""

import zlib
from collections.abc import Iterator
from importlib import metadata
from typing import Any, Final

from byoc_kit.engines.layer.tarwrite import Copied
from byoc_kit.errors import ByocError

try:
    from isal import isal_zlib
except ImportError:  # no wheel of isal for this machine
    isal_zlib = None  # type: ignore[assignment]

__all__ = ["COMPRESSOR", "compressor", "crc32", "damaged", "inflate", "inflated", "proven"]

LIBRARY: Final[Any] = zlib if isal_zlib is None else isal_zlib
RAW: Final = -15  # window bits that mean: neither header nor trailer
LEVEL: Final = 1 if LIBRARY is zlib else 2
FAULTS: Final = (LIBRARY.error, ValueError)
AT_ONCE: Final = 1 << 20  # bytes inflated at a time

COMPRESSOR: Final = (
    f"zlib {zlib.ZLIB_RUNTIME_VERSION}" if LIBRARY is zlib else f"isal {metadata.version('isal')}"
) + f" level {LEVEL}"
"""What decides a layer's digest besides the tar: other compressors, and other versions, give other bytes."""


def crc32(data: bytes, value: int = 0) -> int:
    """CRC-32 of *data* behind what has *value*."""
    return int(LIBRARY.crc32(data, value))


def compressor() -> Any:
    """A new compressor of a raw stream: ``compress(data)``, ``flush()``."""
    return LIBRARY.compressobj(LEVEL, LIBRARY.DEFLATED, RAW)


def inflate(what: str, deflated: bytes, size: int, crc: int) -> bytes:
    """The *size* bytes of a small stream. Raises ByocError (BYOC-E320) where they are others."""
    try:
        data = bytes(LIBRARY.decompress(deflated, wbits=RAW, bufsize=max(size, 1)))
    except FAULTS as error:
        raise damaged(what, str(error)) from error
    return proven(what, data, size, crc)


def proven(what: str, data: bytes, size: int, crc: int) -> bytes:
    """*data*, if it has *size* bytes and *crc*. Raises ByocError (BYOC-E320) else."""
    if len(data) != size or crc32(data) != crc:
        raise damaged(what, f"{size} bytes with CRC-32 {crc:08x} were promised; they are others")
    return data


def inflated(piece: Copied) -> Iterator[tuple[bytes, bytes]]:
    """Pairs of deflated bytes and what they inflate to, one of the two possibly empty.

    Raises ByocError (BYOC-E320) where size or CRC-32 are not as promised, at the latest at the end.
    """
    state = LIBRARY.decompressobj(RAW)
    size = crc = 0
    try:
        for chunk in piece.deflated:
            deflated, left = chunk, chunk
            while left:
                data = state.decompress(left, AT_ONCE)
                size, crc = size + len(data), crc32(data, crc)
                yield deflated, data
                deflated, left = b"", state.unconsumed_tail
    except FAULTS as error:
        raise damaged(piece.what, str(error)) from error
    if not state.eof or state.unused_data or (size, crc) != (piece.size, piece.crc):
        raise damaged(piece.what, f"{piece.size} bytes with CRC-32 {piece.crc:08x} were promised")


def damaged(what: str, why: str) -> ByocError:
    """The error (BYOC-E320) for *what* of a wheel."""
    return ByocError(
        f"{what} is damaged",
        why=why,
        fix="tell the wheel's author, and lock another version (`byoc lock --upgrade NAME`)",
        id="BYOC-E320",
    )
