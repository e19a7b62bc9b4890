"""The packages that rpm installed, from its SQLite database (rpm 4.16 and later).

The databases of older systems (Berkeley DB, ndb) are not read: what they hold is said to be unknown.
"""

import sqlite3
import struct
from collections.abc import Iterator
from typing import Final

__all__ = ["read_database"]

NAME, VERSION, RELEASE, EPOCH, SIZE, ARCH, LONGSIZE = 1000, 1001, 1002, 1003, 1009, 1022, 5009
"""Tags of rpm's header (rpmtag.h)."""
INT32, INT64, STRING = 4, 5, 6
MOST_STEPS: Final = 50_000_000
"""Instructions of SQLite's machine: a hundred for each package are enough; a hostile view would need more."""
ENTRY: Final = struct.Struct(">iiii")
MAGIC: Final = b"SQLite format 3\0"
WAL: Final = b"\x02\x02"
LEGACY: Final = b"\x01\x01"
FORMATS: Final = slice(18, 20)
"""Where an SQLite file says how it is written and read; in memory there is no write-ahead log."""


def read_database(data: bytes) -> list[dict[str, object]] | None:
    """Name, version, architecture and size of each package; None where *data* is no such database."""
    if not data.startswith(MAGIC):
        return None
    if data[FORMATS] == WAL:
        data = data[: FORMATS.start] + LEGACY + data[FORMATS.stop :]
    try:
        connection = sqlite3.connect(":memory:")
        try:
            connection.deserialize(data)
            connection.set_progress_handler(lambda: 1, MOST_STEPS)
            rows = connection.execute("SELECT blob FROM Packages").fetchall()
        finally:
            connection.close()
        packages = [_package(dict(_fields(blob))) for (blob,) in rows if isinstance(blob, bytes)]
    except (sqlite3.Error, struct.error, IndexError, KeyError, ValueError, OverflowError):
        return None
    return [package for package in packages if package["name"] != "gpg-pubkey"]


def _package(fields: dict[int, str | int]) -> dict[str, object]:
    epoch = f"{fields[EPOCH]}:" if fields.get(EPOCH) else ""
    return {
        "name": str(fields[NAME]),
        "version": f"{epoch}{fields[VERSION]}-{fields[RELEASE]}",
        "architecture": str(fields[ARCH]) if ARCH in fields else None,
        "size": fields.get(LONGSIZE, fields.get(SIZE)),
    }


def _fields(blob: bytes) -> Iterator[tuple[int, str | int]]:
    """The tags we know of one header: two counts, entries of tag, type, offset and count, then data."""
    entries, length = struct.unpack_from(">ii", blob)
    start = 8 + entries * ENTRY.size
    if entries < 0 or length < 0 or start + length > len(blob):
        raise ValueError("no header")
    for number in range(entries):
        tag, kind, offset, _ = ENTRY.unpack_from(blob, 8 + number * ENTRY.size)
        at = start + offset
        if tag not in {NAME, VERSION, RELEASE, EPOCH, SIZE, ARCH, LONGSIZE}:
            continue
        if kind == STRING:
            yield tag, blob[at : blob.index(b"\0", at)].decode("utf-8", "replace")
        elif kind == INT32:
            yield tag, struct.unpack_from(">I", blob, at)[0]
        elif kind == INT64:
            yield tag, struct.unpack_from(">Q", blob, at)[0]
