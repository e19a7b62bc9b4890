"""The image to start, as the engine has it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.local.engine import engine_errors
from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.oci.reference import Docker, Named, parse_image
from byoc_kit.talk import Talk

if TYPE_CHECKING:
    import docker

__all__ = ["LocalImage", "Place", "find_image"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalImage:
    """An image that the engine has."""

    reference: str
    """As it was asked for."""
    id: str
    name: str
    """A tag it has, for people; *reference* where it has none."""
    config: ImageConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a container is going to run."""

    client: "docker.DockerClient"
    image: LocalImage
    state: Path
    """The project's ``.byoc``; of the current folder where there is no project."""


Login = Callable[[str], dict[str, str] | None]
"""From a registry's host to user and password as docker-py takes them; None: what it finds by itself."""


def find_image(
    client: "docker.DockerClient",
    reference: str,
    platform: Platform,
    talk: Talk,
    login: Login = lambda host: None,
) -> LocalImage:
    """The image *reference* means: the engine's own, else pulled. Raises UsageError, ByocError.

    *login*: for registries where the engine's own client is not logged in.
    """
    asked = parse_image(reference)
    if isinstance(asked, Docker):
        return _own(client, asked.name, reference) or _absent(reference, "the engine has no such image")
    if isinstance(asked, Named):
        return _own(client, str(asked), reference) or _pulled(client, asked, platform, talk, login)
    raise UsageError(
        f"{reference} cannot be started",
        why="containers are started from images of the Docker engine",
        fix="give docker:NAME, docker:ID or a name; an archive goes into the engine with `docker load`",
        id="BYOC-E404",
    )


def _own(client: "docker.DockerClient", name: str, reference: str) -> LocalImage | None:
    from docker.errors import ImageNotFound

    with engine_errors(f"looking for the image {name}"):
        try:
            attrs = client.images.get(name).attrs
        except ImageNotFound:
            return None
    tags = attrs.get("RepoTags") or [reference]
    return LocalImage(reference=reference, id=attrs["Id"], name=tags[0], config=ImageConfig.from_json(attrs))


def _pulled(
    client: "docker.DockerClient", asked: Named, platform: Platform, talk: Talk, login: Login
) -> LocalImage:
    from docker.errors import DockerException

    talk.say(f"{asked} is not in the engine; pulling it for {platform}")
    who = login(str(asked.repository.host))
    try:
        client.images.pull(str(asked), platform=str(platform), auth_config=who)
    except (DockerException, OSError) as error:
        return _absent(str(asked), f"the engine does not have it, and pulling it failed: {error}")
    return _own(client, str(asked), str(asked)) or _absent(str(asked), "it was pulled and is gone again")


def _absent(reference: str, why: str) -> LocalImage:
    raise ByocError(
        f"there is no image {reference}",
        why=why,
        fix="run `byoc build`, or name an image that `docker images` shows",
        id="BYOC-E404",
    )
