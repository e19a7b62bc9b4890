"""The bytes of a layer's files, read where they lie: in wheels (not unpacked) and on disk."""

import hashlib
import lzma
import os
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from byoc_kit.engines.layer.deflate import crc32, damaged, inflate, inflated, proven
from byoc_kit.engines.layer.entries import Body, Inline, InWheel, Member, OnDisk
from byoc_kit.engines.layer.tarwrite import Copied, Piece
from byoc_kit.errors import ByocError

__all__ = ["COPIED_FROM", "Reader"]

COPIED_FROM: Final = 128 << 10
"""Bytes from which on a member's own deflate stream is copied. Smaller ones would make thousands of gzip
members, which costs some who inflate (pigz) half their speed."""

CHUNK: Final = 1 << 18  # bytes read at a time
LOCAL_HEADER: Final = 30  # bytes before name and extra field (APPNOTE.TXT 4.3.7)
EXTRA: Final = 64  # bytes of extra field that are usually enough
STORED: Final = 0
DEFLATED: Final = 8


class Reader:
    """Gives the content of files; keeps the wheels open until it is closed."""

    def __init__(self, *, copy: bool = True) -> None:
        """*copy*: whether large members are given as their own deflate streams (:class:`Copied`)."""
        self._copy = copy
        self._open: dict[Path, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def __call__(self, body: Body) -> Iterator[Piece]:
        """The content of *body*. Raises ByocError: BYOC-E320 damaged, BYOC-E327 changed or unreadable."""
        match body:
            case Inline(data):
                yield data
            case OnDisk():
                yield from _on_disk(body)
            case InWheel(wheel, _, member):
                yield from self._member(wheel, member)

    def small(self, wheel: Path, member: Member) -> bytes:
        """The whole content of *member*."""
        return b"".join(each for each in self._member(wheel, member, copy=False) if isinstance(each, bytes))

    def _member(self, wheel: Path, member: Member, *, copy: bool | None = None) -> Iterator[Piece]:
        what = f"{member.name} in {wheel.name}"
        if member.method not in {STORED, DEFLATED}:
            yield from _with_zipfile(wheel, member, what)
        elif member.size < COPIED_FROM:
            yield self._at_once(wheel, member, what)
        elif member.method == STORED:
            yield from _checked(self._raw(wheel, member), member, what)
        else:
            copied = Copied(what, self._raw(wheel, member), member.size, member.crc)
            if self._copy if copy is None else copy:
                yield copied
            else:
                yield from (data for _, data in inflated(copied))

    def _at_once(self, wheel: Path, member: Member, what: str) -> bytes:
        """A small member, most often with one call to the kernel."""
        file, ahead = self._file(wheel), LOCAL_HEADER + len(member.name.encode()) + EXTRA
        got = os.pread(file, ahead + member.compressed, member.header)
        start = _data_offset(got)
        raw = got[start : start + member.compressed]
        if len(raw) < member.compressed:
            raw = os.pread(file, member.compressed, member.header + start)
        if member.method == STORED:
            return proven(what, raw, member.size, member.crc)
        return inflate(what, raw, member.size, member.crc)

    def _raw(self, wheel: Path, member: Member) -> Iterator[bytes]:
        """A member as the wheel holds it, in chunks."""
        file = self._file(wheel)
        start = member.header + _data_offset(os.pread(file, LOCAL_HEADER, member.header))
        end = start + member.compressed
        while start < end and (chunk := os.pread(file, min(CHUNK, end - start), start)):
            yield chunk
            start += len(chunk)

    def _file(self, wheel: Path) -> int:
        if wheel not in self._open:
            try:
                self._open[wheel] = os.open(wheel, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise _unreadable(wheel, error.strerror or str(error)) from error
        return self._open[wheel]


def _data_offset(local_header: bytes) -> int:
    """Where a member's data begins: its local header may have other extra fields than the directory."""
    if len(local_header) < LOCAL_HEADER:
        return LOCAL_HEADER
    name, extra = struct.unpack_from("<HH", local_header, 26)
    return int(LOCAL_HEADER + name + extra)


def _checked(chunks: Iterator[bytes], member: Member, what: str) -> Iterator[bytes]:
    size = crc = 0
    for chunk in chunks:
        size, crc = size + len(chunk), crc32(chunk, crc)
        yield chunk
    if (size, crc) != (member.size, member.crc):
        raise damaged(what, f"{member.size} bytes with CRC-32 {member.crc:08x} were promised")


def _with_zipfile(wheel: Path, member: Member, what: str) -> Iterator[bytes]:
    """A member that is compressed by another method than wheels use; rare, and slower."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member.name) as stream:
            yield from iter(lambda: stream.read(CHUNK), b"")
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, lzma.LZMAError) as error:
        raise damaged(what, str(error)) from error


def _on_disk(body: OnDisk) -> Iterator[bytes]:
    """A file whose digest is known; what changed since is noticed: the layer would have another digest."""
    state = hashlib.sha256()
    try:
        with body.path.open("rb") as file:
            while chunk := file.read(CHUNK):
                state.update(chunk)
                yield chunk
    except OSError as error:
        raise _unreadable(body.path, error.strerror or str(error)) from error
    if state.hexdigest() != body.sha256:
        raise _unreadable(body.path, "it changed while the layer was made")


def _unreadable(path: Path, why: str) -> ByocError:
    return ByocError(
        f"{path} cannot be put into the image",
        why=why,
        fix="stop whatever writes or removes it, correct its permissions, and build again",
        id="BYOC-E327",
    )
