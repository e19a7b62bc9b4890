"""``byoc lock``: exactly which wheels an image gets on top of its base, written down and kept true."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from byoc_kit.aws.codeartifact import codeartifact_login
from byoc_kit.errors import ByocError, UsageError
from byoc_kit.inventory import Inventory
from byoc_kit.oci.digest import parse_digest
from byoc_kit.oci.reference import Layout, Location, Named
from byoc_kit.plan.delta import Delta, Refused
from byoc_kit.plan.wanted import Wanted
from byoc_kit.resolve.base import Base, base_of
from byoc_kit.resolve.conflict import lines_of
from byoc_kit.resolve.credentials import Login
from byoc_kit.resolve.fetch import Wanting
from byoc_kit.resolve.question import needs_of
from byoc_kit.resolve.resolve import Here, Resolver
from byoc_kit.resolve.source import BuiltWheel
from byoc_kit.spec.freshness import changed_keys
from byoc_kit.spec.lock import Lock, LockedWheel
from byoc_kit.spec.lockfile import read_lock, write_lock
from byoc_kit.store import Store, user_store
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.inspect import inspect_image
from byoc_kit.work.other_bases import suggesting
from byoc_kit.work.places import base_location
from byoc_kit.work.project import Project
from byoc_kit.work.state import lock_path, writing

__all__ = [
    "Locker",
    "Outcome",
    "check_lock",
    "lock_as_written",
    "locked",
    "look",
    "make_lock",
    "pinned_base",
    "refusal",
]

ALL = ""
"""As a name to upgrade: everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What making a lock did."""

    path: Path
    lock: Lock
    delta: Delta
    changed: bool
    """Whether the file has other bytes than before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locker:
    """The lock of one project on one base."""

    project: Project
    inventory: Inventory
    store: Store
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    talk: Talk = field(default_factory=Silence)

    @classmethod
    def of(cls, project: Project, *, talk: Talk, environ: Mapping[str, str], anew: bool = False) -> "Locker":
        """For the base of *project*, read now; *anew*: as its tag points now. Raises ByocError."""
        store = user_store(environ)
        inventory = look(project, store=store, environ=environ, talk=talk, anew=anew)
        return cls(project=project, inventory=inventory, store=store, environ=environ, talk=talk)

    @property
    def path(self) -> Path:
        """The lock's file, beside byoc.toml."""
        return lock_path(self.project)

    def resolver(self) -> Resolver:
        """For what byoc.toml asks for. Raises UsageError (BYOC-E913)."""
        base = base_of(self.inventory)
        base = replace(base, locked=replace(base.locked, reference=self.project.spec.image.base_name))
        wanted = Wanted.of_spec(self.project.spec, has_pip="pip" in base.distributions)
        return Resolver.make(wanted, base, self.here(base))

    def here(self, base: Base) -> Here:
        """The surroundings of a resolution for this project and *base*."""
        return Here(
            root=self.project.root,
            store=self.store,
            environ=self.environ,
            talk=self.talk,
            tokens=lambda host: index_login(host, self.environ),
            suggest=suggesting(base, self.project.spec, self.environ),
        )

    def present(self) -> Lock | None:
        """The lock that is there, as it was written; None where there is none. Raises UsageError."""
        try:
            return read_lock(self.path.read_text(encoding="utf-8"), name=self.path.name)
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise UsageError(
                f"{self.path.name} cannot be used as a lock",
                why="it is not UTF-8",
                fix=f"restore it from version control, or remove it and run `byoc lock`: {self.path}",
                id="BYOC-E900",
            ) from error

    def changed(self, lock: Lock) -> tuple[str, ...]:
        """Why *lock* is stale, key by key; empty: it is fresh. Raises ByocError."""
        resolver = self.resolver()
        return _changed(lock, resolver, resolver.local())

    def current(self, *, frozen: bool = False) -> Lock:
        """The lock to build from: the one that is there if it is fresh, else, where none is, a new one.

        Nothing is written: see :meth:`keep`. Wheels that are built here are built, and told as they came
        out. Raises ByocError: BYOC-E901 where the lock is stale, BYOC-E902 where there is none and *frozen*
        wants one, BYOC-E903 where the base refuses what is asked.
        """
        found = self.present()
        if found is None:
            if frozen:
                raise _none(self.path)
            return self._answer(None, ()).lock
        resolver = self.resolver()
        local = resolver.local()
        changed = _changed(found, resolver, local)
        if changed:
            raise _stale(self.path, changed)
        return replace(found, wheels=tuple(self._realised(wheel, resolver, local) for wheel in found.wheels))

    def for_layers(self, *, frozen: bool = False) -> Lock:
        """As :meth:`current`; raises ByocError (BYOC-E918) where a layer cannot do what the lock says."""
        lock, base = self.current(frozen=frozen), base_of(self.inventory)
        why = [
            f"{wheel.name} {wheel.replaces} -> {wheel.version}: {reason}"
            for wheel in lock.wheels
            if wheel.replaces is not None and (reason := base.only_docker(wheel.name))
        ]
        if why:
            raise _not_by_layers(why)
        return lock

    def made(self, *, upgrade: Sequence[str] = ()) -> Outcome:
        """A new lock, written; what the old one had keeps its version, but for the names in *upgrade*.

        :data:`ALL` in *upgrade* forgets the old one. Raises ByocError (BYOC-E903) where the base refuses.
        """
        old = None if ALL in upgrade else self._usable()
        found = self._answer(old, [name for name in upgrade if name != ALL], compare=True)
        text = write_lock(found.lock).encode()
        changed = not self.path.exists() or self.path.read_bytes() != text
        if changed:
            self._write(text)
        return replace(found, changed=changed)

    def keep(self, lock: Lock) -> None:
        """Write *lock*, as :meth:`current` gave it, where there is none yet. Raises UsageError."""
        if not self.path.exists():
            self._write(write_lock(lock).encode())
            self.talk.note(f"{self.path.name} is written: keep it in version control")

    def wheels(self, lock: Lock) -> dict[str, Path]:
        """File name to file, for every wheel of *lock* as :meth:`current` gave it. Raises ByocError."""
        return self.resolver().tools.fetcher.all(lock.wheels)

    def _answer(self, old: Lock | None, upgrade: Sequence[str], *, compare: bool = False) -> Outcome:
        """A new lock, not written. Raises ByocError."""
        found = self.resolver().answer(keep=old, upgrade=upgrade, compare=compare)
        if found.lock is None:
            raise refusal(found.delta.refused, self.project.spec.image.base)
        return Outcome(path=self.path, lock=found.lock, delta=found.delta, changed=True)

    def _usable(self) -> Lock | None:
        """The old lock, if it can be read: making a new one is the way out where it cannot."""
        try:
            return self.present()
        except UsageError:
            return None

    def _realised(
        self, wheel: LockedWheel, resolver: Resolver, local: Mapping[PurePosixPath, BuiltWheel]
    ) -> LockedWheel:
        """*wheel* as it is on this machine: a locked one as it was, a built one as it came out."""
        if wheel.built_from is None:
            return wheel
        if wheel.source_sha256 is None:
            built = local[wheel.built_from]
        else:
            wanting = Wanting(
                name=wheel.name,
                filename=str(wheel.built_from),
                sha256=wheel.source_sha256,
                url=wheel.url,
            )
            sha256, sdist = resolver.tools.fetcher.one(wanting)
            built = resolver.tools.builder.of_sdist(sdist, str(wheel.built_from), sha256)
            if built.sha256 != wheel.sha256:
                self.talk.note(
                    f"the wheel built of {wheel.built_from} differs from the one that was locked: "
                    "other versions of its build tools"
                )
        return replace(
            wheel,
            version=built.facts.version,
            filename=built.filename,
            sha256=built.sha256,
            size=built.size,
        )

    def _write(self, text: bytes) -> None:
        """Whole or not at all."""
        new = self.path.with_name(f".{self.path.name}.new")
        with writing(self.path):
            new.write_bytes(text)
            new.replace(self.path)


def locked(
    project: Project,
    inventory: Inventory,
    *,
    store: Store,
    environ: Mapping[str, str] = os.environ,
    talk: Talk | None = None,
    frozen: bool = False,
) -> Lock:
    """The lock to build *project* from, written where there was none: see :meth:`Locker.current`."""
    locker = Locker(
        project=project, inventory=inventory, store=store, environ=environ, talk=talk or Silence()
    )
    lock = locker.current(frozen=frozen)
    locker.keep(lock)
    return lock


def pinned_base(project: Project) -> Location:
    """Where the base is: by the digest that the project's lock names, else as byoc.toml says.

    A tag that moved since the lock was made does not move the image. Raises UsageError.
    """
    location, path = base_location(project), lock_path(project)
    try:
        lock = read_lock(path.read_text(encoding="utf-8"), name=path.name)
    except (OSError, UnicodeDecodeError, UsageError):
        return location
    digest, same = lock.base.digest, lock.base.reference == project.spec.image.base_name
    if digest and same and isinstance(location, Named | Layout) and location.digest is None:
        return replace(location, digest=parse_digest(digest))
    return location


def make_lock(
    project: Project,
    *,
    upgrade: Sequence[str] = (),
    talk: Talk | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Outcome:
    """Write the lock of *project* anew: see :meth:`Locker.made`. Raises ByocError.

    The base stays the one of the old lock, unless everything is upgraded: then its tag is looked up anew.
    """
    voice, anew = talk or Silence(), ALL in upgrade
    for note in project.spec.notes:
        voice.note(note)
    return Locker.of(project, talk=voice, environ=environ, anew=anew).made(upgrade=upgrade)


def lock_as_written(project: Project) -> Lock | None:
    """The lock of *project*, held against byoc.toml but not against the base; None where there is none.

    For what must not take time. Raises UsageError, or ByocError (BYOC-E901) where it is stale.
    """
    path = lock_path(project)
    if not path.exists():
        return None
    lock = read_lock(path.read_text(encoding="utf-8", errors="replace"), name=path.name)
    base = replace(lock.base, reference=project.spec.image.base_name, platform=project.spec.image.platform)
    wanted = Wanted.of_spec(project.spec, has_pip="pip" not in lock.requirements)
    own = {"needs": lock.options["needs"]} if "needs" in lock.options else {}
    changed = changed_keys(lock, base=base, requirements=wanted.asked, options=wanted.options() | own)
    if changed:
        raise _stale(path, changed)
    return lock


def check_lock(
    project: Project, *, talk: Talk | None = None, environ: Mapping[str, str] = os.environ
) -> tuple[Path, tuple[str, ...]]:
    """The lock's path, and why it is no answer: missing, or key by key; empty: fresh. Raises ByocError."""
    locker = Locker.of(project, talk=talk or Silence(), environ=environ)
    lock = locker.present()
    return locker.path, ("there is no lock",) if lock is None else locker.changed(lock)


def look(
    project: Project, *, store: Store, environ: Mapping[str, str], talk: Talk, anew: bool = False
) -> Inventory:
    """What the base of *project* holds; *anew*: as its tag points now. Raises ByocError."""
    if project.spec.build.dockerfile is not None:
        raise UsageError(
            "there is nothing to lock",
            why="[build] dockerfile says what the image is made of, and byoc changes nothing in it",
            fix="name a base in [image] base instead of a Dockerfile",
            id="BYOC-E916",
        )
    location = base_location(project) if anew else pinned_base(project)
    platform = project.spec.image.platform
    return inspect_image(location, platform=platform, store=store, environ=environ, talk=talk).inventory


def refusal(refused: Sequence[Refused], base: str) -> ByocError:
    """What is refused, as an error."""
    first, *more = dict.fromkeys(fix for each in refused for fix in each.fixes)
    return ByocError(
        f"{base} stands against what is asked for",
        why="what others need never changes the base, and protected distributions change only when allowed",
        fix=first + "".join(f"; or {fix}" for fix in more),
        id="BYOC-E903",
        details=list(lines_of(refused)),
    )


def _changed(lock: Lock, resolver: Resolver, local: Mapping[PurePosixPath, BuiltWheel]) -> tuple[str, ...]:
    wanted = resolver.wanted
    return changed_keys(
        lock,
        base=resolver.tools.base.locked,
        requirements=wanted.asked,
        options=wanted.options() | needs_of(local),
    )


def index_login(host: str, environ: Mapping[str, str]) -> Login | None:
    """A login for an index that only AWS can give; None for any other host."""
    found = codeartifact_login(host, environ)
    return Login(*found) if found else None


def _none(path: Path) -> UsageError:
    return UsageError(
        f"there is no {path.name}",
        why="--frozen forbids to write one",
        fix="run `byoc lock`, and commit the file",
        id="BYOC-E902",
    )


def _not_by_layers(why: Sequence[str]) -> ByocError:
    return ByocError(
        "a layer cannot replace what the base has",
        why=why[0],
        fix="build with the docker engine (`--engine docker`), ask for the base's version, or choose "
        "another base",
        id="BYOC-E918",
        details=why[1:],
    )


def _stale(path: Path, changed: Sequence[str]) -> ByocError:
    return ByocError(
        f"{path.name} is stale",
        why="what it was made for has changed since; the keys are above",
        fix="run `byoc lock`, look at the difference, and commit it",
        id="BYOC-E901",
        details=changed,
    )
