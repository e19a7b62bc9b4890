"""Which files of an image are read, and what of them is kept: the few that tell what it holds."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from typing import Final

__all__ = ["reduce", "wanted"]

Reducer = Callable[[bytes], bytes | None]

LARGEST: Final = 64 << 20
"""Bytes; a larger file is not read, and what it would have told stays unknown."""
SMALL: Final = 1 << 20
"""The same for files of which a whole folder may be read."""

PROGRAMS: Final = frozenset(
    [
        b"python",
        b"python3",
        *(b"python3.%d%s" % (minor, end) for minor in range(6, 40) for end in (b"", b"t")),
    ]
)
"""An interpreter, or a script in its place: the first bytes tell."""
HEADERS: Final = frozenset({b"METADATA", b"PKG-INFO"})
NAMES: Final = HEADERS | {
    b"RECORD",
    b"INSTALLER",
    b"direct_url.json",
    b"pyvenv.cfg",
    b"patchlevel.h",
    b"rpmdb.sqlite",
    b"libc.so.6",
}
SYSTEM: Final = frozenset(
    {
        b"etc/os-release",
        b"usr/lib/os-release",
        b"etc/passwd",
        b"var/lib/dpkg/status",
        b"lib/apk/db/installed",
        b"usr/lib/apk/db/installed",
    }
)
DPKG: Final = re.compile(rb"^(?:Package|Status|Version|Architecture|Installed-Size): .*$|^$", re.MULTILINE)
GLIBC: Final = re.compile(rb"GNU C Library [^\n\0]{0,200}? version (\d+\.\d+)")
PYTHON: Final = re.compile(rb'^#define\s+PY_VERSION\s+"([^"]+)"', re.MULTILINE)


def wanted(path: bytes, size: int) -> bool:
    """Whether the content of the file *path* of *size* bytes is worth reading."""
    name = path[path.rfind(b"/") + 1 :]
    if name in NAMES:
        return size <= LARGEST
    if name in PROGRAMS:
        return size <= LARGEST and b"bin/" in path
    suffix = name[-9:]
    if suffix[-4:] == b".pth" or suffix in {b".egg-link", b".egg-info"}:
        return size <= SMALL
    if suffix[-5:] == b".json":
        return b"conda-meta/" in path and size <= LARGEST
    return (path in SYSTEM or path.startswith(b"var/lib/dpkg/status.d/")) and size <= LARGEST


def reduce(path: bytes, data: bytes) -> bytes | None:
    """What is kept of the file *path* with the content *data*; None where it is not what its name says."""
    name = path[path.rfind(b"/") + 1 :]
    rule = REDUCERS.get(name)
    if rule is None and path.startswith(b"var/lib/dpkg/status"):
        rule = _dpkg
    if rule is None and name.endswith(b".json") and b"conda-meta/" in path:
        rule = _conda
    if rule is None and name.endswith(b".egg-info"):
        rule = _headers
    if name in PROGRAMS:
        return data[:2]
    return data if rule is None else rule(data)


def _headers(data: bytes) -> bytes:
    """The headers of metadata; the long description behind the first empty line is left out."""
    return data.replace(b"\r\n", b"\n").partition(b"\n\n")[0]


def _record(data: bytes) -> bytes | None:
    """The paths of RECORD, one on a line; one that holds a line break could not be told from two."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        paths = [row[0] for row in csv.reader(io.StringIO(text)) if row and row[0] and "\n" not in row[0]]
    except csv.Error:
        return None
    return "\n".join(paths).encode("utf-8", "surrogateescape")


def _dpkg(data: bytes) -> bytes:
    """The fields of dpkg's status that are asked for, with the empty lines between packages."""
    return b"\n".join(DPKG.findall(data))


def _conda(data: bytes) -> bytes | None:
    try:
        told = json.loads(data)
        sizes = [each.get("size_in_bytes") for each in (told.get("paths_data") or {}).get("paths") or ()]
        kept = {key: told.get(key) for key in ("name", "version", "build", "subdir")}
        own = [
            name for name in told.get("files") or () if name.endswith(("/METADATA", "/PKG-INFO", ".egg-info"))
        ]
    except (AttributeError, TypeError, ValueError):
        return None
    size = sum(each for each in sizes if isinstance(each, int)) if sizes else None
    return json.dumps(kept | {"size": size, "metadata": own}).encode()


def _rpm(data: bytes) -> bytes:
    from byoc_kit.inventory.rpm import read_database

    return json.dumps(read_database(data)).encode()


def _found(pattern: re.Pattern[bytes]) -> Reducer:
    def found(data: bytes) -> bytes | None:
        match = pattern.search(data)
        return match[1] if match else None

    return found


REDUCERS: Final[Mapping[bytes, Reducer]] = {
    b"METADATA": _headers,
    b"PKG-INFO": _headers,
    b"RECORD": _record,
    b"rpmdb.sqlite": _rpm,
    b"libc.so.6": _found(GLIBC),
    b"patchlevel.h": _found(PYTHON),
}
"""What is kept, by the file's name; of all others, everything."""
