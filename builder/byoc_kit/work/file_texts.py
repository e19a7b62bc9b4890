"""The contents of a few files of an image, read from its layers; nothing is unpacked."""

from collections.abc import Iterable, Mapping, Sequence

from byoc_kit.inventory.index import PackedIndex
from byoc_kit.oci.image import Image, Layer
from byoc_kit.oci.inflate import inflated
from byoc_kit.oci.tar import walk
from byoc_kit.store import Store

__all__ = ["read_files"]

LARGEST = 1 << 20
"""Bytes; what is larger is no script, and is not read."""
KEPT = 1 << 16
"""Bytes of the beginning of each that are kept for the next time."""
KIND = "texts"


def read_files(image: Image, index: PackedIndex, paths: Sequence[str], store: Store) -> Mapping[str, bytes]:
    """The beginnings of the physical *paths*, as far as they are regular files of at most 1 MB.

    Each layer that holds one of them is read once, and what was read is kept in *store*. Raises ByocError
    where a layer cannot be had.
    """
    wanted: dict[int, set[str]] = {}
    for path in paths:
        node = index.get(path)
        if node is not None and node.kind == "file" and node.size <= LARGEST:
            wanted.setdefault(node.layer, set()).add(path)
    found: dict[str, bytes] = {}
    for layer, names in wanted.items():
        found |= _kept(image.layers[layer], sorted(names), store)
    return found


def _kept(layer: Layer, names: Sequence[str], store: Store) -> Mapping[str, bytes]:
    """What an earlier reading has kept, else what *layer* holds."""
    key = f"{layer.diff_id} {names}"
    known = store.read(KIND, key)
    if not isinstance(known, dict):
        known = {name: data.decode("latin-1") for name, data in _read(layer, names)}
        store.write(KIND, key, known)
    return {name: str(text).encode("latin-1") for name, text in known.items()}


def _read(layer: Layer, names: Iterable[str]) -> list[tuple[str, bytes]]:
    asked = {name.encode("utf-8", "surrogateescape"): name for name in names}
    members = walk(inflated(layer.read()), lambda name, _: name in asked)
    return [(asked[member.name], member.data[:KEPT]) for member in members if member.data is not None]
