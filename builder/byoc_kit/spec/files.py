"""The second step, part three: what byoc.toml says about the project's files, held against these files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from byoc_kit.spec.mistake import SOURCE, Mistake, View
from byoc_kit.spec.parse import Key
from byoc_kit.spec.paths import is_inside, sources
from byoc_kit.spec.secrets import credential_file, credential_in_file
from byoc_kit.spec.types import Style

__all__ = ["Bare", "Files", "ProjectLook", "Tree", "check_files", "line_end_notes"]

LARGEST = 256 * 1024  # bytes of a file that is looked into; programs and keys are smaller
MOST = 2000  # files of a folder that are looked into; of the others only the names are


class ProjectLook(Protocol):
    """What reading a spec may ask about the files of the project; paths are relative to its root."""

    def is_file(self, path: PurePosixPath) -> bool:
        """Whether there is a regular file at *path*."""

    def is_dir(self, path: PurePosixPath) -> bool:
        """Whether there is a folder at *path*."""

    def read_bytes(self, path: PurePosixPath) -> bytes:
        """The content of the file *path*. Raises OSError."""


class Tree(Protocol):
    """What a folder of the project holds, and where its links lead."""

    def leaves(self, path: PurePosixPath) -> bool:
        """Whether *path* is a link, or below a link, to a place outside the project."""

    def below(self, folder: PurePosixPath) -> Iterable[tuple[PurePosixPath, int]]:
        """The files below *folder* that may go into an image, with their size in bytes, sorted."""


class Bare:
    """A tree of a project that is not on disk: nothing to look into."""

    def leaves(self, path: PurePosixPath) -> bool:
        """No link leads anywhere."""
        return False

    def below(self, folder: PurePosixPath) -> Iterable[tuple[PurePosixPath, int]]:
        """No files."""
        return ()


_: type[Tree] = Bare


@dataclass(frozen=True, slots=True)
class Files:
    """The project's files as rules ask for them."""

    look: ProjectLook
    tree: Tree

    def at(self, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, int]]:
        """The file *path*, or those below it, each with its size. Links that lead out are not followed."""
        if self.tree.leaves(path):
            return
        if self.look.is_dir(path):
            yield from ((file, size) for file, size in self.tree.below(path) if not self.tree.leaves(file))
        elif self.look.is_file(path):
            yield path, 0

    def text(self, path: PurePosixPath, size: int) -> str:
        """The content of a file, as Latin-1; empty for one that is large or cannot be read."""
        look = self.look
        try:
            content = look.read_bytes(path) if size <= LARGEST else b""
        except OSError:
            return ""
        return content[:LARGEST].decode("latin-1")


def check_files(view: View, files: Files) -> Iterator[Mistake]:
    """Everything that byoc.toml expects of the project's files and that is not so."""
    yield from check_existence(view, files.look)
    yield from check_programs(view, files.look)
    yield from check_links(view, files.tree)
    yield from check_content(view, files)


def check_existence(view: View, look: ProjectLook) -> Iterator[Mistake]:
    """Files and folders that are named exist."""
    for key, text in sources(view):
        path = PurePosixPath(text)
        if is_inside(text) and not look.is_file(path) and not look.is_dir(path):
            yield _missing(key, f"there is no file or folder {text}")
    for key in (("python", "requirements-file"), ("build", "dockerfile")):
        text = view.text(*key) or ""
        if text and is_inside(text) and not look.is_file(PurePosixPath(text)):
            yield _missing(key, f"there is no file {text}")
    for where, text in view.texts("python", "packages"):
        yield from _check_package(where, text, look)


def _check_package(key: Key, text: str, look: ProjectLook) -> Iterator[Mistake]:
    if not is_inside(text):
        return
    if not look.is_dir(PurePosixPath(text)):
        yield _missing(key, f"there is no folder {text}")
    elif not any(look.is_file(PurePosixPath(text, name)) for name in ("pyproject.toml", "setup.py")):
        yield _missing(key, f"{text} has neither pyproject.toml nor setup.py, so no wheel can be made of it")


def check_programs(view: View, look: ProjectLook) -> Iterator[Mistake]:
    """The programs are where the file says."""
    for table, source in _code_folders(view):
        program = view.text(table, "program")
        if not look.is_dir(source):
            key = (table, "source") if view.has(table, "source") else (table,)
            yield _missing(
                key, f"there is no folder {source}", "create it, or write source = ... with its name"
            )
        elif program and is_inside(program) and not look.is_file(source / program):
            yield _missing((table, "program"), f"there is no file {program} in {source}")


def _code_folders(view: View) -> Iterator[tuple[str, PurePosixPath]]:
    """Each table with a program, and the folder that the program is in."""
    trains_from = view.text("train", "source") or SOURCE
    for table, default in (("train", SOURCE), ("serve", trains_from), ("process", SOURCE)):
        source = view.text(table, "source") or default
        if view.table(table) and is_inside(source) and not view.has("build", "dockerfile"):
            yield table, PurePosixPath(source)


def _baked_folders(view: View) -> Iterator[tuple[str, PurePosixPath]]:
    """Those of them that become part of the image; other styles fetch their code when a job starts."""
    style = view.text("image", "style")
    bakes = style not in set(Style) or Style(style).bakes_code
    return ((table, folder) for table, folder in _code_folders(view) if bakes or table == "process")


def _missing(key: Key, what: str, fix: str = "create it, or correct the path") -> Mistake:
    return Mistake(
        key=key,
        what=what,
        why="paths are read from the folder of byoc.toml",
        fix=fix,
        id="BYOC-E118",
    )


def check_links(view: View, tree: Tree) -> Iterator[Mistake]:
    """No link leads out of the project: another machine would build something else."""
    for key, folder in _taken(view):
        for path in (folder, *(path for path, _ in tree.below(folder) if path != folder)):
            if tree.leaves(path):
                yield Mistake(
                    key=key,
                    what=f"{path} is a link that leads out of the project",
                    why="what it points to is not part of the project, and elsewhere it is something else",
                    fix="copy the file into the project",
                    id="BYOC-E110",
                )


def check_content(view: View, files: Files) -> Iterator[Mistake]:
    """No file that goes into the image holds credentials."""
    for key, folder in _taken(view):
        for number, (path, size) in enumerate(files.at(folder)):
            found = credential_file(path)
            if found is None and number < MOST:
                inside = credential_in_file(files.text(path, size))
                found = f"it holds {inside}" if inside else None
            if found is not None:
                yield Mistake(
                    key=key,
                    what=f"{path} would get into the image: {found}",
                    why="whoever can pull the image can read it (IMG-22)",
                    fix="take it out of the folder, or name it in .dockerignore",
                    id="BYOC-E120",
                )


def _taken(view: View) -> Iterator[tuple[Key, PurePosixPath]]:
    """Every path of the project that an image is made of, each once, with the key that names it."""
    named: dict[PurePosixPath, Key] = {}
    for table, source in _baked_folders(view):
        named.setdefault(source, (table, "source") if view.has(table, "source") else (table,))
    for key, text in (*sources(view), *view.texts("python", "packages")):
        if is_inside(text):
            named.setdefault(PurePosixPath(text), key)
    return ((key, path) for path, key in named.items())


def line_end_notes(view: View, files: Files) -> Iterator[str]:
    """Programs and shell scripts with Windows line ends, which the image gets without them (IMG-04)."""
    programs = {folder / (view.text(table, "program") or "") for table, folder in _baked_folders(view)}
    for folder in dict.fromkeys(path for _, path in _taken(view)):
        for path, size in files.at(folder):
            if (path in programs or path.suffix == ".sh") and "\r\n" in files.text(path, size):
                yield f"{path} has CRLF line ends; the image gets it with LF (IMG-04)"
