"""Images of the Docker engine: what they say of themselves, and what a short look inside tells."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from byoc_kit.docker_helper import printed
from byoc_kit.errors import ByocError
from byoc_kit.inventory import Interpreter, Inventory
from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.store import Store
from byoc_kit.talk import Talk

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["PROBE", "config", "known", "look", "not_found"]

COMMANDS = ("sh", "bash", "chmod", "cat", "python3", "pip3", "train", "serve", "tini")
MANAGERS = ("apt-get", "dnf", "microdnf", "apk")

PROBE = f"""
for name in python3 python; do
  path=$(command -v $name) || continue
  echo "python $path"
  "$path" -c 'import sys; print("version %d %d %d" % sys.version_info[:3])' 2>/dev/null
  "$path" -c 'import pip; print("pip " + pip.__version__)' 2>/dev/null
  break
done
for name in {" ".join(COMMANDS)}; do command -v $name >/dev/null && echo "command $name"; done
for name in {" ".join(MANAGERS)}; do command -v $name >/dev/null && echo "manager $name"; done
[ -r /etc/os-release ] && . /etc/os-release && echo "os $ID $VERSION_ID"
exit 0
"""
"""Run by the ``sh`` of an image, without network; prints one fact per line."""

PROBE_SECONDS = 120
"""How long the look inside may take; a healthy image needs less than one second."""


Login = Callable[[str], dict[str, str] | None]
"""From a registry's host to user and password as docker-py takes them; None: what it finds by itself."""


def config(client: "DockerClient", reference: str) -> ImageConfig:
    """What the engine's image *reference* says of itself. Raises ByocError where there is none."""
    found = _inspect(client, reference)
    if found is None:
        raise not_found(reference, "the engine has no image of that name or id")
    return ImageConfig.from_json(found)


def look(
    client: "DockerClient",
    reference: str,
    platform: Platform,
    *,
    store: Store | None,
    talk: Talk,
    login: Login = lambda host: None,
) -> Inventory:
    """What *reference* holds. Pulled where the engine does not have it; looked into once per image id.

    *login*: for registries where the engine's own client is not logged in.

    An image of another platform than *platform*, or without ``sh``, is described as far as its config goes.
    Raises ByocError where the image cannot be had.
    """
    found = _inspect(client, reference)
    if found is None:
        talk.say(f"pulling {reference} ({platform})")
        _pull(client, reference, platform, talk, login)
        found = _inspect(client, reference)
        if found is None:
            raise not_found(reference, "it was pulled, but is not there")
    own = ImageConfig.from_json(found)
    lines = _facts(client, found["Id"], store) if own.platform == platform else ()
    return _inventory(reference, found, own, lines)


def known(found: Mapping[str, Any], reference: str, *, store: Store) -> Inventory | None:
    """What an earlier look into an image has seen, else None; *found*: the engine's inspection of it."""
    lines = _remembered(found["Id"], store)
    return None if lines is None else _inventory(reference, found, ImageConfig.from_json(found), lines)


def _inspect(client: "DockerClient", reference: str) -> Mapping[str, Any] | None:
    from docker.errors import APIError, ImageNotFound

    api: Any = client.api
    try:
        found: Mapping[str, Any] = api.inspect_image(reference)
    except ImageNotFound:
        return None
    except APIError as error:
        raise ByocError(
            f"the engine cannot tell about {reference}",
            why=_said(error),
            fix="check the name; an image is named [registry/]repository[:tag][@digest]",
            id="BYOC-E304",
        ) from error
    return found


def _facts(client: "DockerClient", image_id: str, store: Store | None) -> Iterable[str]:
    """The probe's lines, from the store where this image was looked into before."""
    lines = _remembered(image_id, store) if store else None
    if lines is None:
        lines = _probe(client, image_id)
        if store:
            store.write("inventory", _key(image_id), {"facts": lines})
    return lines


def _remembered(image_id: str, store: Store) -> list[str] | None:
    found = store.read("inventory", _key(image_id))
    if isinstance(found, dict) and isinstance(found.get("facts"), list):
        return [str(line) for line in found["facts"]]
    return None


def _key(image_id: str) -> str:
    """Another probe sees other things, so it is part of the key."""
    return f"{image_id} {PROBE}"


def _probe(client: "DockerClient", image_id: str) -> list[str]:
    """Run :data:`PROBE` in a container of its own; no lines where the image has no ``sh``."""
    import requests
    from docker.errors import APIError

    asked: dict[str, Any] = {
        "entrypoint": ["sh", "-c", PROBE],
        "command": [],
        "network_mode": "none",
        "user": "0",
        "detach": True,
    }
    try:
        return printed(client, image_id, seconds=PROBE_SECONDS, **asked)
    except APIError as error:
        said = _said(error)
        if "exec format error" in said:
            raise _foreign(image_id) from error
        if "not found" in said or "no such file" in said:
            return []
        raise _not_looked_into(image_id, said) from error
    except requests.RequestException as error:
        raise _not_looked_into(image_id, f"its shell gave no answer within {PROBE_SECONDS} s") from error


def _not_looked_into(image_id: str, why: str) -> ByocError:
    return ByocError(
        f"the base {image_id} cannot be started to look into it",
        why=why,
        fix=f"`docker run --rm --entrypoint sh {image_id} -c true` shows the same",
        id="BYOC-E307",
    )


def _inventory(reference: str, found: Mapping[str, Any], own: ImageConfig, lines: Iterable[str]) -> Inventory:
    facts: dict[str, list[str]] = {}
    for line in lines:
        key, _, rest = line.partition(" ")
        facts.setdefault(key, []).append(rest)
    os_id, _, os_version = next(iter(facts.get("os", [])), "").partition(" ")
    return Inventory(
        reference=reference,
        image_id=found["Id"],
        digest=_digest(reference, found.get("RepoDigests") or ()),
        platform=own.platform,
        config=own,
        python=_interpreter(facts),
        os_id=os_id or None,
        os_version=os_version or None,
        package_manager=next(iter(facts.get("manager", [])), None),
        commands=frozenset(facts.get("command", [])),
    )


def _interpreter(facts: Mapping[str, list[str]]) -> Interpreter | None:
    if "python" not in facts or "version" not in facts:
        return None
    major, minor, patch = map(int, facts["version"][0].split())
    pip = next(iter(facts.get("pip", [])), None)
    return Interpreter(executable=facts["python"][0], version=(major, minor, patch), pip=pip)


def _digest(reference: str, known: Iterable[str]) -> str | None:
    """The manifest digest under which the engine got the image from the repository of *reference*."""
    if "@" in reference:
        return reference.partition("@")[2]
    head, colon, tail = reference.rpartition(":")
    repository = head if colon and "/" not in tail else reference
    names = {repository, repository.removeprefix("docker.io/").removeprefix("library/")}
    return next((pair.partition("@")[2] for pair in known if pair.partition("@")[0] in names), None)


def _pull(client: "DockerClient", reference: str, platform: Platform, talk: Talk, login: Login) -> None:
    from docker.errors import APIError

    layers: dict[str, tuple[int, int]] = {}
    repository, tag = _split(reference)
    who = login(reference.partition("/")[0])
    try:
        for event in client.api.pull(
            repository, tag=tag, stream=True, decode=True, platform=str(platform), auth_config=who
        ):
            if "error" in event:
                raise _pull_failed(reference, str(event["error"]), platform)
            _follow(event, layers)
            if layers:
                done, total = (sum(column) for column in zip(*layers.values(), strict=True))
                talk.progress(f"pulling {reference}", min(done, total - 1), total)
    except APIError as error:
        raise _pull_failed(reference, _said(error), platform) from error
    if layers:
        total = sum(size for _, size in layers.values())
        talk.progress(f"pulling {reference}", total, total)


def _split(reference: str) -> tuple[str, str]:
    """Repository, and tag or digest, as the engine's API wants them."""
    if "@" in reference:
        repository, _, digest = reference.partition("@")
        return repository, digest
    head, colon, tail = reference.rpartition(":")
    return (head, tail) if colon and "/" not in tail else (reference, "latest")


def _follow(event: Mapping[str, Any], layers: dict[str, tuple[int, int]]) -> None:
    """Note the bytes of one layer that an event of the pull tells."""
    name, detail = str(event.get("id", "")), event.get("progressDetail") or {}
    if event.get("status") == "Downloading" and detail.get("total"):
        layers[name] = (int(detail["current"]), int(detail["total"]))
    elif event.get("status") in {"Download complete", "Pull complete"} and name in layers:
        layers[name] = (layers[name][1], layers[name][1])


def _said(error: Exception) -> str:
    return str(getattr(error, "explanation", None) or error)


def not_found(reference: str, why: str) -> ByocError:
    """What to say of an image that an engine does not have."""
    return ByocError(
        f"there is no image {reference}",
        why=why,
        fix="check name and tag; `docker image ls` lists what is here",
        id="BYOC-E304",
    )


PULL_FAILURES = (
    (r"no basic auth|unauthorized|token has expired", "BYOC-E305", "log in first: `{login} {host}`"),
    (r"no matching manifest", "BYOC-E304", "it is not made for {platform}: choose another base or platform"),
    (
        r"not found|manifest unknown|does not exist|denied",
        "BYOC-E304",
        "check name and tag; a private repository needs `{login} {host}`; an image of this machine must have "
        "exactly this name",
    ),
    (
        r"",
        "BYOC-E306",
        "check the network and the engine's proxy (`docker pull {reference}` shows the same); an image "
        "of this machine must have exactly this name",
    ),
)
"""What the engine may say when it cannot pull: pattern, error id, remedy. The first that is found counts."""


def _pull_failed(reference: str, said: str, platform: Platform) -> ByocError:
    host = reference.partition("/")[0]
    ecr = "aws ecr get-login-password | docker login --username AWS --password-stdin"
    login = ecr if ".dkr.ecr." in host else "docker login"
    known_as, fix = next((name, fix) for pattern, name, fix in PULL_FAILURES if re.search(pattern, said))
    told = fix.format(login=login, host=host, platform=platform, reference=reference)
    return ByocError(f"{reference} cannot be pulled", why=said, fix=told, id=known_as)


def _foreign(image_id: str) -> ByocError:
    return ByocError(
        f"the base {image_id} is for another processor than this machine's",
        why="its programs cannot run here, so nothing can be installed into it (exec format error)",
        fix="build on a machine of that architecture, or install emulation (Debian: qemu-user-static)",
        id="BYOC-E308",
    )
