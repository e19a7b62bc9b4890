"""Where the files of a wheel go: from member names to paths in the image. Pure.

Binary distribution format (PyPA), "Installing a wheel"; recording installed projects (PyPA).
"""

import base64
import csv
import hashlib
import io
import posixpath
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import installer.scripts

from byoc_kit.engines.layer.entries import OLD, Body, Inline, InWheel, Member
from byoc_kit.engines.layer.wheel import Recorded, Wheel
from byoc_kit.errors import ByocError
from byoc_kit.inventory import Scheme

__all__ = ["INSTALLER", "Placed", "Target", "place"]

INSTALLER: Final = "byoc"
"""What INSTALLER says, and pip and uv show."""
SIGNED: Final = {"RECORD.jws", "RECORD.p7s"}  # signatures of a RECORD that is written anew
OURS: Final = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
SHEBANG: Final = 127  # bytes of the first line that every Linux kernel reads

Read = Callable[[Member], bytes]
"""Gives a member's content; asked for small members only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The environment that is installed into."""

    scheme: Scheme
    executable: str
    """The interpreter that scripts start; absolute path in the image."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One file of a wheel at its place."""

    path: str
    """Absolute, as the scheme names it; links of the base are not followed yet."""
    mode: int
    mtime: int
    body: Body
    hash: str
    """As RECORD has it; empty for RECORD itself. Equal hashes: equal content."""


def place(
    wheel: Wheel, target: Target, read: Read, *, requested: bool = False, direct_url: bytes | None = None
) -> tuple[Placed, ...]:
    """The files that an installed *wheel* consists of, RECORD last.

    *requested*: whether the user asked for it by name (REQUESTED). *direct_url*: content of direct_url.json
    (PEP 610). Raises ByocError (BYOC-E320) where the wheel has parts that no scheme knows.
    """
    site = target.scheme.purelib if wheel.purelib else target.scheme.platlib
    files = [
        *(_member(wheel, member, target, read) for member in wheel.members if not _left_out(wheel, member)),
        *_entry_points(wheel, target),
        *_notes(wheel, site, requested, direct_url),
    ]
    return (*files, _record(wheel, site, files))


def _left_out(wheel: Wheel, member: Member) -> bool:
    """What is not installed: what is written anew, signatures, and byte code that might be anything."""
    folder, _, name = member.name.rpartition("/")
    return (folder == wheel.dist_info and name in OURS | SIGNED) or "__pycache__" in folder.split("/")


def _member(wheel: Wheel, member: Member, target: Target, read: Read) -> Placed:
    kind, rest = _kind(wheel, member.name)
    path = str(_root(kind, wheel, target.scheme) / rest)
    if kind == "scripts":
        return _script(path, member, wheel, read(member), target)
    known = wheel.record.get(member.name, Recorded("", ""))
    return Placed(
        path=path,
        mode=0o755 if member.executable else 0o644,
        mtime=member.mtime,
        body=InWheel(wheel.path, wheel.sha256, member),
        hash=known.hash or _hash(read(member)),
    )


def _kind(wheel: Wheel, name: str) -> tuple[str, str]:
    """The key of the scheme, and the path below its folder."""
    if not name.startswith(f"{wheel.data}/"):
        return ("purelib" if wheel.purelib else "platlib"), name
    kind, _, rest = name.removeprefix(f"{wheel.data}/").partition("/")
    if kind not in {"purelib", "platlib", "headers", "scripts", "data"} or not rest:
        raise ByocError(
            f"{wheel} cannot be installed: nobody knows where {name} belongs",
            why="the parts of a .data folder are purelib, platlib, headers, scripts and data",
            fix="tell its author, and lock another version (`byoc lock --upgrade NAME`)",
            id="BYOC-E320",
        )
    return kind, rest


def _root(kind: str, wheel: Wheel, scheme: Scheme) -> PurePosixPath:
    folder: PurePosixPath = getattr(scheme, kind)
    return folder / wheel.name if kind == "headers" else folder


def _script(path: str, member: Member, wheel: Wheel, data: bytes, target: Target) -> Placed:
    """A file of ``.data/scripts``: executable, and started by the image's interpreter."""
    if not data.startswith(b"#!python"):
        body: Body = InWheel(wheel.path, wheel.sha256, member)
    else:
        body = Inline(_shebang(target.executable) + data.partition(b"\n")[2])
        data = body.data
    return Placed(path=path, mode=0o755, mtime=member.mtime, body=body, hash=_hash(data))


def _shebang(executable: str) -> bytes:
    """The first line; through the shell where the kernel would not understand it."""
    plain = f"#!{executable}\n".encode()
    if len(plain) <= SHEBANG and " " not in executable:
        return plain
    return f"#!/bin/sh\n'''exec' {shlex.quote(executable)} \"$0\" \"$@\"\n' '''\n".encode()


def _entry_points(wheel: Wheel, target: Target) -> Iterator[Placed]:
    for each in wheel.scripts:
        script = installer.scripts.Script(each.name, each.module, each.attribute, "console")
        name, data = script.generate(target.executable, "posix")
        yield _ours(target.scheme.scripts / name, data, mode=0o755)


def _notes(wheel: Wheel, site: PurePosixPath, requested: bool, direct_url: bytes | None) -> Iterator[Placed]:
    folder = site / wheel.dist_info
    yield _ours(folder / "INSTALLER", f"{INSTALLER}\n".encode())
    if requested:
        yield _ours(folder / "REQUESTED", b"")
    if direct_url is not None:
        yield _ours(folder / "direct_url.json", direct_url)


def _record(wheel: Wheel, site: PurePosixPath, files: list[Placed]) -> Placed:
    """RECORD, with paths relative to its site-packages, as pip needs them to uninstall."""
    own = f"{wheel.dist_info}/RECORD"
    rows = [(_relative(file.path, site), file.hash, str(file.body.size)) for file in files]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(sorted([*rows, (own, "", "")]))
    body = Inline(text.getvalue().encode())
    return Placed(path=str(site / own), mode=0o644, mtime=OLD, body=body, hash="")


def _relative(path: str, site: PurePosixPath) -> str:
    inside = f"{site}/"
    return path.removeprefix(inside) if path.startswith(inside) else posixpath.relpath(path, site)


def _ours(path: PurePosixPath, data: bytes, mode: int = 0o644) -> Placed:
    return Placed(path=str(path), mode=mode, mtime=OLD, body=Inline(data), hash=_hash(data))


def _hash(data: bytes) -> str:
    value = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return f"sha256={value}"
