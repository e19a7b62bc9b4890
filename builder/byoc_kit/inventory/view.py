"""An image's files to ask questions of: links followed, texts of the few files that were kept."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from byoc_kit.inventory.files import Node
from byoc_kit.inventory.index import PackedIndex

__all__ = ["View"]


@dataclass(frozen=True, slots=True)
class View:
    """Paths in questions may be absolute or not, and go through links; answers are as the question was."""

    index: PackedIndex
    texts: Mapping[str, bytes]

    def real(self, path: str) -> str:
        """The physical path, without leading slash; of a loop of links, *path* itself."""
        try:
            return self.index.resolve(path)
        except ValueError:
            return path.strip("/")

    def node(self, path: str) -> Node | None:
        """What is there; None: nothing."""
        return self.index.get(self.real(path))

    def is_dir(self, path: str) -> bool:
        """Whether a folder is there."""
        real = self.real(path)
        node = self.index.get(real)
        return not real or (node is not None and node.kind == "dir")

    def is_file(self, path: str) -> bool:
        """Whether a regular file is there."""
        node = self.node(path)
        return node is not None and node.kind in {"file", "hardlink"}

    def is_program(self, path: str) -> bool:
        """Whether a file is there that somebody may execute."""
        node = self.node(path)
        return node is not None and node.kind in {"file", "hardlink"} and bool(node.mode & 0o111)

    def names(self, path: str) -> Mapping[str, Node]:
        """What is in the folder."""
        return self.index.children(self.real(path))

    def text(self, path: str) -> str | None:
        """What was kept of the file; None: there is none, or it was not kept."""
        found = self.texts.get(self.real(path))
        return None if found is None else found.decode("utf-8", "replace")

    def folders(self, name: str) -> Iterator[str]:
        """The physical folders called *name* that hold something."""
        own, below = name.encode(), b"/" + name.encode()
        for path in self.index.paths:
            if path == own or path.endswith(below):
                yield path.decode("utf-8", "surrogateescape")

    def holding(self, part: str) -> Iterator[str]:
        """The physical folders in which a name, or the target of a link, contains *part*."""
        wanted = part.encode()
        for path, block in zip(self.index.paths, self.index.blocks, strict=True):
            if wanted in block:
                yield path.decode("utf-8", "surrogateescape")


def absolute(folder: str, path: str) -> str:
    """*path*, seen from *folder*, without ``..``."""
    return posixpath.normpath(posixpath.join(folder, path))
