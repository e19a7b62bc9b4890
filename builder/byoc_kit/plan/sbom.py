"""The software bill of materials of an image: CycloneDX 1.6, from what its files tell.

It holds no clock and no number drawn by lot: the same image has the same bill. Names of packages are package
URLs (purl-spec), by which scanners find what is known of a version.
"""

import json
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any, Final

from byoc_kit.inventory import Distribution, Inventory, OsPackage
from byoc_kit.spec.lock import Lock

__all__ = ["MEDIA_TYPE", "bill"]

MEDIA_TYPE: Final = "application/vnd.cyclonedx+json"
PURL_TYPES: Final = {"dpkg": "deb", "rpm": "rpm", "apk": "apk", "conda": "conda"}

Component = dict[str, Any]
Hashes = Mapping[tuple[str, str], str]
"""Name and version to the SHA-256 of the wheel."""


def bill(inventory: Inventory, lock: Lock | None, *, name: str, digest: str, tool: str) -> bytes:
    """The bill of the image *digest* (of its manifest) that is called *name*; *tool*: ``name version``."""
    hashes = {
        (wheel.name, wheel.version): wheel.sha256 for wheel in (lock.wheels if lock else ()) if wheel.sha256
    }
    components = {each["bom-ref"]: each for each in _components(inventory, hashes)}
    maker, _, version = tool.partition(" ")
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": maker, "version": version}]},
            "component": _image(inventory, name, digest),
        },
        "components": [components[ref] for ref in sorted(components)],
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _image(inventory: Inventory, name: str, digest: str) -> Component:
    arch = inventory.platform.architecture
    purl = f"pkg:oci/{_quoted(name.lower())}@{_quoted(digest)}?arch={arch}"
    return {"type": "container", "bom-ref": purl, "name": name, "version": digest, "purl": purl}


def _components(inventory: Inventory, hashes: Hashes) -> Iterator[Component]:
    if inventory.os_id:
        version = inventory.os_version or "unknown"
        ref = f"os:{inventory.os_id}@{version}"
        yield {"type": "operating-system", "bom-ref": ref, "name": inventory.os_id, "version": version}
    for package in inventory.os_packages or ():
        yield _os_package(package, inventory.os_id)
    for distribution in inventory.distributions or ():
        yield _distribution(distribution, hashes)


def _distribution(found: Distribution, hashes: Hashes) -> Component:
    """One that is in two environments of an image is two components, told apart by their place."""
    purl = f"pkg:pypi/{_quoted(found.name)}@{_quoted(found.version)}"
    component: Component = {
        "type": "library",
        "bom-ref": f"{purl}#{found.location}/{found.metadata}",
        "name": found.name,
        "version": found.version,
        "purl": purl,
        "properties": [{"name": "byoc:location", "value": found.location}],
    }
    if (sha256 := hashes.get((found.name, found.version))) is not None:
        component["hashes"] = [{"alg": "SHA-256", "content": sha256}]
    return component


def _os_package(package: OsPackage, os_id: str | None) -> Component:
    vendor = f"{_quoted(os_id)}/" if os_id and package.manager != "conda" else ""
    arch = f"?arch={_quoted(package.architecture)}" if package.architecture else ""
    kind = PURL_TYPES[package.manager]
    purl = f"pkg:{kind}/{vendor}{_quoted(package.name)}@{_quoted(package.version)}{arch}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": package.name,
        "version": package.version,
        "purl": purl,
    }


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe=".-_~:")
