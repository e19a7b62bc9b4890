"""What of an installed environment a container would need to run what runs there."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from byoc_kit.inventory import Distribution
from byoc_kit.plan.target import Target

__all__ = ["Environment", "Installed", "Needs", "needs_of", "public"]

TOOLS = re.compile(
    r"pip|setuptools|wheel|uv|byoc-kit|virtualenv|conda.*|notebook|ipykernel|ipython|"
    r"jupyter.*|nbconvert|nbclassic|ipywidgets"
)
"""What installs packages or shows notebooks: needed on this machine, not by a job, unless others need it."""

NO_EXTRAS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One distribution of an environment."""

    name: str
    """Normal."""
    version: str
    requires: tuple[str, ...] = ()
    requested: bool = False
    """Whether somebody asked for it by name (REQUESTED, PEP 376)."""
    folder: PurePosixPath | None = None
    """Where its source is on this machine; None: it came from an index."""
    editable: bool = False
    elsewhere: str | None = None
    """A repository or file that it was installed from; None: an index, or *folder*."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An installed Python environment."""

    executable: str
    python: str
    """``3.11.4``."""
    markers: Mapping[str, str]
    """What PEP 508 markers mean there; ``extra`` is empty."""
    distributions: tuple[Installed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What an environment has that counts, by where it can be had."""

    missing: tuple[Installed, ...]
    """From an index, and not in the base."""
    other: tuple[tuple[Installed, str], ...]
    """In the base too, each with the base's version, which is another one."""
    same: tuple[tuple[Installed, str], ...]
    """In the base in the same version, local parts aside; each with the base's."""
    local: tuple[Installed, ...]
    """Built from a folder of this machine."""
    elsewhere: tuple[Installed, ...]
    """From a repository or a file: no index has exactly that."""
    left_out: tuple[str, ...]
    """Names of tools that nothing else needs."""


def needs_of(environment: Environment, base: Mapping[str, Distribution], target: Target) -> Needs:
    """What *environment* has that counts, compared with a base that has *base*."""
    found = {each.name: each for each in environment.distributions}
    wanted = _reachable(found, _roots(found, environment.markers), target.markers())
    counted = [found[name] for name in sorted(wanted)]
    local = [each for each in counted if each.folder is not None]
    elsewhere = [each for each in counted if each.elsewhere is not None]
    published = [each for each in counted if each.folder is None and each.elsewhere is None]
    there = [(each, base[each.name].version) for each in published if each.name in base]
    same = [(each, version) for each, version in there if public(each.version) == public(version)]
    return Needs(
        missing=tuple(each for each in published if each.name not in base),
        other=tuple(pair for pair in there if pair not in same),
        same=tuple(same),
        local=tuple(local),
        elsewhere=tuple(elsewhere),
        left_out=tuple(sorted(name for name in found.keys() - wanted if TOOLS.fullmatch(name))),
    )


def public(version: str) -> str:
    """*version* without its local part: what an index has."""
    try:
        return Version(version).public
    except InvalidVersion:
        return version


def _roots(found: Mapping[str, Installed], markers: Mapping[str, str]) -> set[str]:
    """What is there for its own sake: asked for by name, or needed by nothing else there; tools are not."""
    needed = {name for each in found.values() for name, _ in _needs(each, NO_EXTRAS, markers)}
    own = {name for name, each in found.items() if each.requested or name not in needed}
    return {name for name in own if not TOOLS.fullmatch(name)}


def _reachable(found: Mapping[str, Installed], roots: Iterable[str], markers: Mapping[str, str]) -> set[str]:
    """*roots* and all that they need where *markers* hold, as far as it is installed."""
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [(name, NO_EXTRAS) for name in roots]
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen or name not in found:
            continue
        seen.add((name, extras))
        todo += _needs(found[name], extras, markers)
    return {name for name, _ in seen}


def _needs(
    each: Installed, extras: frozenset[str], markers: Mapping[str, str]
) -> Iterator[tuple[str, frozenset[str]]]:
    """Name and extras of what *each* with *extras* needs where *markers* hold."""
    for text in each.requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        marker = requirement.marker
        if marker is None or any(marker.evaluate({**markers, "extra": extra}) for extra in {"", *extras}):
            yield canonicalize_name(requirement.name), frozenset(requirement.extras)
