"""The base as the ground for new layers: physical paths, attributes of directories, what stands there."""

from collections.abc import Iterable, Iterator

from byoc_kit.engines.layer.entries import Directory
from byoc_kit.errors import ByocError
from byoc_kit.inventory.files import FileIndex, Node

__all__ = ["Ground", "folders_above", "parents"]


def parents(path: str) -> Iterator[str]:
    """The directories above *path*, the nearest first, without the root."""
    while path := path.rpartition("/")[0]:
        yield path


def folders_above(paths: Iterable[str]) -> dict[str, str]:
    """Every directory above one of *paths*, without the root, to the first path that is below it."""
    found: dict[str, str] = {}
    for path in paths:
        for folder in parents(path):
            if folder in found:
                break
            found[folder] = path
    return found


class Ground:
    """Answers about a base's files; remembers what it was asked before."""

    def __init__(self, index: FileIndex) -> None:
        self.index = index
        self._folders: dict[str, str] = {}

    def physical(self, path: str) -> str:
        """Where *path* (absolute) really is: links among its parents followed, itself not.

        A layer that wrote through a link would put a directory in the link's place, and everything behind
        the link would be gone. Raises ByocError (BYOC-E326) for links that lead nowhere.
        """
        folder, _, name = path.lstrip("/").rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = self._resolved(folder)
        real = self._folders[folder]
        return f"{real}/{name}" if real else name

    def _resolved(self, folder: str) -> str:
        try:
            return self.index.resolve(folder).strip("/")
        except ValueError as error:
            raise ByocError(
                f"/{folder} cannot be written in the base",
                why=f"its symbolic links lead in a circle: {error}",
                fix="choose a base whose file system is whole",
                id="BYOC-E326",
            ) from error

    def folder(self, path: str) -> str:
        """The physical path of the directory *path* (absolute), itself followed."""
        return self.physical(f"{path}/x").removesuffix("x").rstrip("/")

    def get(self, path: str) -> Node | None:
        """What the base has at the physical *path*."""
        return self.index.get(path)

    def directory(self, path: str) -> Directory:
        """The entry for a directory that a layer touches: the base's attributes, lest runtimes reset them."""
        node = self.index.get(path)
        if node is None or node.kind != "dir":
            return Directory(path)
        return Directory(path, node.mode, node.uid, node.gid, node.mtime)

    def byte_code(self, module: str) -> Iterator[str]:
        """The cached byte code that the base has for the module file *module* (``.py``, physical).

        Python trusts it by the module's time and size, which may be equal by chance: both are often constant.
        """
        folder, slash, name = module.rpartition("/")
        cache = f"{folder}{slash}__pycache__"
        stem = f"{name.removesuffix('.py')}."
        for child in self.index.children(cache):
            if child.startswith(stem) and child.endswith(".pyc"):
                yield f"{cache}/{child}"

    def below(self, folder: str) -> Iterator[str]:
        """Everything below *folder* (physical) that is no directory."""
        return (path for path, node in self.index.walk(folder) if node.kind != "dir")
