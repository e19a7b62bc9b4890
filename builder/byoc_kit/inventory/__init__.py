"""What a base holds.

Two ways lead here: a short look inside the running base fills the first half (``interpreter`` and commands);
reading the layers, without running anything, fills all of it. A field that nobody could tell is None, never a
guess.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.oci.digest import Digest

__all__ = [
    "Distribution",
    "Interpreter",
    "Inventory",
    "LayerFacts",
    "Libc",
    "OsPackage",
    "Python",
    "Scheme",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python that the image's PATH leads to."""

    executable: str
    """Absolute path inside the image, as found on PATH (a venv's own path, links not resolved)."""
    version: tuple[int, int, int | None]
    """Major, minor, micro; micro None where only the files were read and none of them tells it."""
    pip: str | None = None
    """Version of the pip it imports; None: it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """Where an installer puts the parts of a wheel (PyPA: installation scheme); absolute, links followed."""

    purelib: PurePosixPath
    platlib: PurePosixPath
    scripts: PurePosixPath
    data: PurePosixPath
    headers: PurePosixPath
    """The folder in which each distribution gets one of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """One interpreter of the image, found in its files."""

    executable: str
    """Absolute, as PATH or the file tree names it; links not followed: a venv is known by its own."""
    version: tuple[int, int, int | None]
    """Major, minor, micro; micro None where the files do not tell it."""
    abi: str
    """Tag of the interpreter's ABI, e.g. ``cp311``."""
    prefix: str
    """``sys.prefix``."""
    paths: tuple[str, ...]
    """Site-packages and dist-packages in the order of ``sys.path``."""
    scheme: Scheme
    kind: Literal["system", "venv", "conda", "other"]
    default: bool = False
    """Whether ``python3`` (else ``python``) on the image's PATH means it."""
    externally_managed: bool = False
    """Whether pip refuses to install without being forced (PEP 668)."""
    sees: tuple[str, ...] = ()
    """Folders of *paths* whose distributions belong to another prefix (a venv with system site-packages)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One installed Python distribution."""

    name: str
    """Normalised (PEP 503)."""
    version: str
    """As its metadata says, local part included: ``2.8.0+cu129``."""
    python: str
    """Executable of the :class:`Python` that imports it first."""
    location: str
    """The folder on ``sys.path`` that holds its metadata; absolute."""
    metadata: str
    """Path of its ``.dist-info`` or ``.egg-info`` below *location*."""
    installer: str | None = None
    """INSTALLER, e.g. ``pip``, ``uv``, ``conda``, ``debian``."""
    direct_url: str | None = None
    """URL of direct_url.json (PEP 610); user info left out."""
    editable: bool = False
    requires: tuple[str, ...] = ()
    """Requires-Dist, as written."""
    requires_python: str | None = None
    extras: tuple[str, ...] = ()
    files: Sequence[str] | None = None
    """Absolute paths of RECORD; None: it has no RECORD."""
    size: int | None = None
    """Bytes of its files; None where *files* is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OsPackage:
    """One package of the distribution or of conda."""

    name: str
    version: str
    manager: Literal["dpkg", "rpm", "apk", "conda"]
    architecture: str | None = None
    size: int | None = None
    """Bytes installed, where the manager's data says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Libc:
    """Decides which wheels fit: manylinux for glibc, musllinux for musl."""

    name: Literal["glibc", "musl"]
    version: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFacts:
    """One layer in numbers."""

    digest: Digest | None
    """Of the compressed blob; None where the source has none (the engine)."""
    diff_id: Digest
    size: int | None
    """Bytes as it travels, where known."""
    unpacked: int
    """Bytes of its files."""
    files: int
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What is known of one image."""

    reference: str
    """The reference as the user wrote it."""
    image_id: str | None
    """The engine's image id (digest of the config), where an engine has it."""
    digest: str | None
    """Digest of the manifest in the registry it came from, where that is known."""
    platform: Platform
    config: ImageConfig
    python: Interpreter | None
    """The interpreter that ``python3`` (else ``python``) on PATH means; None: there is none."""
    os_id: str | None = None
    """``ID`` of /etc/os-release, e.g. ``debian``."""
    os_version: str | None = None
    package_manager: str | None = None
    """``apt-get``, ``dnf``, ``microdnf``, ``apk``; None: none of them is on PATH."""
    commands: frozenset[str] = field(default_factory=frozenset)
    """Of the names that were asked for (``train``, ``bash``, ``pip3``, ...), those found on PATH."""

    # What only reading the layers tells; None: they were not read, or their files do not say.
    libc: Libc | None = None
    pythons: tuple[Python, ...] | None = None
    distributions: tuple[Distribution, ...] | None = None
    os_packages: tuple[OsPackage, ...] | None = None
    cuda: str | None = None
    """Version of the CUDA runtime library, e.g. ``12.9``."""
    toolkits: Mapping[str, str] | None = None
    """SageMaker's toolkits to their versions: ``sagemaker-training``, ``sagemaker-inference``, ..."""
    layers: tuple[LayerFacts, ...] | None = None
    unknown: tuple[str, ...] = ()
    """What the files could not tell, a sentence each."""

    @property
    def default_python(self) -> Python | None:
        """The :class:`Python` behind ``python3`` on PATH; None: unknown or absent."""
        return next((each for each in self.pythons or () if each.default), None)

    def importable(self, python: Python) -> tuple[Distribution, ...]:
        """What *python* imports, in the order of its ``sys.path``: of each name the first."""
        places = {path: number for number, path in enumerate(python.paths)}
        found = [each for each in self.distributions or () if each.location in places]
        found.sort(key=lambda each: places[each.location])
        return tuple({each.name: each for each in reversed(found)}.values())[::-1]
