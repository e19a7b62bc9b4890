"""The file index of an image, packed: about fifty bytes for each file, and ready without being unpacked."""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, cast

from byoc_kit.inventory.files import FileIndex, Kind, Node
from byoc_kit.inventory.folders import ROW, attributes_of, unpack_folder

__all__ = ["NodeAttributes", "PackedIndex"]

NodeAttributes = tuple[str, int, int, int, int]
"""Kind, mode, uid, gid, layer."""

REMEMBERED: Final = 64
"""Unpacked folders that are kept for the next question."""
MOST_LINKS: Final = 40
"""Links that Linux follows in one path before it gives up (ELOOP)."""
NOTHING: Final[Mapping[str, Node]] = MappingProxyType({})


class PackedIndex:
    """A :class:`~byoc_kit.inventory.files.FileIndex`; *paths* are sorted, *blocks* hold their rows."""

    __slots__ = ("_attributes", "_blocks", "_folders", "_paths")

    def __init__(
        self, attributes: Sequence[NodeAttributes], paths: Sequence[bytes], blocks: Sequence[bytes]
    ) -> None:
        self._attributes, self._paths, self._blocks = attributes, paths, blocks
        self._folders: OrderedDict[bytes, Mapping[str, Node]] = OrderedDict()

    @property
    def attributes(self) -> Sequence[NodeAttributes]:
        """What the first number of a row stands for."""
        return self._attributes

    @property
    def paths(self) -> Sequence[bytes]:
        """Every folder that holds something, sorted; the root is empty."""
        return self._paths

    @property
    def blocks(self) -> Sequence[bytes]:
        """The folders' blocks, in the order of their paths."""
        return self._blocks

    def get(self, path: str) -> Node | None:
        """What is at exactly *path*; links are not followed."""
        parent, _, name = path.rpartition("/")
        return self._folder(_bytes(parent)).get(name)

    def resolve(self, path: str) -> str:
        """The physical path behind *path*, links followed. Raises ValueError for a loop of them."""
        done: list[str] = []
        todo, links = path.split("/")[::-1], 0
        while todo:
            part = todo.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                done = done[:-1]
                continue
            node = self.get("/".join([*done, part]))
            if node is None or node.kind != "symlink":
                done.append(part)
                continue
            links += 1
            if links > MOST_LINKS:
                raise ValueError(f"a loop of links: {path[:200]!r}")
            done = [] if node.link.startswith("/") else done
            todo += node.link.split("/")[::-1]
        return "/".join(done)

    def children(self, path: str) -> Mapping[str, Node]:
        """The names directly in the directory *path* (physical); empty where it is none."""
        found = self._folder(_bytes(path))
        return MappingProxyType({name: node for name, node in found.items() if name}) if path == "" else found

    def walk(self, path: str = "") -> Iterator[tuple[str, Node]]:
        """Everything below the directory *path* (physical), parents first, sorted."""
        todo = [iter(sorted(self.children(path).items()))]
        above = [f"{path}/" if path else ""]
        while todo:
            name, node = next(todo[-1], ("", None))
            if node is None:
                todo.pop()
                above.pop()
                continue
            where = above[-1] + name
            yield where, node
            if node.kind == "dir":
                todo.append(iter(sorted(self.children(where).items())))
                above.append(f"{where}/")

    def _folder(self, path: bytes) -> Mapping[str, Node]:
        folder = self._folders.get(path)
        if folder is None:
            folder = self._folders[path] = self._unpacked(path)
            if len(self._folders) > REMEMBERED:
                self._folders.popitem(last=False)
        else:
            self._folders.move_to_end(path)
        return folder

    def _unpacked(self, path: bytes) -> Mapping[str, Node]:
        at = bisect_left(self._paths, path)
        if at == len(self._paths) or self._paths[at] != path:
            return NOTHING
        return MappingProxyType(
            {_text(name): self._node(row) for name, row in unpack_folder(self._blocks[at]).items()}
        )

    def _node(self, row: bytes) -> Node:
        kind, mode, uid, gid, layer = self._attributes[attributes_of(row)]
        _, size, mtime = ROW.unpack_from(row)
        return Node(cast(Kind, kind), mode, uid, gid, size, mtime, _text(row[ROW.size :]), layer)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


_: type[FileIndex] = PackedIndex
