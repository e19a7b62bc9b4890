"""Find byoc.toml, read it, and know where things of the project are."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from byoc_kit.errors import UsageError
from byoc_kit.spec.read import ProjectLook, read_spec
from byoc_kit.spec.types import Spec

__all__ = ["Project", "find", "load"]

FILE = "byoc.toml"


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


@dataclass(frozen=True, slots=True)
class Disk:
    """The project's files as reading a spec may see them."""

    root: Path

    def is_file(self, path: PurePosixPath) -> bool:
        """Whether there is a regular file at *path*."""
        return (self.root / path).is_file()

    def is_dir(self, path: PurePosixPath) -> bool:
        """Whether there is a folder at *path*."""
        return (self.root / path).is_dir()

    def read_bytes(self, path: PurePosixPath) -> bytes:
        """The content of the file *path*. Raises OSError."""
        return (self.root / path).read_bytes()


_: type[ProjectLook] = Disk


def load(file: Path | None = None) -> Project:
    """The project of *file*; None: of the byoc.toml in the current folder or the nearest parent.

    Raises UsageError where there is none, or with everything that is wrong in it.
    """
    path = file.parent.resolve() / file.name if file else find(Path.cwd())
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read",
            why=str(error.strerror),
            fix="name an existing file with -f",
            id="BYOC-E102",
        ) from error
    return Project(root=path.parent, file=path, spec=read_spec(text, name=path.name, look=Disk(path.parent)))


def find(start: Path) -> Path:
    """The byoc.toml in *start* or its nearest parent. Raises UsageError where there is none."""
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder / FILE
    raise UsageError(
        f"there is no {FILE} in {start} or a parent folder",
        why="this command works on a project",
        fix="`byoc init` makes one here, -f FILE names one elsewhere",
        id="BYOC-E103",
    )
