"""``byoc build``: a project becomes an image, with the engine that fits, where it is wanted.

Decide: what byoc.toml says and this machine has, hence the engine; what the base holds, hence the plan.
Then do what the plan says. ``byoc plan`` stops before that.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from byoc_kit.docker_api import Client, connect
from byoc_kit.errors import ByocError
from byoc_kit.oci.reference import Archive, Layout
from byoc_kit.plan.build import needs_running
from byoc_kit.plan.choose import ASKED, DOCKER, LAYER, Circumstances, choose
from byoc_kit.plan.output import parse_output
from byoc_kit.plan.types import Built, EngineChoice, Plan, SystemStep
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.docker_build import Wishes, docker_build
from byoc_kit.work.places import base_location, output_of
from byoc_kit.work.plan import own_templates
from byoc_kit.work.project import Project
from byoc_kit.work.state import write_last_build

__all__ = ["BuildOptions", "Decision", "build", "decided", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What can be asked of a build."""

    tag: str | None = None
    """Name of the image in the engine, ``NAME[:TAG]``; None: ``<image name>:latest``."""
    no_cache: bool = False
    """Run every step again (docker engine)."""
    frozen: bool = False
    """Build from the lock that is there, and write none."""
    engine: str | None = None
    """``auto``, ``docker`` or ``layer``; None: as byoc.toml and the settings say."""
    output: str | None = None
    """``docker``, ``registry``, ``oci:DIR`` or ``docker-archive:FILE``; None: what fits."""


USUAL = BuildOptions()


class Decision(Protocol):
    """A build that can start."""

    @property
    def plan(self) -> Plan:
        """What it will do."""

    def costed(self) -> Plan:
        """The plan with what it moves, as far as base and output tell; they are asked, and not changed."""

    def execute(self) -> Built:
        """Do it. Raises ByocError."""


def build(
    project: Project,
    *,
    talk: Talk | None = None,
    environ: Mapping[str, str] = os.environ,
    options: BuildOptions = USUAL,
) -> Built:
    """Build the image of *project*; what was built is also written to ``.byoc/last-build.json``.

    Raises ByocError; UsageError (BYOC-E217) where no engine can build it here.
    """
    with decided(project, talk=talk, environ=environ, options=options) as decision:
        built = decision.execute()
    write_last_build(project, built)
    return built


def plan(
    project: Project,
    *,
    talk: Talk | None = None,
    environ: Mapping[str, str] = os.environ,
    options: BuildOptions = USUAL,
    costs: bool = True,
) -> Plan:
    """What :func:`build` would do; the base is looked into, and nothing is built. Raises ByocError.

    *costs*: ask base and output also what would have to be moved.
    """
    with decided(project, talk=talk, environ=environ, options=options) as decision:
        return decision.costed() if costs else decision.plan


@contextlib.contextmanager
def decided(
    project: Project,
    *,
    talk: Talk | None = None,
    environ: Mapping[str, str] = os.environ,
    options: BuildOptions = USUAL,
) -> Iterator[Decision]:
    """The build that *options* ask for, decided with all that can be known before it; valid in the block."""
    voice = talk or Silence()
    with contextlib.ExitStack() as stack:
        client, problem = (None, None) if _alone(project, options) else _engine(stack, environ)
        facts = _circumstances(project, options, daemon=client is not None)
        choice = _chosen(project, facts, problem)
        output = output_of(project, options.output, daemon=client is not None)
        tag = options.tag or f"{project.spec.image.name}:latest"
        wishes = Wishes(
            choice=choice, output=output, tag=tag, no_cache=options.no_cache, frozen=options.frozen
        )
        if choice.name == LAYER:
            for step in needs_running(project.spec):
                if isinstance(step, SystemStep):
                    voice.say(f"looking in the base for {', '.join(step.packages)}")
            found = _layered(stack, project, wishes, voice, environ)
            if not isinstance(found, str):
                choose(found.plan.steps, facts)  # which system packages the base lacks is known only now
                yield found
                return
            choice = _chosen(project, replace(facts, unresolved=found), problem)
            wishes = replace(wishes, choice=choice)
        assert client is not None, "choose() gives docker only where an engine answers"
        yield docker_build(project, client, wishes=wishes, talk=voice, environ=environ)


def _alone(project: Project, options: BuildOptions) -> bool:
    """Whether nobody needs to ask for a Docker engine: it would neither build nor get the image."""
    asked = options.engine or project.spec.build.engine
    return asked == LAYER and options.output is not None and parse_output(options.output).kind != "docker"


def _engine(
    stack: contextlib.ExitStack, environ: Mapping[str, str]
) -> "tuple[Client | None, ByocError | None]":
    """The Docker engine, or why there is none."""
    try:
        return stack.enter_context(contextlib.closing(connect(environ))), None
    except ByocError as error:
        return None, error


def _circumstances(project: Project, options: BuildOptions, *, daemon: bool) -> Circumstances:
    return Circumstances(
        asked=options.engine or project.spec.build.engine,
        output=parse_output(options.output) if options.output else None,
        daemon=daemon,
        base_outside=isinstance(base_location(project), Archive | Layout),
        own_templates=bool(own_templates(project.root)),
    )


def _chosen(project: Project, facts: Circumstances, problem: ByocError | None) -> EngineChoice:
    """The engine. Where only Docker could do it and none answers, why none answers is the error.

    Where there is no other than the layer engine, the base is read before it is refused for packages that the
    base may have.
    """
    steps = needs_running(project.spec)
    if facts.asked == LAYER or (facts.asked != DOCKER and not facts.daemon):
        steps = tuple(step for step in steps if not isinstance(step, SystemStep))
    try:
        return choose(steps, facts)
    except ByocError:
        if problem is not None and facts.asked == "docker":
            raise problem from None
        raise


def _layered(
    stack: contextlib.ExitStack,
    project: Project,
    wishes: Wishes,
    talk: Talk,
    environ: Mapping[str, str],
) -> "Decision | str":
    """The layer engine's build; a sentence where the packages cannot be had without running something."""
    from byoc_kit.work.layered import Unlocked, layer_build

    try:
        return stack.enter_context(layer_build(project, wishes, talk=talk, environ=environ))
    except Unlocked as error:
        if wishes.choice.why == ASKED:
            raise error.error from error
        return str(error)
