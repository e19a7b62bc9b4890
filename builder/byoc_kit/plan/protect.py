"""What may change in a base: the one rule.

What others need never changes anything. A requirement of the user's own may change a distribution that is
not protected; a protected one changes only with ``allow-change``.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from byoc_kit.inventory import Distribution, Python
from byoc_kit.plan.protected import ABI, PATCHED, PREBUILT, PROTECTED

__all__ = [
    "Rule",
    "asked_of",
    "decide",
    "distributions_of",
    "fits",
    "in_force",
    "irremovable",
    "is_prebuilt",
    "is_protected",
    "only_docker",
]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What the resolver may do to the distributions of a base."""

    pins: Mapping[str, str]
    """Name to version: all that must stay, or can stay."""
    free: frozenset[str]
    """Those of *pins* that may change if nothing else is possible."""
    changing: frozenset[str]
    """Distributions of the base that a requirement changes."""
    bounds: tuple[str, ...]
    """Requirements that *changing* ones must keep: numpy keeps its major version."""
    refused: tuple[tuple[Requirement, str], ...]
    """Requirements that would change a protected distribution, each with the base's version."""


def distributions_of(python: Python, found: Iterable[Distribution]) -> dict[str, Distribution]:
    """Name to what *python* imports; the first on its path wins."""
    place = {path: number for number, path in enumerate(python.paths)}
    visible = [each for each in found if each.python == python.executable or each.location in place]
    visible.sort(key=lambda each: place.get(each.location, -1))
    chosen: dict[str, Distribution] = {}
    for each in visible:
        chosen.setdefault(canonicalize_name(each.name), each)
    return dict(sorted(chosen.items()))


def decide(
    requirements: Sequence[Requirement],
    base: Mapping[str, Distribution],
    *,
    allow_change: Iterable[str] = (),
    protect: Iterable[str] = (),
) -> Rule:
    """The rule for *requirements* (those that apply) on a base with the distributions *base*."""
    allowed, own = set(map(canonicalize_name, allow_change)), tuple(map(canonicalize_name, protect))
    changing, free, refused = set[str](), set[str](allowed), []
    for requirement in requirements:
        name = canonicalize_name(requirement.name)
        if name not in base:
            continue
        stays = fits(requirement, base[name])
        if name not in allowed and is_protected(name, own) and not _same_abi(name, requirement, base[name]):
            refused += [] if stays else [(requirement, base[name].version)]
        elif stays:
            free.add(name)
        else:
            changing.add(name)
    pins = {name: each.version for name, each in base.items() if name not in changing and _valid(each)}
    return Rule(
        pins=pins,
        free=frozenset(free & pins.keys()),
        changing=frozenset(changing),
        bounds=tuple(_bound(name, base[name]) for name in sorted(changing & ABI - allowed)),
        refused=tuple(refused),
    )


def asked_of(
    names: Container[str], base: Mapping[str, Distribution], markers: Mapping[str, str]
) -> Iterator[tuple[str, Requirement]]:
    """Who in *base* needs one of *names*, and what it asks of it.

    What the base itself breaks already is left out: nobody makes that worse.
    """
    for dependent, have in base.items():
        for text in have.requires:
            head = NAME.match(text)
            if head is None or (name := canonicalize_name(head[0])) not in names or name not in base:
                continue
            requirement = _parsed(text)
            if requirement and in_force(requirement, markers) and fits(requirement, base[name]):
                yield dependent, requirement


def in_force(requirement: Requirement, markers: Mapping[str, str]) -> bool:
    """Whether *requirement* counts where *markers* hold and no extra is asked for."""
    return requirement.marker is None or requirement.marker.evaluate(dict(markers))


def fits(requirement: Requirement, have: Distribution) -> bool:
    """Whether what the base has satisfies *requirement*; its local version does not matter (PEP 440)."""
    if requirement.url is not None:
        return have.direct_url == requirement.url
    return _contains(requirement.specifier, have.version)


def is_protected(name: str, protect: Iterable[str] = ()) -> bool:
    """Whether the distribution *name* (normal) may only change with ``allow-change``."""
    return any(fnmatchcase(name, pattern) for pattern in (*PROTECTED, *ABI, *protect))


def only_docker(have: Distribution, python: Python, *, prebuilt: bool) -> str | None:
    """Why a layer cannot put another version in the place of *have*, as pip inside the base can.

    None: it can. *prebuilt*: the base is one of AWS's (:func:`is_prebuilt`).
    """
    own = {str(python.scheme.purelib), str(python.scheme.platlib)}
    if have.location not in own:  # it stays where it is, and is no longer found
        order = [path for path in python.paths if path in own or path == have.location]
        hides = order[:1] == [have.location]
        return f"{python.executable} looks into {have.location} first" if hides else None
    return irremovable(have, prebuilt=prebuilt)


def irremovable(have: Distribution, *, prebuilt: bool) -> str | None:
    """Why *have* cannot be removed by hiding its files; None: it can."""
    if (have.installer or "").lower() == "conda":
        return "conda installed it, and its own records would no longer be true"
    if have.editable:
        return "it is installed editable: its code is elsewhere"
    if not have.metadata.endswith(".dist-info"):
        return "its metadata are of the old kind, which does not tell all of its files"
    if have.files is None:
        return "it has no RECORD, so nobody knows which files are its own"
    if prebuilt and have.name.startswith(PATCHED):
        return "prebuilt images patch it in place, or compile others against it"
    return None


def is_prebuilt(labels: Iterable[str]) -> bool:
    """Whether an image with the names *labels* is one of AWS's prebuilt images."""
    return any(label.startswith(PREBUILT) for label in labels)


def _bound(name: str, have: Distribution) -> str:
    return f"{name}=={Version(have.version).major}.*" if _valid(have) else name


def _same_abi(name: str, requirement: Requirement, have: Distribution) -> bool:
    """Whether *name* is protected by its major version only, and *requirement* leaves room to keep that."""
    if name not in ABI or not _valid(have) or requirement.url is not None:
        return False
    major = Version(have.version).major
    named = [spec.version.removesuffix(".*") for spec in requirement.specifier]
    tried = [f"{major}.0", *(text for text in named if text.split(".")[0] == str(major)), f"{major}.99999"]
    return any(_contains(requirement.specifier, text) for text in tried)


def _contains(specifier: SpecifierSet, version: str) -> bool:
    try:
        return specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def _parsed(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _valid(have: Distribution) -> bool:
    try:
        Version(have.version)
    except InvalidVersion:
        return False
    return True
