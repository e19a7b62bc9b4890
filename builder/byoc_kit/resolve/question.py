"""One question to uv: asked, asked again with what had to be built first, answered as wheels of a lock."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from byoc_kit.errors import ByocError
from byoc_kit.plan.delta import Refused
from byoc_kit.plan.protect import Rule, asked_of
from byoc_kit.plan.wanted import Wanted, applies
from byoc_kit.resolve.base import Base
from byoc_kit.resolve.conflict import Sides, explain, is_conflict, standing, wrong
from byoc_kit.resolve.fetch import Fetcher, Wanting
from byoc_kit.resolve.simple import local_path
from byoc_kit.resolve.source import Builder, BuiltWheel
from byoc_kit.resolve.stubs import write_stubs
from byoc_kit.resolve.uv import Query, Unsolved, Uv
from byoc_kit.spec.lock import Lock, LockedWheel
from byoc_kit.spec.lockfile import without_user
from byoc_kit.talk import Talk

__all__ = ["Question", "Tools", "needs_of"]

NO_WHEEL = re.compile(r"Wheels are required for `([^`]+)`")
MOST_SDISTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a resolution for one base works with."""

    base: Base
    uv: Uv
    fetcher: Fetcher
    builder: Builder
    talk: Talk


class Question:
    """What was asked, with a folder of wheels that count besides the indexes."""

    def __init__(
        self,
        tools: Tools,
        wanted: Wanted,
        rule: Rule,
        local: Mapping[PurePosixPath, BuiltWheel],
        folder: Path,
    ) -> None:
        self._tools, self._wanted, self._rule, self._local = tools, wanted, rule, local
        self._stubs, self._built = folder / "stubs", folder / "built"
        self._sdists: dict[str, tuple[Mapping[str, Any], str, BuiltWheel]] = {}
        self._query = Query(requirements=())
        self._markers = tools.base.target.markers()
        write_stubs(tools.base.distributions, self._stubs, self._markers)
        self._built.mkdir()

    def solve(
        self, preferences: Sequence[tuple[str, str]], upgrade: Sequence[str]
    ) -> list[dict[str, Any]] | tuple[Refused, ...]:
        """uv's packages, or what the base's versions refuse. Raises ByocError."""
        base = self._tools.base.distributions
        kept = [(name, base[name].version) for name in sorted(self._rule.free)]
        query = Query(
            requirements=[*self._wanted.requirements, *self._wanted.runtime, *self._local_requirements()],
            preferences=[*preferences, *kept],
            links=[self._stubs, self._built],
            upgrade=upgrade,
        )
        try:
            return self._ask(query, self._rule.pins)
        except Unsolved as first:
            if not is_conflict(str(first)):
                raise self._wrong(str(first)) from first
            if self._rule.free:
                strict = {name: pin for name, pin in self._rule.pins.items() if name not in self._rule.free}
                try:
                    return self._ask(query, strict)
                except Unsolved as second:
                    return self._why_not(query, strict, str(second))
            return self._why_not(query, self._rule.pins, str(first))

    def lock(self, packages: Sequence[Mapping[str, Any]]) -> Lock:
        """The lock that uv's *packages* are."""
        reasons = self._tools.uv.reasons(
            replace(
                self._query,
                constraints=[*self._query.constraints, *(f"{p['name']}=={p['version']}" for p in packages)],
                preferences=(),
            )
        )
        wheels = [wheel for package in packages if (wheel := self._wheel(package, reasons)) is not None]
        sizes = self._tools.fetcher.sizes(wheels)
        sized = [replace(wheel, size=wheel.size or sizes.get(wheel.filename)) for wheel in wheels]
        taken = {wheel.name for wheel in sized}
        base = self._tools.base
        return Lock(
            base=base.locked,
            requirements=self._wanted.asked,
            options=self._wanted.options() | self._needs(),
            wheels=tuple(sorted(sized, key=lambda each: each.name)),
            present={
                name: base.distributions[name].version
                for name in sorted(self._asked_names())
                if name in base.distributions and name not in taken
            },
        )

    def newest(self, lock: Lock) -> dict[str, str]:
        """Name to version of what the indexes have newer than *lock*, where the requirements allow it too."""
        asked = [str(each) for each in self._asked() if each.url is None]
        have = {wheel.name: Version(wheel.version) for wheel in lock.wheels if wheel.direct}
        query = Query(requirements=asked, links=[self._stubs, self._built], with_needs=False)
        try:
            found = self._tools.uv.lock(query) if have else []
        except Unsolved:
            return {}
        return {
            each["name"]: each["version"]
            for each in found
            if each["name"] in have and Version(each["version"]) > have[each["name"]]
        }

    def _ask(self, query: Query, pins: Mapping[str, str], *, bounded: bool = True) -> list[dict[str, Any]]:
        """uv's answer with *pins* kept; sdists without a wheel are built on the way.

        *bounded*: what stays in the base gets what it needs of what changes; what may change itself and needs
        something of it comes along.
        """
        found = list(self._asked_of_others(pins)) if bounded else []
        along = {who for who, _ in found if who in self._rule.free and who not in pins}
        self._query = replace(
            query,
            requirements=[*query.requirements, *sorted(along)],
            constraints=[
                *(f"{name}=={version}" for name, version in pins.items()),
                *(f"{need.name}{need.specifier}" for who, need in found if who in pins),
                *self._rule.bounds,
                *self._wanted.constraints,
            ],
            leave_out=list(pins),
        )
        for _ in range(MOST_SDISTS):
            try:
                return self._tools.uv.lock(self._query)
            except Unsolved as error:
                lacking = [canonicalize_name(name) for name in NO_WHEEL.findall(str(error))]
                new = [name for name in dict.fromkeys(lacking) if name not in self._sdists]
                if not new or not all(map(self._build, new)):
                    raise
        raise Unsolved("too many distributions are published as source only")

    def _asked_of_others(self, pins: Mapping[str, str]) -> Iterator[tuple[str, Requirement]]:
        """What the base asks of those of its distributions that are not in *pins*."""
        base = self._tools.base.distributions
        return asked_of(base.keys() - pins.keys(), base, self._markers)

    def _build(self, name: str) -> bool:
        """Build the sdist of *name* into a wheel that counts; False where wheels exist or no sdist does."""
        texts = [str(each) for each in self._asked() if canonicalize_name(each.name) == name]
        query = replace(
            self._query, requirements=texts or [name], wheels_only=False, with_needs=False, leave_out=()
        )
        packages = self._tools.uv.lock(query)
        found = next((each for each in packages if each["name"] == name and "sdist" in each), None)
        if found is None or found.get("wheels"):
            return False
        sdist = found["sdist"]
        url = str(sdist.get("url") or sdist.get("path"))
        filename = sdist.get("name") or _last(url)
        told = sdist.get("hashes", {}).get("sha256")
        self._tools.talk.say(f"building a wheel of {filename}, which is published as source only")
        sha256, path = self._tools.fetcher.one(Wanting(name=name, filename=filename, sha256=told, url=url))
        built = self._tools.builder.of_sdist(path, filename, sha256)
        (self._built / built.filename).write_bytes(built.path.read_bytes())
        self._sdists[name] = ({**sdist, "url": url, "name": filename}, sha256, built)
        return True

    def _wheel(
        self, package: Mapping[str, Any], reasons: Mapping[str, tuple[str, ...]]
    ) -> LockedWheel | None:
        """One of uv's packages as a wheel of the lock; None for one that the base has."""
        name, base = package["name"], self._tools.base.distributions
        file = _best(package, self._tools.base.target.ranks())
        url = str(file.get("url") or file.get("path"))
        place = local_path(url)
        if place is not None and self._stubs in (self._tools.uv.root / place).parents:
            return None
        asked = [str(each) for each in self._asked() if canonicalize_name(each.name) == name]
        plain = LockedWheel(
            name=name,
            version=package["version"],
            filename=file.get("name") or _last(url),
            sha256=file.get("hashes", {}).get("sha256", ""),
            size=file.get("size"),
            url=without_user(url if place is None else _as_url(place, self._tools.uv.root)),
            direct=bool(asked),
            replaces=base[name].version if name in base else None,
            wanted_by=(*asked, *reasons.get(name, ())),
        )
        return self._of_source(plain) or self._hashed(plain)

    def _of_source(self, plain: LockedWheel) -> LockedWheel | None:
        """*plain* as a wheel that was built here; None where it was published."""
        for folder, built in self._local.items():
            if built.facts.name == plain.name:
                return replace(
                    plain,
                    version=built.facts.version,
                    filename=built.filename,
                    sha256=built.sha256,
                    size=built.size,
                    url=None,
                    built_from=PurePosixPath(folder),
                    direct=True,
                )
        if plain.name not in self._sdists:
            return None
        sdist, sha256, built = self._sdists[plain.name]
        return replace(
            plain,
            filename=built.filename,
            sha256=built.sha256,
            size=sdist.get("size"),
            url=without_user(sdist["url"]),
            built_from=PurePosixPath(sdist["name"]),
            source_sha256=sha256,
        )

    def _hashed(self, plain: LockedWheel) -> LockedWheel:
        """*plain* with its hash, for which it is fetched where the index does not tell it."""
        if plain.sha256:
            return plain
        wanting = Wanting(name=plain.name, filename=plain.filename, sha256=None, url=plain.url)
        sha256, path = self._tools.fetcher.one(wanting)
        return replace(plain, sha256=sha256, size=path.stat().st_size)

    def _why_not(self, query: Query, pins: Mapping[str, str], text: str) -> tuple[Refused, ...]:
        """What of the base stands against *query*. Raises ByocError where it is not the base."""
        sides = Sides(
            base=self._tools.base,
            pins=pins,
            asked=tuple(self._asked()),
            ask=lambda requirements, kept: self._tried(query, requirements, kept),
            reasons=lambda: self._tools.uv.reasons(self._query),
        )
        found = explain(text, sides) or self._in_the_way(query, pins)
        if found:
            return found
        raise self._wrong(text)

    def _wrong(self, text: str) -> ByocError:
        return wrong(text, list(self._asked()), self._tools.base.target)

    def _in_the_way(self, query: Query, pins: Mapping[str, str]) -> tuple[Refused, ...]:
        """What of the base needs something that would change; empty where nothing does."""
        try:
            packages = self._ask(query, pins, bounded=False)
        except Unsolved:
            return ()
        new = {package["name"]: package["version"] for package in packages}
        return standing(new, self._asked_of_others(pins), self._tools.base.distributions)

    def _tried(
        self, query: Query, requirements: Sequence[str] | None, pins: Mapping[str, str]
    ) -> dict[str, str] | None:
        """Name to version with other *requirements* (None: the same) and *pins*; None: no answer."""
        other = query if requirements is None else replace(query, requirements=requirements)
        base = self._tools.base.distributions
        free = [(name, each.version) for name, each in base.items() if name not in pins]
        try:
            packages = self._ask(replace(other, preferences=free), pins)
        except Unsolved:
            return None
        return {package["name"]: package["version"] for package in packages}

    def _asked(self) -> Iterator[Requirement]:
        return applies((*self._wanted.requirements, *self._wanted.runtime), self._tools.base.target)

    def _asked_names(self) -> set[str]:
        return {canonicalize_name(each.name) for each in self._asked()}

    def _local_requirements(self) -> list[str]:
        """The project's own packages, by their wheels; what asks for them by name gets these."""
        for built in self._local.values():
            (self._built / built.filename).write_bytes(built.path.read_bytes())
        return [
            f"{built.facts.name} @ {(self._built / built.filename).as_uri()}"
            for built in self._local.values()
        ]

    def _needs(self) -> dict[str, str]:
        """What the project's own packages need: when that changes, the lock is no answer any more."""
        return needs_of(self._local)


def needs_of(local: Mapping[PurePosixPath, BuiltWheel]) -> dict[str, str]:
    """The option ``needs``: name, version and requirements of each of the project's packages."""
    told = [
        f"{built.facts.name} {built.facts.version}: {', '.join(built.facts.requires) or 'nothing'}"
        for _, built in sorted(local.items())
    ]
    return {"needs": "; ".join(told)} if told else {}


def _best(package: Mapping[str, Any], ranks: Mapping[str, int]) -> Mapping[str, Any]:
    """The file of *package* that fits best: of several wheels the one whose tag ranks first."""
    if "archive" in package:
        archive: Mapping[str, Any] = package["archive"]
        return archive
    wheels: list[Mapping[str, Any]] = package.get("wheels", [])
    return min(wheels, key=lambda wheel: _rank(wheel, ranks))


def _rank(wheel: Mapping[str, Any], ranks: Mapping[str, int]) -> int:
    try:
        tags = parse_wheel_filename(wheel.get("name") or _last(wheel.get("url") or wheel["path"]))[3]
    except InvalidWheelFilename:
        return len(ranks) + 1
    return min((ranks.get(str(tag), len(ranks)) for tag in tags), default=len(ranks))


def _last(url: str) -> str:
    """The file name of a URL or path."""
    return unquote(urlsplit(url).path.rsplit("/", 1)[-1])


def _as_url(path: Path, root: Path) -> str:
    return (root / path).resolve().as_uri()
