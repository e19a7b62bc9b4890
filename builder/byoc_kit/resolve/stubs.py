"""Stub wheels: what a base has, told to the resolver as wheels without content.

An index does not have a local version such as 2.8.0+cu129; without its stub the resolver would not fail, it
would silently go back to a release that does not need it.
"""

import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from byoc_kit.inventory import Distribution
from byoc_kit.plan.protect import fits, in_force

__all__ = ["write_stubs"]

WHEEL = "Wheel-Version: 1.0\nGenerator: byoc\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
DATE = (1980, 1, 2, 0, 0, 0)


def write_stubs(base: Mapping[str, Distribution], folder: Path, markers: Mapping[str, str]) -> None:
    """A stub in *folder* for each of *base* whose version the resolver can read.

    What a distribution needs and the base, as it is, does not give it, is left out: the base stays so.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, have in base.items():
        try:
            version = str(Version(have.version))
        except InvalidVersion:
            continue
        stem = f"{re.sub(r'[-_.]+', '_', name)}-{version}"
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
            needs = [
                each for each in map(_parsed, have.requires) if each and not _broken(each, base, markers)
            ]
            headers = _metadata(f"Name: {name}\nVersion: {version}", needs, have)
            _member(wheel, f"{stem}.dist-info/METADATA", "\n".join(headers) + "\n")
            _member(wheel, f"{stem}.dist-info/WHEEL", WHEEL)
            _member(wheel, f"{stem}.dist-info/RECORD", "")


def _broken(need: Requirement, base: Mapping[str, Distribution], markers: Mapping[str, str]) -> bool:
    """Whether *need* counts and *base* has another version than it asks for."""
    have = base.get(canonicalize_name(need.name))
    return have is not None and in_force(need, markers) and not fits(need, have)


def _parsed(text: str) -> Requirement | None:
    """*text*; None where it cannot be read: installers leave it out, too."""
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _metadata(name: str, needs: Iterable[Requirement], have: Distribution) -> Iterator[str]:
    """The headers that decide something."""
    yield from ("Metadata-Version: 2.1", name)
    yield from (f"Requires-Dist: {need}" for need in needs)
    yield from (f"Provides-Extra: {extra}" for extra in have.extras)
    try:
        if have.requires_python:
            yield f"Requires-Python: {SpecifierSet(have.requires_python)}"
    except InvalidSpecifier:
        return


def _member(wheel: zipfile.ZipFile, name: str, text: str) -> None:
    wheel.writestr(zipfile.ZipInfo(name, DATE), text)
