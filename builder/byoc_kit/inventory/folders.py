"""Half a million files in a few megabytes: folders as blocks of bytes, unpacked when somebody looks inside.

A *row* is 20 bytes, number of the attributes, size and mtime, and after them the target of a link. A *block*
is one folder: its rows, names and targets, sorted by name. Names are bytes, without NUL, as Linux has them.
"""

import struct
import sys
from array import array
from collections.abc import Sequence
from typing import Final

__all__ = ["ROW", "Folder", "attributes_of", "pack_folder", "renumbered", "unpack_folder"]

Folder = dict[bytes, bytes]
"""Names to rows."""

ROW: Final = struct.Struct("=IQq")
HEAD: Final = struct.Struct("=II")
WORDS: Final = ROW.size // 4


def attributes_of(row: bytes) -> int:
    """The number of a row's attributes."""
    return int.from_bytes(row[:4], sys.byteorder)


def pack_folder(folder: Folder) -> bytes:
    """*folder* as a block."""
    names = sorted(folder)
    rows = [folder[name] for name in names]
    links = [row[ROW.size :] for row in rows]
    together = b"\0".join(names)
    return b"".join(
        [
            HEAD.pack(len(names), len(together)),
            *(row[: ROW.size] for row in rows),
            together,
            b"\0".join(links) if any(links) else b"",
        ]
    )


def unpack_folder(block: bytes) -> Folder:
    """The folder that *block* holds. Raises ValueError where it is damaged."""
    count, length = HEAD.unpack_from(block)
    start = HEAD.size
    middle = start + count * ROW.size
    end = middle + length
    names = block[middle:end].split(b"\0") if count else []
    rows = [block[at : at + ROW.size] for at in range(start, middle, ROW.size)]
    if len(block) > end:
        rows = [row + link for row, link in zip(rows, block[end:].split(b"\0"), strict=True)]
    return dict(zip(names, rows, strict=True))


def renumbered(block: bytes, numbers: Sequence[int]) -> bytes:
    """*block* with other numbers of attributes: what was *i* becomes ``numbers[i]``."""
    count, _ = HEAD.unpack_from(block)
    if not count:
        return block
    changed = bytearray(block)
    with memoryview(changed)[HEAD.size : HEAD.size + count * ROW.size] as rows, rows.cast("I") as words:
        words[::WORDS] = array("I", [numbers[old] for old in words[::WORDS]])
    return bytes(changed)
