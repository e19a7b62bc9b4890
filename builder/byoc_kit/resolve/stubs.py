"""Stub wheels: what a base has, told to the resolver as wheels without content.

An index does not have a local version such as 2.8.0+cu129; without its stub the resolver would not fail, it
would silently go back to a release that does not need it.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from byoc_kit.inventory import Distribution

__all__ = ["write_stubs"]

WHEEL = "Wheel-Version: 1.0\nGenerator: byoc\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
DATE = (1980, 1, 2, 0, 0, 0)


def write_stubs(base: Mapping[str, Distribution], folder: Path) -> None:
    """A stub in *folder* for each of *base* whose version the resolver can read."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, have in base.items():
        try:
            version = str(Version(have.version))
        except InvalidVersion:
            continue
        stem = f"{re.sub(r'[-_.]+', '_', name)}-{version}"
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
            _member(wheel, f"{stem}.dist-info/METADATA", "\n".join(_metadata(name, version, have)) + "\n")
            _member(wheel, f"{stem}.dist-info/WHEEL", WHEEL)
            _member(wheel, f"{stem}.dist-info/RECORD", "")


def _metadata(name: str, version: str, have: Distribution) -> Iterator[str]:
    """The headers that decide something; what cannot be read is left out, as installers do."""
    yield from ("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}")
    for text in have.requires:
        try:
            yield f"Requires-Dist: {Requirement(text)}"
        except InvalidRequirement:
            continue
    yield from (f"Provides-Extra: {extra}" for extra in have.extras)
    try:
        if have.requires_python:
            yield f"Requires-Python: {SpecifierSet(have.requires_python)}"
    except InvalidSpecifier:
        return


def _member(wheel: zipfile.ZipFile, name: str, text: str) -> None:
    wheel.writestr(zipfile.ZipInfo(name, DATE), text)
