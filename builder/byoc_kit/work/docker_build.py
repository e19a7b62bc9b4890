"""Building with the docker engine: BuildKit runs what the base needs; the image is in the engine then."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from byoc_kit.docker_api import Client
from byoc_kit.engines.docker import Order, build_image
from byoc_kit.oci.reference import Docker, parse_location
from byoc_kit.plan.render import render
from byoc_kit.plan.types import Built, EngineChoice, Output, Plan
from byoc_kit.spec.lock import Lock
from byoc_kit.store import user_store
from byoc_kit.talk import Talk
from byoc_kit.work.accounts import accounts_of
from byoc_kit.work.images import open_image, open_sink
from byoc_kit.work.key import key_of
from byoc_kit.work.places import place_of
from byoc_kit.work.plan import look_into, plan_of, templates_of
from byoc_kit.work.project import Project
from byoc_kit.work.state import keep_out_of_git, lock_path

__all__ = ["DockerBuild", "Wishes", "docker_build"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What was asked of the build, besides byoc.toml."""

    choice: EngineChoice
    output: Output
    tag: str
    no_cache: bool
    frozen: bool = False
    """Whether a lock must be there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerBuild:
    """One build that can start."""

    project: Project
    client: Client
    plan: Plan
    wishes: Wishes
    talk: Talk
    environ: Mapping[str, str]

    def costed(self) -> Plan:
        """The plan; what it moves is BuildKit's and the engine's own business."""
        return self.plan

    def execute(self) -> Built:
        """Build, and take the image on to where it is wanted. Raises ByocError."""
        self._say()
        keep_out_of_git(self.project)
        built = build_image(self._order(), self.client, talk=self.talk, environ=self.environ)
        return built if self.wishes.output.kind == "docker" else self._deliver(built)

    def _say(self) -> None:
        base = self.plan.base.reference or self.project.spec.build.dockerfile
        self.talk.say(f"building {self.wishes.tag} on {base} ({self.wishes.choice.why})")

    def _order(self) -> Order:
        project, adopted = self.project, self.project.spec.build.dockerfile
        return Order(
            spec=project.spec,
            plan=self.plan,
            rendered=None if adopted else render(self.plan, templates_of(project.root)),
            dockerfile=project.root / adopted if adopted else None,
            root=project.root,
            tag=self.wishes.tag,
            log=project.state / "build.log",
            key=None if adopted else key_of(self.plan, project.root),
            no_cache=self.wishes.no_cache,
        )

    def _deliver(self, built: Built) -> Built:
        """The same image where it is wanted; its name stays in the engine as well."""
        place = place_of(
            self.wishes.output, name=self.wishes.tag, key=built.content_key or built.image_id[7:]
        )
        with (
            open_image(
                Docker(built.image_id), platform=built.platform, environ=self.environ, talk=self.talk
            ) as image,
            open_sink(
                place,
                environ=self.environ,
                talk=self.talk,
                accounts=accounts_of(self.project.spec.publish),
            ) as sink,
        ):
            reference = sink.write(image, tag=True)
        return replace(built, reference=str(parse_location(reference)))


def docker_build(
    project: Project,
    client: Client,
    *,
    wishes: Wishes,
    talk: Talk,
    environ: Mapping[str, str],
) -> DockerBuild:
    """The build, after a look into the base, which is pulled where the engine lacks it. Raises ByocError."""
    seen = look_into(project, client, store=user_store(environ), talk=talk)
    made = plan_of(project, seen, talk=talk)
    lock = _lock(project, frozen=wishes.frozen, talk=talk, environ=environ)
    return DockerBuild(
        project=project,
        client=client,
        plan=replace(
            made, engine=wishes.choice, output=wishes.output, mutations=_mutations(wishes), lock=lock
        ),
        wishes=wishes,
        talk=talk,
        environ=environ,
    )


def _lock(project: Project, *, frozen: bool, talk: Talk, environ: Mapping[str, str]) -> Lock | None:
    """The lock that the project has; None: pip decides while it builds. Raises ByocError for a stale one."""
    if project.spec.build.dockerfile is not None or not (frozen or lock_path(project).exists()):
        return None
    from byoc_kit.work.lock import Locker

    return Locker.of(project, talk=talk, environ=environ).current(frozen=True)


def _mutations(wishes: Wishes) -> tuple[str, ...]:
    there = f"build {wishes.tag} in the local engine"
    return (there,) if wishes.output.kind == "docker" else (there, f"write the image to {wishes.output}")
