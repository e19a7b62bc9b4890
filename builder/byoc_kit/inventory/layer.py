"""One layer as what it adds and what it hides: read once from its tar, kept small.

Follows what engines do when they unpack a layer into an empty folder of its own: links among the parents are
followed within the layer only, a parent nobody described is made, and what comes later replaces.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from byoc_kit.inventory.collect import reduce, wanted
from byoc_kit.inventory.folders import ROW, Folder, attributes_of, pack_folder
from byoc_kit.oci.tar import Member, TarError, walk

__all__ = ["IMPLIED", "Attributes", "LayerTree", "read_layer"]

Attributes = tuple[str, int, int, int]
"""Kind, mode, uid, gid."""

IMPLIED: Final = "implied"
"""The kind of a folder that the layer goes through and does not describe."""

KINDS: Final = {
    b"0": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "char",
    b"4": "block",
    b"5": "dir",
    b"6": "fifo",
}
FOLDERS: Final = frozenset({"dir", IMPLIED})
WHITEOUT: Final = b".wh."
OPAQUE: Final = b".wh..wh..opq"
OWN: Final = b".wh..wh."
"""Starts the names that union file systems keep for themselves (aufs: ``.wh..wh.plnk``)."""
MOST_LINKS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTree:
    """What one layer does to those below it. Paths are physical within the layer."""

    attributes: tuple[Attributes, ...]
    folders: Mapping[bytes, bytes]
    """Path to block (:mod:`byoc_kit.inventory.folders`)."""
    hidden: tuple[bytes, ...]
    """Paths whose lower content is gone (whiteouts)."""
    opaque: tuple[bytes, ...]
    """Folders whose lower content is gone."""
    texts: Mapping[bytes, bytes]
    """Path to content, as far as :mod:`byoc_kit.inventory.collect` keeps it."""
    files: int
    """Regular files."""
    unpacked: int
    """Bytes of them."""


def read_layer(chunks: Iterable[bytes]) -> LayerTree:
    """The layer whose uncompressed tar is *chunks*; they are read to the end. Raises TarError."""
    reader = _Reader()
    for member in walk(chunks, wanted):
        reader.add(member)
    return reader.done()


class _Reader:
    """The layer as far as it was read."""

    def __init__(self) -> None:
        self._numbers: dict[Attributes, int] = {}
        self._folders: dict[bytes, Folder] = {b"": {}}
        self._are_folders: set[int] = set()
        self._are_symlinks: set[int] = set()
        self._hidden: dict[bytes, None] = {}
        self._opaque: dict[bytes, None] = {}
        self._texts: dict[bytes, bytes] = {}
        self._files = self._unpacked = 0

    def add(self, member: Member) -> None:
        """One more entry."""
        path, kind, mode, uid, gid, size, mtime, link, data = member
        parent, _, name = path.rpartition(b"/")
        folder = self._folders.get(parent)
        if folder is None:
            parent = self._enter(parent)
            folder = self._folders[parent]
        if name[:4] == WHITEOUT:
            self._hide(parent, name)
            return
        if kind == b"5":
            self._add_folder(path, self._number(("dir", mode, uid, gid)), mtime)
            return
        if not name:
            raise TarError("the root of the layer is no folder")
        if name in folder and attributes_of(folder[name]) in self._are_folders:
            self._drop(_join(parent, name))
        if kind == b"0":
            self._files += 1
            self._unpacked += size
        elif kind == b"1":
            size = self._linked(link, path)
        row = ROW.pack(self._number((KINDS[kind], mode, uid, gid)), size, mtime)
        folder[name] = row + link if link else row
        if data is not None:
            self._keep(_join(parent, name), data)

    def done(self) -> LayerTree:
        """All of it."""
        packed = {path: pack_folder(folder) for path, folder in sorted(self._folders.items())}
        return LayerTree(
            attributes=tuple(self._numbers),
            folders=packed,
            hidden=tuple(self._hidden),
            opaque=tuple(self._opaque),
            texts=self._texts,
            files=self._files,
            unpacked=self._unpacked,
        )

    def _keep(self, path: bytes, data: bytes) -> None:
        text = reduce(path, data)
        if text is not None:
            self._texts[path] = text

    def _number(self, attributes: Attributes) -> int:
        number = self._numbers.setdefault(attributes, len(self._numbers))
        if attributes[0] in FOLDERS:
            self._are_folders.add(number)
        elif attributes[0] == "symlink":
            self._are_symlinks.add(number)
        return number

    def _add_folder(self, path: bytes, number: int, mtime: int) -> None:
        if path:
            parent, _, name = path.rpartition(b"/")
            physical = self._enter(parent)
            self._folders[physical][name] = ROW.pack(number, 0, mtime)
            self._folders.setdefault(_join(physical, name), {})
        else:
            self._folders[b""][b""] = ROW.pack(number, 0, mtime)

    def _hide(self, parent: bytes, name: bytes) -> None:
        if name == OPAQUE:
            self._opaque[parent] = None
        elif not name.startswith(OWN):
            self._hidden[_join(parent, name.removeprefix(WHITEOUT))] = None

    def _enter(self, path: bytes) -> bytes:
        """The physical folder that *path* leads to; made where it is missing. Raises TarError for a loop."""
        if path in self._folders:
            return path
        here, todo, links = b"", path.split(b"/")[::-1], 0
        while todo:
            part = todo.pop()
            if part in {b"", b"."}:
                continue
            if part == b"..":
                here = here.rpartition(b"/")[0]
                continue
            row = self._folders[here].get(part)
            if row is not None and attributes_of(row) in self._are_symlinks:
                links += 1
                if links > MOST_LINKS:
                    raise TarError(f"a loop of links: {path[:200]!r}")
                target = row[ROW.size :]
                here = b"" if target[:1] == b"/" else here
                todo += target.split(b"/")[::-1]
                continue
            if row is None or attributes_of(row) not in self._are_folders:
                number = self._number((IMPLIED, 0o755, 0, 0))
                self._folders[here][part] = ROW.pack(number, 0, 0)
            here = _join(here, part)
            self._folders.setdefault(here, {})
        return here

    def _drop(self, path: bytes) -> None:
        """Something else takes the place of the folder *path*: what the layer put into it is gone."""
        below = path + b"/"
        gone = [each for each in self._folders if each == path or each.startswith(below)]
        for each in gone:
            del self._folders[each]

    def _linked(self, target: bytes, path: bytes) -> int:
        """The size of the file that the hard link *path* gives a second name; its text, if it is kept."""
        parent, _, name = target.rpartition(b"/")
        row = self._folders[self._enter(parent)].get(name)
        if target in self._texts:
            self._texts[path] = self._texts[target]
        return ROW.unpack_from(row)[1] if row is not None else 0


def _join(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name
