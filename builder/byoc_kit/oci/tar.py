"""The entries of a layer, read from a stream in one pass: ustar, pax (POSIX.1-2001) and GNU tar.

Made for layers of several gigabytes: what nobody asked for is skipped without a copy, and memory holds one
chunk and one kept file. Names are bytes, as the archive has them, made relative to the root.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

__all__ = ["Member", "TarError", "clean", "walk"]

BLOCK: Final = 512
ZEROS: Final = bytes(BLOCK)
LONGEST: Final = 1 << 20
"""Bytes of the longest pax or long-name record that is believed."""
LONGEST_PATH: Final = 4096
"""PATH_MAX of Linux; without it, one path could stand for a million folders."""
ENORMOUS: Final = 1 << 60
MANY: Final = 1 << 12
"""Different time stamps that are remembered."""

FILE, HARDLINK, SYMLINK, DIRECTORY = b"0", b"1", b"2", b"5"
KINDS: Final = {
    b"\0": FILE,
    b"7": FILE,  # contiguous file: the same to everybody but Masscomp
    **{kind: kind for kind in (FILE, HARDLINK, SYMLINK, b"3", b"4", DIRECTORY, b"6")},
}
"""Type flags of entries, by what they mean; all else is a header for the next entry, or refused."""


class TarError(ValueError):
    """The bytes are not a tar archive that can be a layer; the message says why."""


class Member(NamedTuple):
    """One entry. A named tuple, because a base has half a million of them."""

    name: bytes
    """Relative to the root, cleaned: ``usr/bin/python3``; the root itself is empty."""
    kind: bytes
    """``0`` file, ``1`` hard link, ``2`` symbolic link, ``3`` char, ``4`` block, ``5`` dir, ``6`` fifo."""
    mode: int
    uid: int
    gid: int
    size: int
    """Bytes of a regular file; 0 for all else, hard links too."""
    mtime: int
    """Whole seconds since the epoch."""
    link: bytes
    """Target of a symbolic link as written; of a hard link, cleaned as *name* is."""
    data: bytes | None
    """Content of a regular file that was asked for."""


def walk(chunks: Iterable[bytes], wanted: Callable[[bytes, int], bool]) -> Iterator[Member]:
    """Every entry of the archive in *chunks*, in order, with the content of files of which *wanted* says so.

    *wanted* gets the cleaned name and the size in bytes. *chunks* are read to their end, also behind the
    archive's, so that whoever verifies them on the way has verified all. Raises TarError.
    """
    stream, fields, extra = _Stream(iter(chunks)), _Fields(), PLAIN
    while (header := stream.header()) is not None:
        flag = header[156:157]
        kind = KINDS.get(flag)
        if kind is None:
            extra = extra.read(flag, stream.take(_believed(header)))
            continue
        raw = _name(header) if extra.path is None else extra.path
        if kind == FILE and raw[-1:] == b"/":  # before POSIX a directory was a file with a slash
            kind = DIRECTORY
        name, size, link, data = clean(raw), 0, b"", None
        if kind == FILE:
            size = _number(header[124:136]) if extra.size is None else extra.size
            if not 0 <= size < ENORMOUS:
                raise TarError(f"a file of {size} bytes")
            if wanted(name, size):
                data = stream.take(size)
                stream.skip(-size % BLOCK)
            else:
                stream.skip(size + -size % BLOCK)
        elif kind in b"12":
            link = _text(header[157:257]) if extra.link is None else extra.link
            link = clean(link) if kind == HARDLINK else link
        mode, uid, gid = fields.owner(header[100:124])
        member = Member(name, kind, mode, uid, gid, size, fields.time(header[136:148]), link, data)
        if len(name) > LONGEST_PATH:
            raise TarError(f"a path of {len(name)} bytes, which Linux cannot open")
        if extra is not PLAIN:
            member, extra = extra.applied(member), PLAIN
        yield member
    stream.drain()


def clean(name: bytes) -> bytes:
    """*name* relative to the root and without ``.``, ``..``, ``//``. Raises TarError if it leaves it."""
    if name[-1:] == b"/":
        name = name.rstrip(b"/")
    if b"/." not in name and name[:1] not in b"./" and b"//" not in name:
        return name
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if not parts:
                raise TarError(f"an entry leaves the root: {name[:200]!r}")
            parts.pop()
        elif part not in {b"", b"."}:
            parts.append(part)
    return b"/".join(parts)


@dataclass(frozen=True, slots=True)
class _Extra:
    """What pax records and GNU long names say about the entry that follows."""

    path: bytes | None = None
    link: bytes | None = None
    size: int | None = None
    uid: int | None = None
    gid: int | None = None
    mtime: int | None = None

    def read(self, flag: bytes, data: bytes) -> "_Extra":
        """These and what a header of type *flag* adds."""
        if flag == b"x":
            return self._with(_pax(data))
        if flag == b"L":
            return replace(self, path=_text(data))
        if flag == b"K":
            return replace(self, link=_text(data))
        if flag == b"g" and not _pax(data).keys() & {b"path", b"linkpath", b"size", b"uid", b"gid", b"mtime"}:
            return self  # a comment, as git archive writes it
        what = {b"S": "a sparse file", b"g": "a global pax header that changes entries"}
        raise TarError(f"{what.get(flag, f'an entry of type {flag!r}')}: layers have none")

    def applied(self, member: Member) -> Member:
        """*member* with the attributes that its header had no room for; path, link and size are in it."""
        return member._replace(
            uid=member.uid if self.uid is None else self.uid,
            gid=member.gid if self.gid is None else self.gid,
            mtime=member.mtime if self.mtime is None else self.mtime,
        )

    def _with(self, records: Mapping[bytes, bytes]) -> "_Extra":
        if any(key.startswith(b"GNU.sparse.") for key in records):
            raise TarError("a sparse file: layers have none")
        numbers = {
            name: _decimal(records[name]) for name in (b"size", b"uid", b"gid", b"mtime") if name in records
        }
        return _Extra(
            path=records.get(b"path", self.path),
            link=records.get(b"linkpath", self.link),
            size=numbers.get(b"size", self.size),
            uid=numbers.get(b"uid", self.uid),
            gid=numbers.get(b"gid", self.gid),
            mtime=numbers.get(b"mtime", self.mtime),
        )


PLAIN: Final = _Extra()


class _Fields:
    """Numbers of headers; most entries repeat those of another, and looking up is quicker than reading."""

    __slots__ = ("_owners", "_times")

    def __init__(self) -> None:
        self._owners: dict[bytes, tuple[int, int, int]] = {}
        self._times: dict[bytes, int] = {}

    def owner(self, field: bytes) -> tuple[int, int, int]:
        """Mode, uid and gid."""
        found = self._owners.get(field)
        if found is None:
            found = _number(field[:8]) & 0o7777, _number(field[8:16]), _number(field[16:])
            self._owners[field] = found
        return found

    def time(self, field: bytes) -> int:
        """Seconds since the epoch."""
        found = self._times.get(field)
        if found is None:
            if len(self._times) > MANY:
                self._times.clear()
            found = self._times[field] = _number(field)
        return found


class _Stream:
    """Chunks as one row of bytes; one of them in memory."""

    __slots__ = ("_buffer", "_chunks", "_position")

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._buffer, self._position = chunks, b"", 0

    def header(self) -> bytes | None:
        """The next header; None at the end of the archive. Raises TarError for what is no header."""
        block = self._block()
        if block[257:262] == b"ustar" or (block and block != ZEROS and _proven(block)):
            return block
        if self._block() not in {b"", ZEROS}:
            raise TarError("entries follow the end of the archive")
        return None

    def take(self, size: int) -> bytes:
        """The next *size* bytes. Raises TarError where the stream ends before."""
        pieces = []
        while size > 0:
            if self._position >= len(self._buffer) and not self._next():
                raise TarError("the archive ends in the middle of an entry")
            piece = self._buffer[self._position : self._position + size]
            self._position += len(piece)
            size -= len(piece)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def skip(self, size: int) -> None:
        """Leave out *size* bytes. Raises TarError where the stream ends before."""
        self._position += size
        while (over := self._position - len(self._buffer)) > 0:
            if not self._next():
                raise TarError("the archive ends in the middle of a file")
            self._position = over

    def drain(self) -> None:
        """Read what follows the archive: padding."""
        while self._next():
            pass

    def _block(self) -> bytes:
        """The next 512 bytes; empty where the stream ends here."""
        start = self._position
        block = self._buffer[start : start + BLOCK]
        self._position = start + len(block)
        if len(block) == BLOCK or not (block or self._next()):
            return block
        return block + self.take(BLOCK - len(block))

    def _next(self) -> bool:
        self._buffer, self._position = next(self._chunks, b""), 0
        while not self._buffer:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._buffer = chunk
        return True


def _proven(header: bytes) -> bool:
    """True for a header from before POSIX, which only its checksum tells from rubbish. Raises TarError."""
    as_spaces, told = header[:148] + b" " * 8 + header[156:], header[148:156].strip(b" \0")
    if not told.isdigit() or sum(as_spaces) != _number(told):
        raise TarError("a header is damaged, or this is no tar at all")
    return True


def _name(header: bytes) -> bytes:
    name = header[:100].partition(b"\0")[0]
    if header[345] and header[257:263] == b"ustar\0":  # GNU tar keeps other things there
        return _text(header[345:500]) + b"/" + name
    return name


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _believed(header: bytes) -> int:
    """Size of a header's own data, padded. Raises TarError where no honest one is that large."""
    size = _number(header[124:136])
    if size > LONGEST:
        raise TarError(f"an extended header of {size} bytes")
    return size + -size % BLOCK


def _number(field: bytes) -> int:
    """Octal digits, or GNU's base 256. Raises TarError."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big", signed=True)
        value = value if field[0] == 0xFF else value & ((1 << (8 * len(field) - 1)) - 1)
        if abs(value) >= ENORMOUS:
            raise TarError(f"{value} in a header")
    else:
        try:
            value = int(field.strip(b" \0") or b"0", 8)
        except ValueError as error:
            raise TarError(f"{field!r} is no number in a header") from error
    return value


def _decimal(value: bytes) -> int:
    """A number of a pax record; times may have a fraction. Raises TarError."""
    try:
        number = int(value.partition(b".")[0])
    except ValueError as error:
        raise TarError(f"{value[:40]!r} is no number in a pax record") from error
    if abs(number) >= ENORMOUS:
        raise TarError(f"{value[:40]!r} in a pax record")
    return number


def _pax(data: bytes) -> Mapping[bytes, bytes]:
    """Records ``LENGTH KEY=VALUE\\n``. Raises TarError."""
    records: dict[bytes, bytes] = {}
    data = data.rstrip(b"\0")
    while data:
        length, space, _ = data.partition(b" ")
        size = int(length) if length.isdigit() and len(length) < len(str(LONGEST)) else 0
        key, equals, value = data[len(length) + 1 : size].partition(b"=")
        if not (space and equals and value.endswith(b"\n")):
            raise TarError("a pax record is damaged")
        records[key], data = value[:-1], data[size:]
    return records
