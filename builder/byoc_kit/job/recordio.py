"""RecordIO framing: around each object of a channel in mode Pipe (CHN-04), and in files to transform."""

import struct

__all__ = ["HEAD", "MAGIC", "MOST", "head", "padding"]

MAGIC = 0xCED7230A
MOST = (1 << 29) - 1  # bytes in one record: three bits of the length are flags
HEAD = struct.Struct("<II")  # magic; three bits of flags and the length
ALIGNMENT = 4


def head(size: int) -> bytes:
    """What stands before *size* bytes, at most ``MOST``."""
    return HEAD.pack(MAGIC, size)


def padding(size: int) -> bytes:
    """What stands after *size* bytes."""
    return bytes(-size % ALIGNMENT)
