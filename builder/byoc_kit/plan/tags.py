"""Tags are computed, never typed: from the content, from the git commit, and from the version.

=================  ======================================================================================
``c-<16 hex>``     the content: equal inputs, equal tag
``g-<12 hex>``     the git commit; ``-dirty`` behind it where the tree had changes of its own
``1.4.2``          a final release (PEP 440) of ``[image] version``
``1.4``, ``1``     the newest release of that line; ``latest``: the newest of all
``d-YYYYMMDD``     the day of the commit, UTC
=================  ======================================================================================

A tree with uncommitted changes never gives a release tag. ``[publish] tags`` adds templates of its own.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from packaging.version import InvalidVersion, Version

from byoc_kit.spec.tag_templates import fields, fill

__all__ = ["Source", "Tag", "Withheld", "content_tag", "is_computed", "is_release", "plan_tags"]

FURTHER: Final = "[publish] tags"
COMPUTED: Final = re.compile(r"c-[0-9a-f]{16}|g-[0-9a-f]{12}(-dirty)?|d-[0-9]{8}")
DIRTY: Final = "the git tree has uncommitted changes"
NOTHING: Final[Mapping[str, str | None]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The state of the project's git repository."""

    commit: str | None = None
    """40 hexadecimal digits; None: there is no repository, or no commit."""
    day: str | None = None
    """Of the commit, UTC: YYYYMMDD."""
    dirty: bool = False
    """Whether files of the project differ from the commit, new ones included."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag to be put."""

    name: str
    why: str
    fixed: bool = False
    """Whether it must not silently come to mean another image: a version, and ``[publish] tags``."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A tag that one might expect, and why it is not put."""

    name: str
    why: str


def content_tag(key: str) -> str:
    """The content tag of *key*: a SHA-256 in hexadecimal, with or without ``sha256:``."""
    return f"c-{key.removeprefix('sha256:')[:16]}"


def is_release(tag: str) -> bool:
    """Whether *tag* is a release in full: three numbers or more. Such a tag means one image for ever."""
    release = _final(tag)
    return release is not None and len(release.release) > 2


def is_computed(tag: str) -> bool:
    """Whether *tag* says what is in the image: content, commit or day. Nobody moves such a tag by hand."""
    return COMPUTED.fullmatch(tag) is not None


def plan_tags(
    *,
    version: str | None,
    source: Source,
    existing: Iterable[str],
    further: Iterable[str] = (),
    values: Mapping[str, str | None] = NOTHING,
) -> tuple[tuple[Tag, ...], tuple[Withheld, ...]]:
    """The tags besides the content tag, and those withheld. *existing* are the tags of the repository.

    *further* are templates; *values* are what their fields mean, besides version, commit and date. What must
    not come to mean another image comes first: whoever gets that tag has the others, too.
    """
    known = {**values, "version": version, "date": source.day, "commit": _commit(source)}
    found = [
        *_of_version(version, source, frozenset(existing)),
        *(_further(each, known, source) for each in further),
        *_of_commit(source),
    ]
    found.sort(key=lambda each: not (isinstance(each, Tag) and each.fixed))
    tags = {tag.name: tag for tag in reversed(found) if isinstance(tag, Tag)}
    return tuple(reversed(tags.values())), tuple(each for each in found if isinstance(each, Withheld))


def _further(template: str, values: Mapping[str, str | None], source: Source) -> Tag | Withheld:
    """A tag of byoc.toml. One that tells a version is no release of a tree with changes of its own."""
    name = fill(template, values)
    if name is None:
        missing = ", ".join(each for each in fields(template) if values.get(each) is None)
        return Withheld(template, f"nothing is known for {missing}")
    if source.dirty and "version" in fields(template):
        return Withheld(name, DIRTY)
    return Tag(name, FURTHER, fixed=True)


def _commit(source: Source) -> str | None:
    return source.commit and source.commit[:12] + ("-dirty" if source.dirty else "")


def _of_commit(source: Source) -> Iterator[Tag]:
    if source.commit:
        yield Tag(f"g-{_commit(source)}", "the git commit")
    if source.day:
        yield Tag(f"d-{source.day}", "the day of the commit")


def _of_version(version: str | None, source: Source, existing: frozenset[str]) -> Iterator[Tag | Withheld]:
    if version is None:
        return
    release = _final(version)
    if release is None:
        yield Withheld(version, "[image] version is not a final release (PEP 440)")
    elif source.dirty:
        yield Withheld(version, DIRTY)
    else:
        yield from _ladder(release, [other for other in map(_final, sorted(existing)) if other])


def _ladder(release: Version, others: list[Version]) -> Iterator[Tag | Withheld]:
    """The release itself, then each line it belongs to, from ``1.4`` to ``latest``, if it leads that line."""
    parts = release.release
    yield Tag(_text(parts), "[image] version", fixed=True)
    for length in range(len(parts) - 1, -1, -1):
        line = [other for other in others if other.release[:length] == parts[:length]]
        newest = max(line, default=release)
        name = _text(parts[:length]) or "latest"
        if newest > release:
            yield Withheld(name, f"{newest} is newer")
        else:
            yield Tag(name, "the newest release" + (f" of {name}" if length else ""))


def _final(text: str) -> Version | None:
    """*text* as a final release, numbers and dots alone; None for anything else."""
    if not re.fullmatch(r"v?[0-9]+(\.[0-9]+)*", text):
        return None
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _text(parts: tuple[int, ...]) -> str:
    return ".".join(map(str, parts))
