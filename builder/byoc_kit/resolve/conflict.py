"""Why there is no answer, in the user's words: what asked for what, and what the base has against it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from byoc_kit.errors import ByocError
from byoc_kit.inventory import Distribution
from byoc_kit.plan.delta import Refused
from byoc_kit.plan.protect import Rule, is_protected
from byoc_kit.plan.target import Target
from byoc_kit.resolve.base import Base
from byoc_kit.resolve.credentials import hide
from byoc_kit.resolve.source import NEEDS_DOCKER

__all__ = [
    "Sides",
    "Suggest",
    "explain",
    "is_conflict",
    "lines_of",
    "no_bases",
    "refused_directly",
    "repository",
    "standing",
    "with_bases",
    "wrong",
]

NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*?)(?:\[[^\]]*\])?==([^\s,;)]+)")
ROUNDS = 3
ANOTHER = "choose a base that has "
UNSATISFIABLE = "No solution found"

Suggest = Callable[[str, str], Sequence[str]]
"""Name of a distribution, and a requirement or version, to names of bases that have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What can be asked about a question without an answer."""

    base: Base
    pins: Mapping[str, str]
    """Name to version: what had to stay."""
    asked: tuple[Requirement, ...]
    ask: Callable[[Sequence[str] | None, Mapping[str, str]], Mapping[str, str] | None]
    """Name to version with other requirements (None: the same) and other pins; None: no answer either."""
    reasons: Callable[[], Mapping[str, tuple[str, ...]]]
    """Who asks for what in the last answer."""


def refused_directly(rule: Rule, requirements: Sequence[str], base: Base) -> tuple[Refused, ...]:
    """Requirements that name a protected distribution and that the base's version does not satisfy."""
    written = {canonicalize_name(Requirement(text).name): text for text in requirements}
    return tuple(
        Refused(
            name=(name := canonicalize_name(requirement.name)),
            version=version,
            wanted=str(requirement),
            wanted_by=(f"your requirement {written[name]}",) if name in written else ("the style",),
            why=f"{name} is protected: what the base compiled against it would no longer fit",
            fixes=(
                f"loosen the requirement so that {version} satisfies it",
                _another(str(requirement)),
                _allow(name, base.only_docker(name)),
            ),
        )
        for requirement, version in rule.refused
    )


def explain(text: str, sides: Sides) -> tuple[Refused, ...]:
    """Which distributions of the base would have to change; empty where that would not help.

    *text* is uv's. Those that it names are set free, others with them if need be, and what they become is
    what is refused.
    """
    suspects = _named(text, sides.pins)
    for _ in range(ROUNDS):
        kept = {name: pin for name, pin in sides.pins.items() if name not in suspects}
        found = sides.ask(None, kept)
        if found is not None:
            changed = {name: found[name] for name in sorted(suspects) if _differs(found, name, sides.pins)}
            reasons = sides.reasons()
            fitting = _fitting(sides)
            return tuple(
                _refused(name, version, reasons.get(name, ()), sides.base, fitting)
                for name, version in changed.items()
            )
        more = set(sides.pins) if suspects else set[str]()
        if more == suspects:
            break
        suspects = more
    return ()


def is_conflict(text: str) -> bool:
    """Whether uv's *text* says that nothing satisfies the question; else it could not look."""
    return UNSATISFIABLE in text


def standing(
    new: Mapping[str, str], needs: Iterable[tuple[str, Requirement]], base: Mapping[str, Distribution]
) -> tuple[Refused, ...]:
    """Of *needs* (who in the base, and what it asks) those that the versions *new* would break."""
    return tuple(
        Refused(
            name=(name := canonicalize_name(need.name)),
            version=base[name].version,
            wanted=new[name],
            wanted_by=("your requirements",),
            why=f"{who} {base[who].version} of the base needs {need}",
            fixes=(
                f"ask for a version that {who} {base[who].version} works with: {need}",
                f'let it change as well: requirements = ["{who}"], allow-change = ["{who}"] under [python]',
                _another(f"{name} {new[name]}"),
            ),
        )
        for who, need in needs
        if canonicalize_name(need.name) in new
        and not need.specifier.contains(new[canonicalize_name(need.name)], prereleases=True)
    )


def wrong(text: str, asked: Sequence[Requirement], target: Target) -> ByocError:
    """uv's *text*, which has no answer whatever the base has, as an error."""
    lines = [line for line in text.splitlines() if line.strip()]
    names = {str(canonicalize_name(each.name)): str(each) for each in asked}
    for pattern, make in _KINDS:
        if re.search(pattern, text):
            return make(lines, text, names, target)
    return _conflicting(lines, text, names, target) if is_conflict(text) else _unknown(lines)


def with_bases(refused: Iterable[Refused], suggest: Suggest) -> tuple[Refused, ...]:
    """*refused*, with names of bases that fit where *suggest* knows some."""
    return tuple(_with_names(each, tuple(suggest(each.name, each.wanted))) for each in refused)


def no_bases(name: str, wanted: str) -> Sequence[str]:
    """No catalogue is at hand."""
    return ()


def _with_names(each: Refused, names: tuple[str, ...]) -> Refused:
    if not names:
        return each
    told = f" (nearest in the catalogue: {', '.join(names)})"
    fixes = tuple(fix + told if fix.startswith(ANOTHER) else fix for fix in each.fixes)
    return replace(each, fixes=fixes, bases=names)


def _another(what: str) -> str:
    return ANOTHER + what


def _named(text: str, pins: Mapping[str, str]) -> set[str]:
    """Distributions of the base that *text* names with the very version that they have."""
    found = ((canonicalize_name(name), version.rstrip(".")) for name, version in NAMED.findall(text))
    return {name for name, version in found if name in pins and _same(version, pins[name])}


def _same(left: str, right: str) -> bool:
    try:
        return Version(left) == Version(right)
    except InvalidVersion:
        return left == right


def _differs(found: Mapping[str, str], name: str, pins: Mapping[str, str]) -> bool:
    return name in found and not _same(found[name], pins[name])


def _fitting(sides: Sides) -> tuple[str, ...]:
    """Versions of the user's own requirements that this base would take, where they exclude them now."""
    bare = [f"{each.name}{_extras(each)}" for each in sides.asked if each.url is None]
    found = sides.ask(bare, sides.pins) or {}
    return tuple(
        f"{each.name}=={found[name]}"
        for each in sides.asked
        if (name := canonicalize_name(each.name)) in found
        and not each.specifier.contains(found[name], prereleases=True)
    )


def _extras(requirement: Requirement) -> str:
    return f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""


def _refused(
    name: str, version: str, asked_by: tuple[str, ...], base: Base, fitting: tuple[str, ...]
) -> Refused:
    protected, old = is_protected(name), base.distributions[name].version
    rule = "it is protected" if protected else "what others need never changes what the base has"
    ways = [f"{each} goes with this base: ask for that" for each in fitting]
    if not protected:
        ways.append(f'ask for it yourself: requirements = ["{name}=={version}"] under [python]')
    return Refused(
        name=name,
        version=old,
        wanted=version,
        wanted_by=asked_by,
        why=f"the base has {name} {old}, and {rule}",
        fixes=(
            *ways,
            _another(f"{name} {version}"),
            *([_allow(name, base.only_docker(name))] if protected else []),
        ),
    )


def _allow(name: str, why_docker: str | None) -> str:
    how = "; then the docker engine builds the image" if why_docker else ""
    return f'allow it: allow-change = ["{name}"] under [python]{how}'


Make = Callable[[list[str], str, Mapping[str, str], Target], ByocError]


def _absent(lines: list[str], text: str, names: Mapping[str, str], target: Target) -> ByocError:
    found = re.search(
        r"(?:Because )?(\S+) was not found in the (?:package registry|provided package locations|cache)", text
    )
    what = found[1] if found else "a distribution"
    return ByocError(
        f"no index has {what}",
        why=f"{_who(what, names)}, and the indexes of this machine do not list it",
        fix="correct the name, or name the index that has it in [python] extra-index-urls",
        id="BYOC-E905",
        details=lines[:6],
    )


def _no_version(lines: list[str], text: str, names: Mapping[str, str], target: Target) -> ByocError:
    return ByocError(
        "a version that is asked for does not exist",
        why="the indexes of this machine list the project, but not that version",
        fix="ask for a version that exists, or name the index that has it in [python] extra-index-urls",
        id="BYOC-E905",
        details=lines[:8],
    )


def _no_wheel(lines: list[str], text: str, names: Mapping[str, str], target: Target) -> ByocError:
    return ByocError(
        f"not everything has a wheel for Python {target.minor} on {target.uv_platform}",
        why="what is below is published for other platforms or other versions of Python, or as source only",
        fix="ask for another version of it, choose a base with another Python, or build with the docker "
        "engine (`--engine docker`), which can compile inside the base",
        id=NEEDS_DOCKER,
        details=lines[:8],
    )


def _unreachable(lines: list[str], text: str, names: Mapping[str, str], target: Target) -> ByocError:
    return ByocError(
        "a package index cannot be reached",
        why="what uv says is above",
        fix="check network, proxy (HTTPS_PROXY) and certificates (SSL_CERT_FILE), and the index: [python] "
        "index-url, UV_DEFAULT_INDEX or PIP_INDEX_URL; with BYOC_OFFLINE only what this machine has is used",
        id="BYOC-E907",
        details=lines[:6],
    )


def _no_login(lines: list[str], text: str, names: Mapping[str, str], target: Target) -> ByocError:
    return ByocError(
        "a package index does not let you in",
        why="it wants a user and a password, or does not accept those it got",
        fix="put them into ~/.netrc or keyring, or into the address in UV_DEFAULT_INDEX, UV_INDEX or "
        "PIP_INDEX_URL; they reach neither lock nor image",
        id="BYOC-E908",
        details=lines[:6],
    )


def _conflicting(lines: list[str], text: str, names: Mapping[str, str], target: Target) -> ByocError:
    return ByocError(
        "the requirements exclude one another",
        why="no set of versions satisfies all of them, whatever the base has",
        fix="loosen one of the requirements named above",
        id="BYOC-E904",
        details=lines[:12],
    )


def _unknown(lines: list[str]) -> ByocError:
    return ByocError(
        "uv did not resolve the requirements",
        why="it ended with the error above",
        fix="see whether the requirements are what you mean; the same is wrong for `uv pip compile`",
        id="BYOC-E917",
        details=lines[:12],
    )


def repository(requirement: Requirement) -> ByocError:
    """That a requirement names a repository instead of a release."""
    return ByocError(
        f"{requirement.name} would come from a repository",
        why="a layer is made of wheels with a known hash, and a repository has none",
        fix="build with the docker engine (`--engine docker`), or publish a wheel of it to your own index",
        id=NEEDS_DOCKER,
        details=[hide(str(requirement))],
    )


_KINDS: tuple[tuple[str, Make], ...] = (
    (r"(?i)\b40[13]\b (?:unauthorized|forbidden)|authentication (?:error|failed)|credentials", _no_login),
    (
        r"(?i)failed to fetch|error sending request|failed to lookup|network (?:\w+ is|was) disabled",
        _unreachable,
    ),
    (r"has no wheels with|no usable wheels|building from source is disabled|no matching platform", _no_wheel),
    (r"was not found in the", _absent),
    (r"there (?:is|are) no versions? of|only \S+ (?:is|are) available", _no_version),
)


def _who(what: str, names: Mapping[str, str]) -> str:
    name = canonicalize_name(what)
    return f"your requirement is {names[name]}" if name in names else "something you ask for needs it"


def lines_of(refused: Sequence[Refused]) -> Iterator[str]:
    """What is refused, as lines of an error."""
    for each in refused:
        asked = f", asked for by {', '.join(each.wanted_by)}" if each.wanted_by else ""
        yield f"{each.name} {each.version} would become {each.wanted}{asked}"
        yield f"  {each.why}"
