"""``byoc diff``: what a base lacks of what is asked for, be it byoc.toml, files, or an environment."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.inventory import Inventory
from byoc_kit.oci.config import Platform
from byoc_kit.oci.reference import parse_location
from byoc_kit.plan.delta import Added, Delta, Present
from byoc_kit.plan.environment import Environment, Installed, Needs, needs_of, public
from byoc_kit.plan.wanted import Wanted
from byoc_kit.resolve.base import Base, base_of
from byoc_kit.resolve.environment import read_environment
from byoc_kit.resolve.resolve import Here, Resolution, Resolver
from byoc_kit.spec.asked import Asked, asked_in, is_known
from byoc_kit.spec.requirements import check_lines, read_lines
from byoc_kit.store import Store, user_store
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.bases import full_reference
from byoc_kit.work.inspect import inspect_image
from byoc_kit.work.lock import index_login, look
from byoc_kit.work.other_bases import suggesting
from byoc_kit.work.project import Disk, Project

__all__ = ["Comparison", "DiffOptions", "asked_in_file", "diff"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffOptions:
    """What is compared with the base."""

    files: tuple[Path, ...] = ()
    """Requirements files, pyproject.toml, pylock.toml or uv.lock, instead of byoc.toml's requirements."""
    from_env: Path | None = None
    """A virtual environment or an interpreter."""
    active: bool = False
    """The active environment."""
    base: str | None = None
    """Another base than byoc.toml's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The delta, and what an environment has beside it."""

    base: str
    delta: Delta
    environment: str | None = None
    """The interpreter that was asked."""
    local: tuple[Installed, ...] = ()
    """Packages of the environment that are installed from folders of this machine; part of the delta."""
    elsewhere: tuple[tuple[str, str], ...] = ()
    """Name and origin of those that no index has: not part of the delta."""
    unbuilt: tuple[tuple[str, str], ...] = ()
    """Name of a local package, and why no wheel can be made of it: not part of the delta."""
    others: tuple[tuple[str, str, str], ...] = field(default=())
    """Name, version here and version in the delta, where what the base has allows no other."""
    left_out: tuple[str, ...] = ()
    """Tools of this machine that were not counted."""


def diff(
    project: Project | None,
    options: DiffOptions,
    *,
    store: Store | None = None,
    environ: Mapping[str, str] = os.environ,
    talk: Talk | None = None,
) -> Comparison:
    """What the base lacks. Nothing is changed but the caches. Raises ByocError.

    What the base refuses is no error: it is in the delta. *project* None: *options* names the base.
    """
    voice, kept = talk or Silence(), store or user_store(environ)
    base = base_of(_inventory(project, options, store=kept, environ=environ, talk=voice))
    here = Here(
        root=project.root if project else Path.cwd(),
        store=kept,
        environ=environ,
        talk=voice,
        tokens=lambda host: index_login(host, environ),
        suggest=suggesting(base, project.spec if project else None, environ),
    )
    name = options.base or base.locked.reference
    wanted = Wanted.of_spec(project.spec, has_pip="pip" in base.distributions) if project else Wanted()
    if options.active or options.from_env is not None:
        environment = read_environment(options.from_env, environ)
        return _of_environment(_Question(base, here, _only_settings(wanted)), environment, name)
    if options.files:
        asked = [asked_in_file(file) for file in options.files]
        wanted = _only_settings(wanted).and_more(
            [text for each in asked for text in each.requirements],
            [text for each in asked for text in each.constraints],
        )
    return Comparison(base=name, delta=Resolver.make(wanted, base, here).answer(compare=True).delta)


@dataclass(frozen=True, slots=True)
class _Question:
    """Where resolution happens, and what byoc.toml says about it."""

    base: Base
    here: Here
    settings: Wanted

    def resolver(self, wanted: Wanted | None = None) -> Resolver:
        """For *wanted*, or for nothing in particular."""
        return Resolver.make(wanted or self.settings, self.base, self.here)


def _inventory(
    project: Project | None,
    options: DiffOptions,
    *,
    store: Store,
    environ: Mapping[str, str],
    talk: Talk,
) -> Inventory:
    if options.base is None and project is not None:
        return look(project, store=store, environ=environ, talk=talk)
    if options.base is None:
        raise UsageError(
            "there is no base to compare with",
            why="there is no byoc.toml here, and no base was named",
            fix="name one with --base IMAGE, or go to a project",
            id="BYOC-E916",
        )
    platform = project.spec.image.platform if project else Platform()
    location = parse_location(full_reference(options.base, environ=environ, talk=talk))
    return inspect_image(location, platform=platform, store=store, environ=environ, talk=talk).inventory


def _only_settings(wanted: Wanted) -> Wanted:
    """Indexes and permissions of byoc.toml, without what it asks for."""
    return replace(wanted, requirements=(), runtime=(), packages=())


def asked_in_file(file: Path) -> Asked:
    """What *file* asks for. Raises UsageError (BYOC-E915)."""
    try:
        if is_known(file.name):
            return asked_in(file.name, file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(file, [str(error)]) from error
    lines, wrong = read_lines(PurePosixPath(file.name), Disk(file.parent.resolve()))
    mistakes = [*wrong, *check_lines(lines)]
    if mistakes:
        raise _unreadable(file, [f"{each.what}: {each.why}; {each.fix}" for each in mistakes])
    return Asked(requirements=tuple(line.text for line in lines))


def _of_environment(question: _Question, environment: Environment, base: str) -> Comparison:
    """What *environment* has and the base lacks; versions of the base are kept."""
    needs = needs_of(environment, question.base.distributions, question.base.target)
    local, unbuilt = _buildable(question, needs.local)
    answer = _resolved(question, needs, [each.folder for each in local if each.folder])
    here = {each.name: each.version for each in needs.missing}
    others = (
        (each.name, here[each.name], each.version)
        for each in answer.delta.added
        if each.name in here and public(here[each.name]) != public(each.version)
    )
    return Comparison(
        base=base,
        delta=replace(
            answer.delta,
            added=tuple(_without_own_name(each) for each in answer.delta.added),
            present=tuple(_present(needs)),
        ),
        environment=environment.executable,
        local=tuple(local),
        elsewhere=tuple((each.name, str(each.elsewhere)) for each in needs.elsewhere),
        unbuilt=tuple(unbuilt),
        others=tuple(others),
        left_out=needs.left_out,
    )


def _resolved(question: _Question, needs: Needs, packages: list[PurePosixPath]) -> Resolution:
    """In the versions that are here; where the base does not allow that, in others, as near as can be."""
    settings = replace(question.settings, packages=tuple(packages))
    exact = [f"{each.name}=={public(each.version)}" for each in needs.missing]
    try:
        found = question.resolver(settings.and_more(exact)).answer()
        if found.lock is not None:
            return found
    except ByocError as error:
        if error.id not in {"BYOC-E904", "BYOC-E905", "BYOC-E906"}:
            raise
    question.here.talk.note("not every version that is here goes with this base: others are looked for")
    near = tuple((each.name, public(each.version)) for each in needs.missing)
    wanted = replace(settings.and_more(name for name, _ in near), preferences=near)
    return question.resolver(wanted).answer()


def _buildable(
    question: _Question, local: tuple[Installed, ...]
) -> tuple[list[Installed], list[tuple[str, str]]]:
    """Local packages of which a wheel can be made here, and the others with the reason."""
    good, bad = [], []
    builder = question.resolver().tools.builder
    for each in local:
        assert each.folder is not None, "a local package has a folder"
        try:
            builder.of_folder(each.folder)
            good.append(each)
        except ByocError as error:
            bad.append((each.name, f"{error.what}: {error.why}"))
    return good, bad


def _without_own_name(each: Added) -> Added:
    """*each* without the requirement that the comparison itself made of it."""
    return replace(
        each, wanted_by=tuple(who for who in each.wanted_by if "=" not in who and who != each.name)
    )


def _present(needs: Needs) -> Iterator[Present]:
    """What the base has too, each with the version that is here where that is another one."""
    for each, there in sorted((*needs.same, *needs.other), key=lambda pair: pair[0].name):
        here = each.version if (each, there) in needs.other else None
        yield Present(name=each.name, version=there, here=here)


def _unreadable(file: Path, details: list[str]) -> UsageError:
    return UsageError(
        f"{file} cannot be read as a list of requirements",
        why="the lines above say what stands against it",
        fix="correct it, or name another file with -r",
        id="BYOC-E915",
        details=details,
    )
