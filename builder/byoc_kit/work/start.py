"""What every local run needs before a container can start: the engine, the image, a name and a place."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from byoc_kit.aws.credentials import credentials
from byoc_kit.docker_api import connect
from byoc_kit.job.arguments import size
from byoc_kit.job.container import ContainerPlan, typed_command
from byoc_kit.local.containers import Session
from byoc_kit.local.engine import require_local
from byoc_kit.local.images import Place, find_image
from byoc_kit.local.shell import open_shell
from byoc_kit.oci.config import Platform
from byoc_kit.oci.reference import Archive, Docker, Layout, parse_image
from byoc_kit.talk import Talk
from byoc_kit.work.accounts import accounts_of
from byoc_kit.work.bases import full_reference
from byoc_kit.work.images import open_image, open_sink
from byoc_kit.work.jobs import ContainerOptions
from byoc_kit.work.logins import engine_login
from byoc_kit.work.project import Project
from byoc_kit.work.state import keep_out_of_git, read_last_build

__all__ = ["opened", "shell", "stamp", "with_options"]


@contextmanager
def opened(project: Project | None, image: str | None, talk: Talk) -> Iterator[Place]:
    """The engine, and *image* or the project's last build in it. Raises ByocError for what is missing."""
    if project is not None:
        keep_out_of_git(project)
    reference = image or _last_build(project)
    platform = project.spec.image.platform if project else Platform()
    with closing(connect()) as client:
        require_local(client)
        reference = _in_engine(reference, platform, talk)
        login = engine_login(accounts=accounts_of(project.spec.publish if project else None))
        found = find_image(client, reference, platform, talk, login)
        state = project.state if project else Path(".byoc").resolve()
        yield Place(client=client, image=found, state=state)


def _in_engine(reference: str, platform: Platform, talk: Talk) -> str:
    """*reference*; what lies in a layout or an archive is loaded into the engine first, by its digest."""
    reference = full_reference(reference, talk=talk)
    location = parse_image(reference)
    if not isinstance(location, Archive | Layout):
        return reference
    with open_image(location, platform=platform, talk=talk) as image:
        name = f"byoc-loaded:{image.manifest.config.digest.removeprefix('sha256:')[:12]}"
        talk.say(f"{reference} goes into the engine as {name}")
        with open_sink(Docker(name), talk=talk) as sink:
            return sink.write(image, tag=True)


def _last_build(project: Project | None) -> str:
    assert project is not None, "without a project, callers name an image"
    return read_last_build(project).reference


def stamp() -> str:
    """What makes a job's name unique, as the SageMaker SDK does it: the time to the millisecond, in UTC."""
    now = datetime.now(UTC)
    return f"{now:%Y-%m-%d-%H-%M-%S}-{now.microsecond // 1000:03d}"


def with_options(plan: ContainerPlan, options: ContainerOptions) -> ContainerPlan:
    """*plan* with what the options add to any container. Raises UsageError, ByocError."""
    return replace(
        plan,
        init=options.init,
        shm_size=size(options.shm_size, option="--shm-size"),
        secrets=credentials() if options.aws_credentials else {},
    )


def shell(place: Place, plan: ContainerPlan, session: Session, talk: Talk) -> None:
    """A shell in a container like *plan*, after saying what the service would start there."""
    config = place.image.config
    words = typed_command(plan, config.entrypoint or (), config.cmd or ())
    with session:
        talk.note(f"here the service would start: {' '.join(words)}")
        open_shell(session.labels(plan))
