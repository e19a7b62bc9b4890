"""The delta: what an image gets on top of its base, what is there already, what changes, what is refused."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from byoc_kit.spec.lock import Lock, LockedWheel

__all__ = ["Added", "Changed", "Delta", "Present", "Refused", "delta_json", "delta_of", "describe_delta"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A distribution that the base lacks."""

    name: str
    version: str
    size: int | None
    """Bytes to fetch; None where no index told."""
    installed: int | None
    """Bytes in the image; None until its wheel was here once."""
    wanted_by: tuple[str, ...]
    built_from: str | None
    """The project's folder or the sdist it is built from."""
    newest: str | None = None
    """A newer version that the requirement allows too: the base, or an older lock, holds it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(Added):
    """A distribution of the base that gets another version."""

    old: str
    only_docker: str | None
    """Why the layer engine cannot do it; None: it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """A distribution that was asked for and is in the base."""

    name: str
    version: str
    here: str | None = None
    """The version of the environment that was compared, where it is another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A distribution of the base that would have to change, and may not."""

    name: str
    version: str
    """The base's."""
    wanted: str
    """What it would have to be: a requirement, or a version."""
    wanted_by: tuple[str, ...]
    why: str
    fixes: tuple[str, ...]
    """Ways out, the most likely first."""
    bases: tuple[str, ...] = ()
    """Prebuilt images that fit better, by their short names; those of the catalogue nearest to this base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What it takes to get from a base to what was asked for; each part sorted by name."""

    added: tuple[Added, ...] = ()
    present: tuple[Present, ...] = ()
    changed: tuple[Changed, ...] = ()
    refused: tuple[Refused, ...] = ()

    @property
    def download(self) -> int | None:
        """Bytes to fetch in all; None where the size of a single wheel is not known."""
        return _sum([each.size for each in (*self.added, *self.changed)])

    @property
    def installed(self) -> int | None:
        """Bytes that it adds to the image; None where a single one is not known."""
        return _sum([each.installed for each in (*self.added, *self.changed)])


def delta_of(
    lock: Lock,
    only_docker: Callable[[str], str | None],
    *,
    installed: Mapping[str, int | None] | None = None,
    newest: Mapping[str, str] | None = None,
) -> Delta:
    """The delta that *lock* means.

    *only_docker*: name to why a layer cannot replace what the base has of it. *installed*: file name to
    bytes. *newest*: name to the newer version that there is.
    """
    sizes, newer = installed or {}, newest or {}
    added, changed = [], []
    for wheel in lock.wheels:
        plain = replace(_added(wheel, sizes.get(wheel.filename)), newest=newer.get(wheel.name))
        if wheel.replaces is None:
            added.append(plain)
        else:
            changed.append(_changed(plain, wheel.replaces, only_docker(wheel.name)))
    present = (Present(name=name, version=version) for name, version in sorted(lock.present.items()))
    return Delta(added=tuple(added), changed=tuple(changed), present=tuple(present))


def describe_delta(delta: Delta) -> str:
    """The delta for a person: four lists, empty ones left out, and the sums."""
    lines = [
        *_list("added", [_added_line(each) for each in delta.added]),
        *_list("changed", [_changed_line(each) for each in delta.changed]),
        *_list("already there", [_present_line(each) for each in delta.present]),
        *_list("refused", [line for each in delta.refused for line in _refused_lines(each)]),
    ]
    return "\n".join(
        [*lines, _sums(delta)] if delta.added or delta.changed else lines or ["nothing is missing"]
    )


def delta_json(delta: Delta) -> dict[str, Any]:
    """The delta for machines, schema ``byoc/delta/1``."""
    return {
        "schema": "byoc/delta/1",
        "added": [_json(each) for each in delta.added],
        "changed": [_json(each) for each in delta.changed],
        "present": [_json(each) for each in delta.present],
        "refused": [_json(each) for each in delta.refused],
        "download": delta.download,
        "installed": delta.installed,
    }


def _added(wheel: LockedWheel, installed: int | None) -> Added:
    return Added(
        name=wheel.name,
        version=wheel.version,
        size=0 if wheel.built_from is not None and wheel.source_sha256 is None else wheel.size,
        installed=installed,
        wanted_by=wheel.wanted_by,
        built_from=None if wheel.built_from is None else str(wheel.built_from),
    )


def _changed(plain: Added, old: str, why_docker: str | None) -> Changed:
    return Changed(
        name=plain.name,
        version=plain.version,
        size=plain.size,
        installed=plain.installed,
        wanted_by=plain.wanted_by,
        built_from=plain.built_from,
        newest=plain.newest,
        old=old,
        only_docker=why_docker,
    )


def _sum(sizes: list[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _list(title: str, lines: list[str]) -> list[str]:
    return [f"{title}:", *(f"  {line}" for line in lines)] if lines else []


def _added_line(each: Added) -> str:
    told = [_bytes(each.size)] if each.size else []
    told += [f"built from {each.built_from}"] if each.built_from else []
    told += [f"for {', '.join(each.wanted_by)}"] if each.wanted_by else []
    told += [f"there is {each.newest}"] if each.newest else []
    return f"{each.name} {each.version}" + (f" ({'; '.join(told)})" if told else "")


def _changed_line(each: Changed) -> str:
    note = f"; not by the layer engine: {each.only_docker}" if each.only_docker else ""
    return f"{each.name} {each.old} -> {_added_line(each).removeprefix(f'{each.name} ')}{note}"


def _present_line(each: Present) -> str:
    return f"{each.name} {each.version}" + (f" (here {each.here})" if each.here else "")


def _refused_lines(each: Refused) -> list[str]:
    asked = f", asked for by {', '.join(each.wanted_by)}" if each.wanted_by else ""
    fixes = [f"  fix: {fix}" for fix in each.fixes]
    return [f"{each.name} {each.version} -> {each.wanted}{asked}", f"  why: {each.why}", *fixes]


def _sums(delta: Delta) -> str:
    count = len(delta.added) + len(delta.changed)
    parts = [f"{count} {'wheel' if count == 1 else 'wheels'}"]
    parts += [f"{_bytes(delta.download)} to fetch"] if delta.download is not None else []
    parts += [f"{_bytes(delta.installed)} installed"] if delta.installed is not None else []
    return ", ".join(parts)


def _bytes(size: int | None) -> str:
    return (
        "unknown size"
        if size is None
        else f"{size / 1e6:,.1f} MB"
        if size >= 100_000
        else f"{size / 1e3:,.1f} kB"
    )


def _json(each: Added | Present | Refused) -> dict[str, Any]:
    return asdict(each)
