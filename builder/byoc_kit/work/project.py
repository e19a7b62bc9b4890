"""Find byoc.toml, read it, and know where things of the project are."""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from byoc_kit import __version__, spec
from byoc_kit.errors import UsageError
from byoc_kit.oci.short import SHORT
from byoc_kit.spec.read import Memory, ProjectLook, Tree, read_spec
from byoc_kit.spec.types import Spec
from byoc_kit.store import Store, user_store
from byoc_kit.work.config import chosen_engine

if TYPE_CHECKING:
    from byoc_kit.plan.dockerignore import Ignore

__all__ = ["Project", "as_written", "find", "found", "load"]

FILE = "byoc.toml"
NEVER = {".git", ".venv", ".byoc", "__pycache__"}
"""Folders that no image gets, and that are too large to look through."""
LARGEST = 1 << 20  # bytes (1 MiB) of a byoc.toml; a larger file is something else


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder with a byoc.toml that has been read."""

    root: Path
    """Absolute; paths in the spec are relative to it."""
    file: Path
    spec: Spec

    @property
    def state(self) -> Path:
        """Where builds and runs leave what they know; ignored by git and docker in scaffolds."""
        return self.root / ".byoc"


def load(file: Path | None = None, *, environ: Mapping[str, str] = os.environ) -> Project:
    """The project of *file*; None: of the byoc.toml in the current folder or the nearest parent.

    A base with a short name is now a full reference. Raises UsageError where there is none, or with all that
    is wrong in it; ByocError where the short name means no image.
    """
    project = as_written(file, environ=environ)
    build = project.spec.build
    engine = chosen_engine(build.engine, environ).value
    read = replace(project.spec, build=replace(build, engine=engine))
    return replace(project, spec=_with_prebuilt_base(read, environ))


def _with_prebuilt_base(read: Spec, environ: Mapping[str, str]) -> Spec:
    """*read*; of a prebuilt base by its full reference, and with a note where its patches end."""
    base = read.image.base
    if base.startswith(SHORT):
        from byoc_kit.work.bases import with_full_base

        return with_full_base(read, environ=environ)
    if ".dkr.ecr" in base or base.startswith("public.ecr.aws/deep-learning-containers/"):
        from byoc_kit.work.bases import with_end_of_patches

        return with_end_of_patches(read, environ=environ)
    return read


def as_written(file: Path | None = None, *, environ: Mapping[str, str] = os.environ) -> Project:
    """As :func:`load`, without the settings that come from elsewhere, and with the base as it is written."""
    path = file.parent.resolve() / file.name if file else find(_here())
    root = path.parent
    disk = Disk(root)
    read = read_spec(_text(path), name=path.name, look=disk, tree=disk, memory=Edition(user_store(environ)))
    return Project(root=root, file=path, spec=read)


def found(start: Path) -> Path | None:
    """The byoc.toml in *start* or its nearest parent; None where there is none."""
    return next((folder / FILE for folder in (start, *start.parents) if (folder / FILE).is_file()), None)


def find(start: Path) -> Path:
    """The byoc.toml in *start* or its nearest parent. Raises UsageError where there is none."""
    near = found(start)
    if near is not None:
        return near
    raise UsageError(
        f"there is no {FILE} in {start} or a parent folder",
        why="this command works on a project",
        fix="`byoc init` makes one here, -f FILE names one elsewhere",
        id="BYOC-E103",
    )


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise UsageError(
            "the current folder does not exist any more",
            why="it was removed or moved while this shell was in it",
            fix="change to a folder that exists, or name a file with -f",
            id="BYOC-E103",
        ) from error


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        why = error.strerror or str(error)
        raise _unreadable(path, why, "name a file with -f, or `byoc init` makes one") from error
    if len(content) > LARGEST:
        raise _unreadable(path, f"it has {len(content)} bytes, which no byoc.toml has", "name another file")
    try:
        return content.decode("utf-8-sig")  # some editors on Windows begin a file with a BOM
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _unreadable(path, f"line {line} is not UTF-8, and TOML is", "save it as UTF-8") from error


def _unreadable(path: Path, why: str, fix: str) -> UsageError:
    return UsageError(f"{path} cannot be read", why=why, fix=fix, id="BYOC-E102")


@dataclass(frozen=True, slots=True)
class Disk:
    """The project's files, as reading a spec may see them."""

    root: Path
    _ignore: list["Ignore"] = field(default_factory=list)
    _leaves: dict[PurePosixPath, bool] = field(default_factory=dict)

    def is_file(self, path: PurePosixPath) -> bool:
        """Whether there is a regular file at *path*."""
        return _quietly(self.root / path, Path.is_file)

    def is_dir(self, path: PurePosixPath) -> bool:
        """Whether there is a folder at *path*."""
        return _quietly(self.root / path, Path.is_dir)

    def read_bytes(self, path: PurePosixPath) -> bytes:
        """The content of the file *path*. Raises OSError."""
        if not self.is_file(path):
            raise FileNotFoundError(errno.ENOENT, "not a regular file", str(path))
        return (self.root / path).read_bytes()

    def leaves(self, path: PurePosixPath) -> bool:
        """Whether *path* is a link, or below a link, to a place outside the project."""
        if path not in self._leaves:
            place = self.root / path
            if _quietly(place, Path.is_symlink):
                self._leaves[path] = not _quietly(place, self._is_inside)
            else:
                self._leaves[path] = path.name != "" and self.leaves(path.parent)
        return self._leaves[path]

    def _is_inside(self, place: Path) -> bool:
        return place.resolve().is_relative_to(self.root.resolve())

    def below(self, folder: PurePosixPath) -> Iterator[tuple[PurePosixPath, int]]:
        """The files below *folder* that may go into an image, with their size in bytes, sorted."""
        ignore = self._ignored()
        for place, folders, names in os.walk(self.root / folder):
            folders[:] = sorted(set(folders) - NEVER)
            links = (name for name in folders if Path(place, name).is_symlink())
            for name in sorted((*names, *links)):
                file = Path(place, name)
                path = PurePosixPath(file.relative_to(self.root).as_posix())
                if not ignore.leaves_out(path) and (size := _size(file)) is not None:
                    yield path, size

    def _ignored(self) -> "Ignore":
        from byoc_kit.plan.dockerignore import Ignore

        if not self._ignore:
            file = self.root / ".dockerignore"
            self._ignore.append(
                Ignore(file.read_text(encoding="utf-8", errors="replace") if file.is_file() else "")
            )
        return self._ignore[0]


def _quietly(path: Path, question: Callable[[Path], bool]) -> bool:
    """The answer to *question*; False where the system will not say (a name too long, a closed folder)."""
    try:
        return question(path)
    except (OSError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
        return False


def _size(file: Path) -> int | None:
    """Bytes of a file or a link; None for what is neither, or gone by now."""
    try:
        found = file.lstat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode) else None


@dataclass(frozen=True, slots=True)
class Edition:
    """A store for outcomes of this very version of the checks: another version's are not trusted."""

    store: Store
    code: Path = Path(spec.__file__).parent
    """The folder of the checks; when a file in it changes, nothing that was remembered counts."""

    def read(self, kind: str, key: str) -> Any:
        """The document of *key*, None where there is none."""
        return self.store.read(kind, self._name(key))

    def write(self, kind: str, key: str, document: Mapping[str, Any]) -> None:
        """Keep *document*."""
        self.store.write(kind, self._name(key), document)

    def _name(self, key: str) -> str:
        stamps = ((file.name, file.stat().st_mtime_ns) for file in sorted(self.code.glob("*.py")))
        return f"{__version__}\n{list(stamps)}\n{key}"


_look: type[ProjectLook] = Disk
_tree: type[Tree] = Disk
_memory: type[Memory] = Edition
