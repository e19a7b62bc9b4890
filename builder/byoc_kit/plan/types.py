"""A plan is a base and typed steps; engines execute exactly this value and ``--dry-run`` prints it.

Also the value that a build leaves behind (:class:`Built`) and the two that rendering makes
(:class:`ContextFile`, :class:`Rendered`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from byoc_kit.oci.config import Platform
from byoc_kit.oci.transfer import Transfer
from byoc_kit.spec.lock import Lock, LockedWheel

__all__ = [
    "Asset",
    "Base",
    "Built",
    "ConfigStep",
    "Content",
    "ContextFile",
    "DockerfileStep",
    "EngineChoice",
    "Estimates",
    "FileEntry",
    "FilesStep",
    "Inline",
    "Options",
    "Output",
    "Plan",
    "ProjectFile",
    "PythonStep",
    "Rendered",
    "Step",
    "SystemStep",
    "Tree",
]


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """A file of the user's project, relative to its root."""

    path: PurePosixPath


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that byoc ships, relative to its ``containers`` folder, e.g. ``entry/__main__.py``."""

    path: PurePosixPath


@dataclass(frozen=True, slots=True)
class Inline:
    """A file whose text is decided by the plan, e.g. entry.json."""

    text: str


Content = ProjectFile | Asset | Inline
"""Where the bytes of a file come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One regular file of the image, owned by root."""

    dest: PurePosixPath
    """Absolute path in the image."""
    content: Content
    mode: int = 0o644
    """Permission bits; they come from here, never from the file system."""
    unix_lines: bool = False
    """Whether CRLF is turned into LF on the way (programs; IMG-04)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextFile:
    """One file of the build context."""

    path: PurePosixPath
    """Relative to the context's root."""
    content: Content
    mode: int = 0o644
    unix_lines: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonStep:
    """Python distributions to install with the base's own interpreter."""

    requirements: tuple[str, ...]
    """The user's PEP 508 requirements, in order."""
    runtime: tuple[str, ...]
    """What the style and the server add (sagemaker-training, uvicorn, ...), never hidden in a template."""
    packages: tuple[PurePosixPath, ...]
    """Folders of the project that are built into wheels."""
    sources: tuple[ContextFile, ...]
    """The files of *packages*, as the wheel stage gets them."""
    compiler: bool
    """Whether the wheel stage needs a C compiler (TTK-50)."""
    pip: bool = True
    """Whether the base's interpreter has pip; where not, one is fetched and installed."""
    bytecode: str = "none"
    """``none``, ``imports`` or ``all``: which installed modules are compiled beforehand."""
    may_change: tuple[str, ...] = ()
    """Distributions of the base that may get another version although only others need it."""
    protect: tuple[str, ...] = ()
    """Distributions of the base that keep their version although a requirement names them."""
    kind: Literal["python"] = "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemStep:
    """Packages of the base's package manager."""

    packages: tuple[str, ...]
    manager: str
    """``apt-get``, ``dnf``, ``microdnf`` or ``apk``."""
    kind: Literal["system"] = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesStep:
    """Files to add, in layers by how often they change."""

    layer: Literal["runtime", "files", "program"]
    """``runtime``: what byoc ships; ``files``: ``[files]``; ``program``: user code, changed most often."""
    files: tuple[FileEntry, ...]
    roots: tuple[PurePosixPath, ...]
    """Absolute paths: each file is one of them or lies below one; each is added in one go."""
    kind: Literal["files"] = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigStep:
    """What the image config says."""

    env: Mapping[str, str]
    labels: Mapping[str, str]
    entrypoint: tuple[str, ...] | None
    """None: the base's is kept."""
    cmd: tuple[str, ...] | None
    workdir: str | None
    user: str | None
    stop_signal: str | None = None
    kind: Literal["config"] = "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerfileStep:
    """A Dockerfile of the user's own, built as it is. Opaque: only the docker engine can execute it."""

    path: PurePosixPath
    kind: Literal["dockerfile"] = "dockerfile"


Step = PythonStep | SystemStep | FilesStep | ConfigStep | DockerfileStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What the image is built on."""

    reference: str
    digest: str | None
    """Manifest digest, where known; None for an image that only the local engine has."""
    image_id: str | None
    platform: Platform
    os: str | None = None
    """ID and VERSION_ID of its os-release, e.g. ``debian 12``; None: not known. Compiled wheels fit one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChoice:
    """Which engine executes the plan, and why not the others."""

    name: str
    why: str
    rejected: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where the image goes."""

    kind: Literal["docker", "registry", "oci", "docker-archive"]
    where: str | None = None
    """A folder (``oci``), a file (``docker-archive``), or the repository (``registry``), once it is known."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.where}" if self.where else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """What executing the plan will cost, from rates that were measured here; None: never measured."""

    download: int
    """Bytes of wheels and of the base that have to be fetched."""
    upload: int
    """Bytes to send; of layers that are not made yet, about what their wheels have."""
    disk: int
    """Bytes of this disk that are needed on the way."""
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How build steps run; nothing of it stays in the image."""

    network: str = "default"
    cache: bool = True
    secrets: tuple[str, ...] = ()
    """Ids of the user's own secrets, mounted at /run/secrets/ID."""
    root: bool = False
    """Whether steps must become root first, because the base's USER is (or may be) somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that decides what the image will be."""

    name: str
    """Repository name of the image in the local engine: ``[image] name``."""
    style: str
    server: str | None
    python: str | None
    """The interpreter inside the image that runs the entry program; None: `/usr/bin/env python3`."""
    base: Base
    manager: str | None
    """The base's package manager (``apt-get``, ...), for a compiler; None: it has none."""
    engine: EngineChoice
    options: Options
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    """Sentences for the user about what was chosen; they do not change the image."""
    output: Output = Output(kind="docker")
    lock: Lock | None = None
    """Exactly what the python step installs; None: the engine resolves while it builds."""
    transfer: Transfer | None = None
    """What moves between base and output; None: nobody asked them yet, or the Docker engine does it."""
    download: tuple[LockedWheel, ...] = ()
    """Wheels of the lock that this machine does not have yet."""
    estimates: Estimates | None = None
    mutations: tuple[str, ...] = ()
    """Everything that will change outside this machine's caches, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The regular files a plan can draw on: path to permission bits."""

    project: Mapping[PurePosixPath, int]
    """Relative to the project's root, without what .dockerignore leaves out."""
    assets: Mapping[PurePosixPath, int]
    """Relative to the ``containers`` folder that byoc ships."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A Dockerfile and the files it needs: a folder that plain ``docker build`` turns into the image."""

    dockerfile: str
    context: tuple[ContextFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An image that exists. Also the content of ``.byoc/last-build.json`` (schema ``byoc/built/1``)."""

    reference: str
    """``docker:<image id>``: exact, for machines and for stdout."""
    name: str
    """``<name>:latest`` in the local engine, for people."""
    image_id: str
    engine: str
    platform: Platform
    size: int
    """Bytes, as the engine counts them (uncompressed)."""
    seconds: float
    content_key: str | None = None
    """SHA-256 of plan and file contents (hex)."""
    steps: Mapping[str, float] = field(default_factory=dict)
    """Seconds per build step, as far as the engine told."""
