"""Entries to tar: the same bytes for the same entries, whoever writes them and when.

POSIX ustar, with a pax header where a name, a size or an owner does not fit (POSIX pax, "ustar Interchange
Format"). No user names, no links, no padding to whole records.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from byoc_kit.engines.layer.entries import Body, Directory, Entry, File, Inline, Whiteout

__all__ = ["BLOCK", "END", "Copied", "Piece", "tar_pieces"]

BLOCK: Final = 512  # bytes
END: Final = bytes(2 * BLOCK)
OCTAL_7: Final = 0o10000000  # first number that 7 octal digits cannot say: owners
OCTAL_11: Final = 0o100000000000  # the same for 11 digits: sizes (8 GiB), times


class Copied:
    """A file's content that is deflated already: *deflated* may be asked for once.

    The stream is raw (RFC 1951), and inflates to *size* bytes with CRC-32 *crc*.
    """

    __slots__ = ("crc", "deflated", "size", "what")

    def __init__(self, what: str, deflated: Iterator[bytes], size: int, crc: int) -> None:
        self.what, self.deflated, self.size, self.crc = what, deflated, size, crc


Piece = bytes | Copied
"""What a tar consists of, in order."""

Content = Callable[[Body], Iterable[Piece]]
"""Gives a body's content in pieces, together exactly as long as the body says."""


def tar_pieces(entries: Iterable[Entry], content: Content) -> Iterator[Piece]:
    """The tar of *entries*, in their order."""
    for entry in entries:
        match entry:
            case File(path, mode, mtime, body):
                size = body.size
                yield header(path, b"0", mode=mode, size=size, mtime=mtime)
                if isinstance(body, Inline):
                    yield body.data
                else:
                    yield from content(body)
                if size % BLOCK:
                    yield bytes(-size % BLOCK)
            case Directory(path, mode, uid, gid, mtime):
                yield header(f"{path}/", b"5", mode=mode, mtime=mtime, owner=(uid, gid))
            case Whiteout(path):
                folder, slash, name = path.rpartition("/")
                yield header(f"{folder}{slash}.wh.{name}", b"0", mode=0o644, mtime=0)
    yield END


def header(
    path: str, kind: bytes, *, mode: int, size: int = 0, mtime: int, owner: tuple[int, int] = (0, 0)
) -> bytes:
    """The header of one entry, with a pax header before it where it needs one."""
    name = path.encode("utf-8", "surrogateescape")
    prefix, rest = _split(name)
    told = {
        b"path": name if rest is None or not path.isascii() else None,
        b"size": size if size >= OCTAL_11 else None,
        b"uid": owner[0] if owner[0] >= OCTAL_7 else None,
        b"gid": owner[1] if owner[1] >= OCTAL_7 else None,
        b"mtime": mtime if not 0 <= mtime < OCTAL_11 else None,
    }
    fields = _fields(mode, owner, size, mtime)
    own = _block(prefix, name[:100] if rest is None else rest, fields, kind)
    needed = {key: value for key, value in told.items() if value is not None}
    return own if not needed else _pax(needed) + own


def _fields(mode: int, owner: tuple[int, int], size: int, mtime: int) -> bytes:
    uid, gid = (number % OCTAL_7 for number in owner)
    return b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, uid, gid, size % OCTAL_11, max(mtime, 0) % OCTAL_11)


def _block(prefix: bytes, name: bytes, fields: bytes, kind: bytes) -> bytes:
    head = name.ljust(100, b"\0") + fields
    tail = kind + bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\x000000000\0" + prefix.ljust(167, b"\0")
    checksum = sum(head) + sum(tail) + 8 * 0x20  # the checksum's own field counts as spaces
    return b"%b%06o\0 %b" % (head, checksum, tail)


def _split(name: bytes) -> tuple[bytes, bytes | None]:
    """Prefix and name as ustar stores them; name None where they do not fit."""
    if len(name) <= 100:
        return b"", name
    cut = name.find(b"/", len(name) - 101, -1)
    if cut <= 0 or cut > 155:
        return b"", None
    return name[:cut], name[cut + 1 :]


def _pax(told: dict[bytes, bytes | int]) -> bytes:
    records = b"".join(_pax_record(key, value) for key, value in sorted(told.items()))
    own = _block(b"", b"pax", _fields(0o644, (0, 0), len(records), 0), b"x")
    return own + records + bytes(-len(records) % BLOCK)


def _pax_record(key: bytes, value: bytes | int) -> bytes:
    """``LENGTH KEY=VALUE``, where LENGTH counts itself."""
    text = b" %b=%b\n" % (key, value if isinstance(value, bytes) else b"%d" % value)
    length = len(text)
    while len(b"%d" % length) + len(text) != length:
        length = len(b"%d" % length) + len(text)
    return b"%d%b" % (length, text)
