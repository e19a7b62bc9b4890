"""Inventories as JSON (``byoc/inventory/1``), for machines and for keeping."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import PurePosixPath
from typing import Any, Final, Literal, TypeVar

from byoc_kit.inventory import (
    Distribution,
    Interpreter,
    Inventory,
    LayerFacts,
    Libc,
    OsPackage,
    Python,
    Scheme,
)
from byoc_kit.oci.config import ImageConfig, Platform

__all__ = ["SCHEMA", "from_json", "to_json"]

SCHEMA: Final = "byoc/inventory/1"
T = TypeVar("T")


def to_json(inventory: Inventory) -> dict[str, Any]:
    """The document; what is unknown is null. Files of distributions are left out: RECORD has them."""
    libc = inventory.libc
    return {
        "schema": SCHEMA,
        "image": {
            "reference": inventory.reference,
            "digest": inventory.digest,
            "config_digest": inventory.image_id,
            "platform": str(inventory.platform),
        },
        "os": {
            "id": inventory.os_id,
            "version": inventory.os_version,
            "libc": libc and {"name": libc.name, "version": ".".join(map(str, libc.version))},
            "package_manager": inventory.package_manager,
        },
        "python": inventory.python and _with_version(inventory.python),
        "pythons": None if inventory.pythons is None else [_with_version(each) for each in inventory.pythons],
        "distributions": _list(inventory.distributions, without={"files"}),
        "os_packages": _list(inventory.os_packages),
        "cuda": inventory.cuda,
        "toolkits": None if inventory.toolkits is None else dict(inventory.toolkits),
        "commands": sorted(inventory.commands),
        "config": _plain(inventory.config, without={"platform"}),
        "layers": _list(inventory.layers),
        "unknown": list(inventory.unknown),
    }


def from_json(document: Mapping[str, Any], files: Sequence[Sequence[str] | None] = ()) -> Inventory:
    """The inventory that :func:`to_json` wrote, with the *files* of its distributions in their order.

    Raises KeyError, TypeError or ValueError where *document* is none.
    """
    if document["schema"] != SCHEMA:
        raise ValueError(f"not {SCHEMA}: {document['schema']!r}")
    image, os, libc = document["image"], document["os"], document["os"]["libc"]
    config = {**document["config"], "platform": Platform.parse(image["platform"])}
    found: Iterable[Distribution] | None = _values(Distribution, document["distributions"])
    if found is not None and files:
        found = (_with_files(each, own) for each, own in zip(found, files, strict=True))
    return Inventory(
        reference=image["reference"],
        image_id=image["config_digest"],
        digest=image["digest"],
        platform=config["platform"],
        config=ImageConfig(**_tuples(config)),
        python=document["python"] and Interpreter(**{**document["python"], **_version(document["python"])}),
        os_id=os["id"],
        os_version=os["version"],
        package_manager=os["package_manager"],
        commands=frozenset(document["commands"]),
        libc=libc and _libc(**libc),
        pythons=_pythons(document["pythons"]),
        distributions=None if found is None else tuple(found),
        os_packages=_values(OsPackage, document["os_packages"]),
        cuda=document["cuda"],
        toolkits=document["toolkits"],
        layers=_values(LayerFacts, document["layers"]),
        unknown=tuple(document["unknown"]),
    )


def _libc(name: Literal["glibc", "musl"], version: str) -> Libc:
    major, _, minor = version.partition(".")
    return Libc(name=name, version=(int(major), int(minor)))


def _pythons(documents: Any) -> tuple[Python, ...] | None:
    if documents is None:
        return None
    schemes = (
        Scheme(**{key: PurePosixPath(path) for key, path in each["scheme"].items()}) for each in documents
    )
    return tuple(
        Python(**{**_tuples(each), **_version(each), "scheme": scheme})
        for each, scheme in zip(documents, schemes, strict=True)
    )


def _with_version(python: Interpreter | Python) -> dict[str, Any]:
    """The fields of *python*; the version as people write it, without what is unknown of it."""
    return {**_plain(python), "version": ".".join(str(part) for part in python.version if part is not None)}


def _version(document: Mapping[str, Any]) -> dict[str, Any]:
    parts = [int(part) for part in document["version"].split(".")]
    return {"version": (*parts, None)[:3]}


def _with_files(distribution: Distribution, files: Sequence[str] | None) -> Distribution:
    values = {each.name: getattr(distribution, each.name) for each in fields(distribution)}
    return Distribution(**{**values, "files": files})


def _list(values: Iterable[Any] | None, without: frozenset[str] | set[str] = frozenset()) -> Any:
    return None if values is None else [_plain(each, without) for each in values]


def _plain(value: Any, without: frozenset[str] | set[str] = frozenset()) -> dict[str, Any]:
    """The fields of a dataclass as JSON has them."""
    return {each.name: _json(getattr(value, each.name)) for each in fields(value) if each.name not in without}


def _json(value: Any) -> Any:
    if isinstance(value, Scheme):
        return _plain(value)
    if isinstance(value, PurePosixPath):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def _values(kind: type[T], documents: Any) -> tuple[T, ...] | None:
    return None if documents is None else tuple(kind(**_tuples(each)) for each in documents)


def _tuples(document: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows no tuples; our values know no lists."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in document.items()}
