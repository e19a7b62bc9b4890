"""An image of the Docker engine on its way to a registry, by the engine's own push: it knows its layers."""

import contextlib
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from byoc_kit.errors import ByocError
from byoc_kit.images.answer import token_ended
from byoc_kit.images.keychain import Credentials
from byoc_kit.oci.reference import Repository, is_ecr
from byoc_kit.plan.iam import Denied
from byoc_kit.talk import Talk

if TYPE_CHECKING:
    import docker

__all__ = ["find_image", "image_size", "push", "remove_image"]

WAITS: Final = (1.0, 4.0)  # seconds before a push is tried again
PASSES: Final = re.compile(
    r"unexpected HTTP status: (?:429|5\d\d)|toomanyrequests|\bEOF\b|connection reset|i/o timeout"
    r"|TLS handshake timeout"
)
"""Words of the engine, which itself tries layers again, though not manifests."""


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

    A login that ends on the way is renewed, and trouble that may pass is waited for: the engine sends only
    what the registry lacks by then. Raises ByocError (BYOC-E509) with the engine's own words; the tag in the
    registry is written last, so a push that failed has not moved it.
    """
    import docker.errors

    name = f"{to[0]}:{to[1]}"
    try:
        with _tagged(client, image_id, name):
            _push(client, to, credentials, talk)
    except docker.errors.ImageNotFound as error:
        raise _gone(image_id) from error
    except docker.errors.DockerException as error:
        raise _failed(name, str(error)) from error


def _push(
    client: "docker.DockerClient", to: tuple[Repository, str], credentials: Credentials | None, talk: Talk
) -> None:
    """Again where that helps. Raises ByocError, DockerException."""
    name, waits = f"{to[0]}:{to[1]}", iter(WAITS)
    while said := _refusal(client, to, credentials, talk):
        wait = next(waits, None)
        if wait is not None and token_ended(said) and credentials is not None and credentials.renew:
            talk.note(f"{name}: the login ended on the way and was renewed")
            credentials = credentials.renew(True)
        elif wait is not None and PASSES.search(said):
            talk.note(f"{name}: the engine says: {said.strip()}; trying again")
            time.sleep(wait)
        else:
            raise _failed(name, said)


def _refusal(
    client: "docker.DockerClient", to: tuple[Repository, str], credentials: Credentials | None, talk: Talk
) -> str | None:
    """One push; what went wrong, in the engine's words."""
    login = {"username": credentials.user, "password": credentials.secret} if credentials else {}
    stream = client.api.push(str(to[0]), to[1], stream=True, decode=True, auth_config=login)
    return _follow(stream, talk)


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


def _follow(stream: Iterable[Mapping[str, Any]], talk: Talk) -> str | None:
    """Tell how far each layer is; what went wrong: the engine reports failure only within this stream."""
    for event in stream:
        if "error" in event:
            return str(event["error"]) or "nothing"
        detail, layer = event.get("progressDetail") or {}, event.get("id", "")
        if "current" in detail and layer:
            total = detail.get("total")
            talk.progress(f"push {layer}", int(detail["current"]), int(total) if total else None)
    return None


def _failed(name: str, said: str) -> ByocError:
    return ByocError(
        f"pushing {name} failed",
        why=f"the engine says: {said.strip()}",
        fix=_remedy(said, name.partition("/")[0]),
        id="BYOC-E509",
    )


def _remedy(said: str, host: str) -> str:
    """The usual causes, by the engine's words."""
    if is_ecr(host):
        doctor = "`byoc doctor` tries what a publish needs and prints the policy that is missing"
        if denied := Denied.parse(said):
            return f"{denied.fix}; {doctor}" if denied.cause.mendable else denied.fix
        if "denied" in said or "no basic auth" in said:
            return doctor
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
