"""Layers one on another, as an engine mounts them: what is above hides, replaces or joins what is below."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from byoc_kit.inventory.folders import Folder, attributes_of, pack_folder, renumbered, unpack_folder
from byoc_kit.inventory.index import NodeAttributes, PackedIndex
from byoc_kit.inventory.layer import FOLDERS, IMPLIED, LayerTree

__all__ = ["Merged", "merge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """All layers together."""

    index: PackedIndex
    texts: Mapping[str, bytes]
    """Path to what is kept of the file there (:mod:`byoc_kit.inventory.collect`)."""


def merge(layers: Iterable[LayerTree]) -> Merged:
    """What one sees in the image; the base's layer comes first and is number 0."""
    merger = _Merger()
    texts: list[Mapping[bytes, bytes]] = []
    for layer in layers:
        merger.add(layer)
        texts.append(layer.texts)
    index = merger.index()
    return Merged(index=index, texts=dict(_visible(index, texts)))


def _visible(index: PackedIndex, layers: Iterable[Mapping[bytes, bytes]]) -> Iterable[tuple[str, bytes]]:
    for number, texts in enumerate(layers):
        for path, text in texts.items():
            name = path.decode("utf-8", "surrogateescape")
            node = index.get(name)
            if node is not None and node.layer == number and node.kind in {"file", "hardlink"}:
                yield name, text


class _Merger:
    """The image as far as its layers were added. A folder is a block until a second layer touches it."""

    def __init__(self) -> None:
        self._numbers: dict[NodeAttributes, int] = {}
        self._are_folders: set[int] = set()
        self._are_implied: set[int] = set()
        self._folders: dict[bytes, bytes | Folder] = {}
        self._count = 0

    def add(self, layer: LayerTree) -> None:
        """The next layer."""
        numbers = [self._number((*each, self._count)) for each in layer.attributes]
        self._count += 1
        for path in layer.hidden:
            self._remove(path)
        for path in layer.opaque:
            self._empty(path)
        for path, block in layer.folders.items():
            self._lay(path, renumbered(block, numbers))

    def index(self) -> PackedIndex:
        """What is seen now."""
        attributes = [("dir" if each[0] == IMPLIED else each[0], *each[1:]) for each in self._numbers]
        paths = sorted(self._folders)
        folders = (self._folders[path] for path in paths)
        blocks = [each if isinstance(each, bytes) else pack_folder(each) for each in folders]
        return PackedIndex(attributes, paths, blocks)

    def _number(self, attributes: NodeAttributes) -> int:
        number = self._numbers.setdefault(attributes, len(self._numbers))
        if attributes[0] in FOLDERS:
            self._are_folders.add(number)
        if attributes[0] == IMPLIED:
            self._are_implied.add(number)
        return number

    def _lay(self, path: bytes, block: bytes) -> None:
        """The names of *block* over those that the folder *path* has."""
        if path not in self._folders:
            self._folders[path] = block
            return
        below = self._open(path)
        for name, row in unpack_folder(block).items():
            number = attributes_of(row)
            if name in below and attributes_of(below[name]) in self._are_folders:
                if number in self._are_implied:
                    continue  # gone through, not described: it stays as it is
                if number not in self._are_folders:
                    self._empty(_join(path, name))
            below[name] = row

    def _remove(self, path: bytes) -> None:
        parent, _, name = path.rpartition(b"/")
        if parent in self._folders and name in self._open(parent):
            self._empty(path)
            del self._open(parent)[name]

    def _empty(self, path: bytes) -> None:
        """Nothing is below the folder *path* any more."""
        todo = [path]
        while todo:
            each = todo.pop()
            folder = self._folders.pop(each, None)
            if folder:
                rows = unpack_folder(folder) if isinstance(folder, bytes) else folder
                todo += [
                    _join(each, name)
                    for name, row in rows.items()
                    if attributes_of(row) in self._are_folders and name
                ]

    def _open(self, path: bytes) -> Folder:
        folder = self._folders[path]
        if isinstance(folder, bytes):
            folder = self._folders[path] = unpack_folder(folder)
        return folder


def _join(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name
