"""An image of the Docker engine on its way to a registry, by the engine's own push: it knows its layers."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from byoc_kit.errors import ByocError
from byoc_kit.images.keychain import Credentials
from byoc_kit.oci.reference import Repository
from byoc_kit.talk import Talk

if TYPE_CHECKING:
    import docker

__all__ = ["find_image", "image_size", "push", "remove_image"]


def find_image(client: "docker.DockerClient", name: str) -> str | None:
    """The id of the engine's image *name* (a name or an id); None: it has none."""
    import docker.errors

    try:
        return str(client.images.get(name).id)
    except docker.errors.ImageNotFound:
        return None


def image_size(client: "docker.DockerClient", name: str) -> int:
    """Bytes of the engine's image *name*, as the engine counts them (uncompressed)."""
    return int(client.images.get(name).attrs["Size"])


def remove_image(client: "docker.DockerClient", name: str) -> None:
    """Take *name* from its image, which goes with its last name. Raises ByocError (BYOC-E518)."""
    import docker.errors

    try:
        client.images.remove(name)
    except docker.errors.APIError as error:
        raise ByocError(
            f"the image {name} cannot be removed",
            why=f"the engine says: {error.explanation or error}",
            fix="remove the containers that use it first: `docker ps --all` lists them",
            id="BYOC-E518",
        ) from error


def push(
    client: "docker.DockerClient",
    image_id: str,
    *,
    to: tuple[Repository, str],
    credentials: Credentials | None,
    talk: Talk,
) -> None:
    """Push *image_id* to repository and tag *to*; names that the engine has for it stay as they were.

    Raises ByocError (BYOC-E509) with the engine's own words; the tag in the registry is written last, so a
    push that failed has not moved it.
    """
    import docker.errors

    repository, tag = to
    name = f"{repository}:{tag}"
    login = {"username": credentials.user, "password": credentials.secret} if credentials else {}
    try:
        with _tagged(client, image_id, name):
            stream = client.api.push(str(repository), tag, stream=True, decode=True, auth_config=login)
            _follow(stream, name, talk)
    except docker.errors.ImageNotFound as error:
        raise _gone(image_id) from error
    except docker.errors.DockerException as error:
        raise _failed(name, str(error)) from error


@contextlib.contextmanager
def _tagged(client: "docker.DockerClient", image_id: str, name: str) -> Iterator[None]:
    """The engine pushes by name only. The name goes away again if it is new and the image has another one.

    With its last name the engine would remove the image itself.
    """
    before = client.images.get(image_id)
    others = set(before.tags) - {name}
    before.tag(name)
    try:
        yield
    finally:
        if others and name not in before.tags:
            client.images.remove(name, noprune=True)


def _follow(stream: Iterable[Mapping[str, Any]], name: str, talk: Talk) -> None:
    """Tell how far each layer is; the engine reports failure only within this stream."""
    for event in stream:
        if "error" in event:
            raise _failed(name, str(event["error"]))
        detail, layer = event.get("progressDetail") or {}, event.get("id", "")
        if "current" in detail and layer:
            total = detail.get("total")
            talk.progress(f"push {layer}", int(detail["current"]), int(total) if total else None)


def _failed(name: str, said: str) -> ByocError:
    return ByocError(
        f"pushing {name} failed",
        why=f"the engine says: {said.strip()}",
        fix=_remedy(said, name.partition("/")[0]),
        id="BYOC-E509",
    )


def _remedy(said: str, host: str) -> str:
    """The usual causes, by the engine's words."""
    said = said.lower()
    if any(word in said for word in ("denied", "unauthorized", "no basic auth", "authentication required")):
        return f"`docker login {host}` as a user who may write there"
    if "server gave http response to https client" in said:
        return (
            f"the registry speaks plain HTTP: add {host} to insecure-registries of the engine, or give it TLS"
        )
    if any(word in said for word in ("connection refused", "no such host", "timeout", "dial tcp")):
        return f"check that {host} runs and can be reached from where the engine runs"
    return "see the engine's words above; `byoc doctor` looks at engine, disk and logins"


def _gone(image_id: str) -> ByocError:
    return ByocError(
        f"the engine has no image {image_id}",
        why="it was removed after it was built",
        fix="run `byoc build` again",
        id="BYOC-E509",
    )
