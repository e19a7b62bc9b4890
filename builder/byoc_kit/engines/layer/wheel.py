"""What a wheel says about itself: its members, RECORD, scripts; and that it is safe to unpack.

Binary distribution format (PyPA), PEP 376, PEP 427. The file's digest has been checked against the lock
before; what is checked here is what a wheel with the right digest can still do wrong.
"""

import calendar
import csv
import lzma
import posixpath
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from installer.records import InvalidRecordEntry, parse_record_file
from installer.utils import parse_entrypoints
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from byoc_kit.engines.layer.entries import OLD, Member
from byoc_kit.errors import ByocError

__all__ = ["Recorded", "Script", "Wheel", "member_of", "read_wheel"]

DAMAGED = (
    *(
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        struct.error,
        NotImplementedError,
        RuntimeError,
    ),
    *(InvalidWheelFilename, InvalidRecordEntry, csv.Error, KeyError, ValueError),
)
"""What reading a damaged zip, and then its texts, may raise."""
ENCRYPTED = 0x1  # general purpose bit flag, APPNOTE.TXT 4.4.4


@dataclass(frozen=True, slots=True)
class Script:
    """A command that an entry point asks for."""

    name: str
    module: str
    attribute: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """What RECORD says of one file."""

    hash: str
    """``sha256=`` and base64, as written; empty: not recorded."""
    size: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One wheel, read but not unpacked."""

    path: Path
    filename: str
    """Its name in the index; *path* may be a file of a cache with another one."""
    sha256: str
    """Of the file, hexadecimal."""
    name: str
    """Normalised (PEP 503)."""
    version: str
    dist_info: str
    """Name of its metadata folder, e.g. ``numpy-2.4.6.dist-info``."""
    purelib: bool
    """Root-Is-Purelib: which of the two folders of a scheme the wheel's root goes to."""
    members: tuple[Member, ...]
    """Without directories."""
    record: Mapping[str, Recorded]
    scripts: tuple[Script, ...]
    """Of ``console_scripts`` and ``gui_scripts``, as written."""

    @property
    def data(self) -> str:
        """Name of the folder whose parts go elsewhere: ``NAME-VERSION.data``."""
        return f"{self.dist_info.removesuffix('.dist-info')}.data"

    def __str__(self) -> str:
        return self.filename


def read_wheel(path: Path, *, filename: str, sha256: str) -> Wheel:
    """The wheel at *path*, whose name in the index is *filename* and whose digest (hexadecimal) is *sha256*.

    Raises ByocError: BYOC-E320 where it is damaged or no wheel, BYOC-E321 where a path in it is unsafe.
    """
    try:
        name = parse_wheel_filename(filename)[0]
        with zipfile.ZipFile(path) as archive:
            return _read(archive, name, filename, sha256)
    except DAMAGED as error:
        raise _damaged(filename, str(error) or type(error).__name__) from error
    except OSError as error:
        raise _damaged(filename, error.strerror or str(error)) from error


def _read(archive: zipfile.ZipFile, name: str, filename: str, sha256: str) -> Wheel:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    refuse_unsafe(filename, [info.orig_filename for info in infos])
    if any(info.flag_bits & ENCRYPTED for info in infos):
        raise ValueError("it is encrypted")
    dist_info = _dist_info(name, {info.filename.partition("/")[0] for info in infos})
    meta = HeaderParser().parsestr(archive.read(f"{dist_info}/WHEEL").decode())
    if not str(meta["Wheel-Version"]).startswith("1."):
        raise ValueError(f"Wheel-Version {meta['Wheel-Version']} is none that this program knows")
    rows = parse_record_file(archive.read(f"{dist_info}/RECORD").decode().splitlines())
    return Wheel(
        path=Path(str(archive.filename)),
        filename=filename,
        sha256=sha256,
        name=name,
        version=dist_info.removesuffix(".dist-info").rpartition("-")[2],
        dist_info=dist_info,
        purelib=str(meta["Root-Is-Purelib"]).lower() == "true",
        members=tuple(member_of(info) for info in infos),
        record={row[0]: Recorded(row[1], row[2]) for row in rows},
        scripts=_scripts(archive, dist_info, filename),
    )


def _dist_info(name: str, tops: Iterable[str]) -> str:
    found = [top for top in tops if top.endswith(".dist-info")]
    if len(found) != 1:
        raise ValueError(f"it has {len(found)} .dist-info folders")
    if canonicalize_name(found[0].removesuffix(".dist-info").rpartition("-")[0]) != name:
        raise ValueError(f"its metadata is that of {found[0]}")
    return found[0]


def member_of(info: zipfile.ZipInfo) -> Member:
    """What the directory of a zip says of one member."""
    mode = info.external_attr >> 16
    return Member(
        name=info.filename,
        header=info.header_offset,
        method=info.compress_type,
        compressed=info.compress_size,
        size=info.file_size,
        crc=info.CRC,
        mtime=_mtime(info.date_time),
        executable=stat.S_ISREG(mode) and bool(mode & 0o111),
    )


def _mtime(date: tuple[int, int, int, int, int, int]) -> int:
    """Seconds since the epoch; a date that no calendar has is none."""
    year, month, day, hour, minute, second = date
    possible = 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 62
    return calendar.timegm((year, month, day, hour, minute, second)) if possible else OLD


def _scripts(archive: zipfile.ZipFile, dist_info: str, filename: str) -> tuple[Script, ...]:
    try:
        text = archive.read(f"{dist_info}/entry_points.txt").decode()
    except KeyError:
        return ()
    try:
        found = tuple(Script(name, module, attr) for name, module, attr, _ in parse_entrypoints(text))
    except Exception as error:  # configparser's errors, and assertions on entries without a function
        raise ValueError(f"entry_points.txt cannot be read: {error}") from error
    for script in found:
        if "/" in script.name or script.name in {"", ".", ".."} or not script.name.isprintable():
            raise _unsafe(filename, script.name, "a script's name is no path")
    return found


def refuse_unsafe(wheel: str, names: list[str]) -> None:
    """Raise BYOC-E321 where a member would leave its place, hide something, or exist twice."""
    folders = {folder for name in names for folder in _parents(name)}
    seen = set[str]()
    for name in names:
        if reason := _unsafe_name(name):
            raise _unsafe(wheel, name, reason)
        if name in seen or name in folders:
            raise _unsafe(wheel, name, "it is there twice")
        seen.add(name)


def _unsafe_name(name: str) -> str:
    parts = name.split("/")
    if name.startswith("/") or ".." in parts:
        return "it leads out of the folder it is installed to"
    if "\\" in name or "\0" in name or not all(parts) or "." in parts:
        return "it is not the plain name of a file"
    if any(part.startswith(".wh.") for part in parts):
        return "in a layer, names beginning with .wh. hide other files (OCI image-spec, layer.md)"
    return ""


def _parents(name: str) -> Iterable[str]:
    while name := posixpath.dirname(name):
        if name == "/":
            return
        yield name


def _damaged(wheel: str, why: str) -> ByocError:
    return ByocError(
        f"{wheel} cannot be installed: it is damaged, or no wheel",
        why=why,
        fix="tell its author, and lock another version (`byoc lock --upgrade NAME`)",
        id="BYOC-E320",
    )


def _unsafe(wheel: str, name: str, why: str) -> ByocError:
    return ByocError(
        f"{wheel} is refused: it holds {name[:120]!r}",
        why=why,
        fix="do not use this wheel; tell its author",
        id="BYOC-E321",
    )
