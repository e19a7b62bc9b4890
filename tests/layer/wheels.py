"""Wheels made by hand, as strange as a test wants them; and the small world that they are installed into."""

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from byoc_kit.engines.layer.ground import Ground
from byoc_kit.engines.layer.wheel import Wheel, read_wheel
from byoc_kit.inventory import Distribution, Inventory, Python, Scheme
from byoc_kit.inventory.layer import read_layer
from byoc_kit.inventory.merge import merge
from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.spec.lock import Lock, LockedBase, LockedWheel

SITE = "opt/venv/lib/python3.11/site-packages"
EXECUTABLE = "/opt/venv/bin/python3"
SCHEME = Scheme(
    purelib=PurePosixPath("/opt/venv/lib/python3.11/site-packages"),
    platlib=PurePosixPath("/opt/venv/lib64/python3.11/site-packages"),
    scripts=PurePosixPath("/opt/venv/bin"),
    data=PurePosixPath("/opt/venv"),
    headers=PurePosixPath("/opt/venv/include/site/python3.11"),
)
PYTHON = Python(
    executable=EXECUTABLE,
    version=(3, 11, 2),
    abi="cp311",
    prefix="/opt/venv",
    paths=("/opt/venv/lib/python3.11/site-packages",),
    scheme=SCHEME,
    kind="venv",
    default=True,
)
DATE = (2024, 2, 29, 12, 30, 2)


@dataclass(frozen=True)
class Made:
    """A wheel to be written: member names to contents; those in *executables* have the x bit."""

    name: str
    version: str = "1.0"
    files: Mapping[str, bytes] = field(default_factory=dict)
    executables: frozenset[str] = frozenset()
    scripts: str = ""
    purelib: bool = True
    extra: tuple[tuple[str, bytes], ...] = ()
    """Members that RECORD does not name, in addition, even if they are there already."""

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}-py3-none-any.whl"

    @property
    def dist_info(self) -> str:
        return f"{self.name}-{self.version}.dist-info"

    def contents(self) -> dict[str, bytes]:
        meta = {
            "METADATA": f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.version}\n",
            "WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {str(self.purelib).lower()}\n"
            "Tag: py3-none-any\n",
        }
        if self.scripts:
            meta["entry_points.txt"] = f"[console_scripts]\n{self.scripts}\n"
        return dict(self.files) | {f"{self.dist_info}/{name}": text.encode() for name, text in meta.items()}

    def write(self, folder: Path) -> Path:
        path = folder / self.filename
        contents = self.contents()
        rows = [f"{_quoted(name)},sha256={_hash(data)},{len(data)}" for name, data in contents.items()]
        record = f"{self.dist_info}/RECORD"
        contents[record] = "\n".join([*rows, f"{record},,"]).encode()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in [*contents.items(), *self.extra]:
                info = zipfile.ZipInfo(name, DATE)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = (0o100755 if name in self.executables else 0o100644) << 16
                archive.writestr(info, data)
        return path

    def read(self, folder: Path) -> Wheel:
        path = self.write(folder)
        return read_wheel(path, filename=self.filename, sha256=sha256(path))

    def locked(self, path: Path, *, direct: bool = False, replaces: str | None = None) -> LockedWheel:
        return LockedWheel(
            name=self.name.lower().replace("_", "-"),
            version=self.version,
            filename=self.filename,
            sha256=sha256(path),
            direct=direct,
            replaces=replaces,
        )


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lock(*wheels: LockedWheel) -> Lock:
    base = LockedBase(
        reference="base",
        digest=None,
        image_id=None,
        platform=Platform(),
        python="3.11",
        executable=EXECUTABLE,
        libc="glibc 2.36",
    )
    return Lock(base=base, requirements=(), wheels=tuple(sorted(wheels, key=lambda each: each.name)))


def ground(entries: Iterable[tarfile.TarInfo]) -> Ground:
    """A base of one layer that has *entries*; regular files are as long as they say, and empty inside."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for entry in entries:
            tar.addfile(entry, io.BytesIO(bytes(entry.size)))
    return Ground(merge([read_layer([stream.getvalue()])]).index)


def folder(path: str, mode: int = 0o755, uid: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.uid, info.mtime = tarfile.DIRTYPE, mode, uid, 7
    return info


def file(path: str, size: int = 3) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.size, info.mode = size, 0o644
    return info


def link(path: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


VENV = (
    folder("opt"),
    folder("opt/venv"),
    folder("opt/venv/bin"),
    folder("opt/venv/lib"),
    link("opt/venv/lib64", "lib"),
    folder("opt/venv/lib/python3.11"),
    folder(SITE, 0o775, uid=1000),
    folder("tmp", 0o1777),
)
"""A venv as ``python -m venv`` leaves it, with ``lib64 -> lib``."""


def inventory(*distributions: Distribution, labels: Mapping[str, str] | None = None) -> Inventory:
    return Inventory(
        reference="base",
        image_id=None,
        digest=None,
        platform=Platform(),
        config=ImageConfig(labels=labels or {}, env={"PATH": "/opt/venv/bin:/usr/bin"}),
        python=None,
        pythons=(PYTHON,),
        distributions=distributions,
    )


def installed(name: str, version: str, *paths: str, installer: str = "pip") -> Distribution:
    """A distribution of the venv whose RECORD names *paths*, relative to site-packages, and its metadata."""
    metadata = f"{name}-{version}.dist-info"
    own = (f"{metadata}/METADATA", f"{metadata}/RECORD", f"{metadata}/INSTALLER")
    return Distribution(
        name=name,
        version=version,
        python=EXECUTABLE,
        location=f"/{SITE}",
        metadata=metadata,
        installer=installer,
        files=tuple(f"/{SITE}/{path}" for path in (*paths, *own)),
    )


def tree_of(distribution: Distribution) -> list[tarfile.TarInfo]:
    """The files of *distribution*, and the folders they are in."""
    files = [path.lstrip("/") for path in distribution.files or ()]
    below = {
        str(parent)
        for path in files
        for parent in PurePosixPath(path).parents
        if len(str(parent)) > len(SITE)
    }
    return [*map(folder, sorted(below)), *map(file, files)]


def _hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def _quoted(name: str) -> str:
    return f'"{name}"' if "," in name else name
