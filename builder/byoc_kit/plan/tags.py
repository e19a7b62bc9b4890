"""Tags are computed, never typed: from the content, from the git commit, and from the version.

=================  ======================================================================================
``c-<16 hex>``     the content: equal inputs, equal tag
``g-<12 hex>``     the git commit; ``-dirty`` behind it where the tree had changes of its own
``1.4.2``          a final release (PEP 440) of ``[image] version``
``1.4``, ``1``     the newest release of that line; ``latest``: the newest of all
``d-YYYYMMDD``     the day of the commit, UTC
=================  ======================================================================================

A tree with uncommitted changes never gives a release tag.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from packaging.version import InvalidVersion, Version

__all__ = ["Source", "Tag", "Withheld", "content_tag", "plan_tags"]

FURTHER: Final = "[publish] tags"


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


def plan_tags(
    *, version: str | None, source: Source, existing: Iterable[str], further: Iterable[str] = ()
) -> tuple[tuple[Tag, ...], tuple[Withheld, ...]]:
    """The tags besides the content tag, and those withheld. *existing* are the tags of the repository."""
    found = [*_of_commit(source), *_of_version(version, source, frozenset(existing))]
    found += [Tag(name, FURTHER, fixed=True) for name in further]
    tags = {tag.name: tag for tag in reversed(found) if isinstance(tag, Tag)}
    return tuple(reversed(tags.values())), tuple(each for each in found if isinstance(each, Withheld))


def _of_commit(source: Source) -> Iterator[Tag]:
    if source.commit:
        suffix = "-dirty" if source.dirty else ""
        yield Tag(f"g-{source.commit[:12]}{suffix}", "the git commit")
    if source.day:
        yield Tag(f"d-{source.day}", "the day of the commit")


def _of_version(version: str | None, source: Source, existing: frozenset[str]) -> Iterator[Tag | Withheld]:
    if version is None:
        return
    release = _final(version)
    if release is None:
        yield Withheld(version, "[image] version is not a final release (PEP 440)")
    elif source.dirty:
        yield Withheld(version, "the git tree has uncommitted changes")
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
