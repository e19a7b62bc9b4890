"""Layers and inventories as bytes, to be kept and sent: a line of JSON, and behind it compressed sections."""

import json
import sys
import zlib
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final

from byoc_kit.inventory import Inventory
from byoc_kit.inventory.distributions import Files
from byoc_kit.inventory.document import from_json, to_json
from byoc_kit.inventory.index import PackedIndex
from byoc_kit.inventory.layer import LayerTree

__all__ = ["FORMAT", "PackingError", "pack_inventory", "pack_layer", "unpack_inventory", "unpack_layer"]

FORMAT: Final = f"byoc/inventory-pack/1 {sys.byteorder}"
"""Part of the key of whatever is kept: another format, or another order of bytes, is made anew."""

LARGEST: Final = 1 << 28
"""Bytes of one section; half a million files need 40 MB."""

Sections = Mapping[str, bytes]


class PackingError(ValueError):
    """The bytes are not what was packed."""


def pack_layer(tree: LayerTree) -> bytes:
    """One layer."""
    head = {"attributes": tree.attributes, "files": tree.files, "unpacked": tree.unpacked}
    return _pack(
        head,
        hidden=_joined(tree.hidden),
        opaque=_joined(tree.opaque),
        **_table("folder", tuple(tree.folders), tuple(tree.folders.values())),
        **_table("text", tuple(tree.texts), tuple(tree.texts.values())),
    )


def unpack_layer(raw: bytes) -> LayerTree:
    """The layer that :func:`pack_layer` packed. Raises PackingError."""
    head, sections = _unpack(raw)
    try:
        return LayerTree(
            attributes=tuple((str(each[0]), *map(int, each[1:])) for each in head["attributes"]),  # type: ignore[misc]
            folders=dict(zip(*_rows("folder", sections), strict=True)),
            hidden=_split(sections["hidden"]),
            opaque=_split(sections["opaque"]),
            texts=dict(zip(*_rows("text", sections), strict=True)),
            files=int(head["files"]),
            unpacked=int(head["unpacked"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PackingError(f"it is no layer: {error!r}") from error


def pack_inventory(inventory: Inventory, index: PackedIndex) -> bytes:
    """What an image holds, with every file of it."""
    owned = [each.files for each in inventory.distributions or ()]
    files = [(each.folder, each.packed) if isinstance(each, Files) else None for each in owned]
    head = {
        "inventory": to_json(inventory),
        "folders": [each and each[0] for each in files],
        "attributes": list(index.attributes),
    }
    names = tuple(str(number).encode() for number in range(len(files)))
    return _pack(
        head,
        **_table("folder", index.paths, index.blocks),
        **_table("record", names, [each[1] if each else b"" for each in files]),
    )


def unpack_inventory(raw: bytes) -> tuple[Inventory, PackedIndex]:
    """What :func:`pack_inventory` packed. Raises PackingError."""
    head, sections = _unpack(raw)
    try:
        records = _rows("record", sections)[1]
        pairs = zip(head["folders"], records, strict=True)
        files = [None if folder is None else Files(folder, record) for folder, record in pairs]
        attributes = [(str(each[0]), *map(int, each[1:])) for each in head["attributes"]]
        index = PackedIndex(attributes, *_rows("folder", sections))  # type: ignore[arg-type]
        return from_json(head["inventory"], files), index
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PackingError(f"it is no inventory: {error!r}") from error


def _table(name: str, keys: Sequence[bytes], values: Sequence[bytes]) -> dict[str, bytes]:
    """Keys and values as three sections: names, lengths, and everything together."""
    lengths = array("Q", map(len, values)).tobytes()
    return {f"{name}-keys": _joined(keys), f"{name}-lengths": lengths, f"{name}-values": b"".join(values)}


def _rows(name: str, sections: Sections) -> tuple[tuple[bytes, ...], list[bytes]]:
    lengths = array("Q", sections[f"{name}-lengths"])
    together, values, at = sections[f"{name}-values"], [], 0
    for length in lengths:
        values.append(together[at : at + length])
        at += length
    keys = _split(sections[f"{name}-keys"])
    if len(keys) != len(values) or at != len(together):
        raise PackingError(f"the table of {name}s is damaged")
    return keys, values


def _joined(names: Sequence[bytes]) -> bytes:
    """Each with a NUL behind it: none of them holds one."""
    return b"".join(name + b"\0" for name in names)


def _split(names: bytes) -> tuple[bytes, ...]:
    return tuple(names.split(b"\0")[:-1])


def _pack(head: Mapping[str, Any], **sections: bytes) -> bytes:
    packed = {name: zlib.compress(section, 1) for name, section in sorted(sections.items())}
    sizes = {name: len(section) for name, section in packed.items()}
    first = json.dumps({"format": FORMAT, "head": head, "sizes": sizes}, sort_keys=True)
    return b"".join([first.encode(), b"\n", *packed.values()])


def _unzipped(packed: bytes) -> bytes:
    """What *packed* holds. Raises ValueError where that is more than any honest image needs."""
    inflater = zlib.decompressobj()
    found = inflater.decompress(packed, LARGEST)
    if not inflater.eof:
        raise ValueError("a section is cut, or too big")
    return found


def _unpack(raw: bytes) -> tuple[Mapping[str, Any], dict[str, bytes]]:
    line, _, rest = raw.partition(b"\n")
    try:
        first = json.loads(line)
        if first["format"] != FORMAT:
            raise PackingError(f"it is of another format: {first['format']!r}")
        sections, at = {}, 0
        for name, size in first["sizes"].items():
            sections[name] = _unzipped(rest[at : at + size])
            at += size
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise PackingError(f"it was not packed by this program: {error}") from error
    return first["head"], sections
