"""What a killed byoc has left in the engine: found by its labels, and removed by the next run."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from byoc_kit.docker_helper import OWNER, RUN, started_at
from byoc_kit.talk import Talk

if TYPE_CHECKING:
    import docker

__all__ = ["KEEP", "is_gone", "left_runs", "remove", "remove_leftovers"]

KEEP = "byoc.keep"


def is_gone(labels: Mapping[str, str]) -> bool:
    """Whether the byoc that made a thing with *labels* ran on this host and does not live any more."""
    host, _, rest = labels.get(OWNER, "").partition(":")
    pid, _, started = rest.partition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return started_at(int(pid)) != started


def left_runs(client: "docker.DockerClient", *, kept: bool) -> tuple[str, ...]:
    """Runs of which the engine still has containers or networks although their byoc is gone.

    *kept*: also those that a user wanted to keep.
    """
    things = [*client.api.containers(all=True, filters={"label": RUN})]
    things += client.api.networks(filters={"label": RUN})
    labels = [thing["Labels"] for thing in things]
    return tuple(sorted({each[RUN] for each in labels if is_gone(each) and (kept or not each.get(KEEP))}))


def remove_leftovers(client: "docker.DockerClient", talk: Talk) -> None:
    """Remove containers and networks of runs whose byoc was killed before it could do so itself."""
    runs = left_runs(client, kept=False)
    for run in runs:
        talk.note(f"removing what the killed run {run} left in the engine")
        _remove_containers(client, f"{RUN}={run}")
    for run in runs:  # afterwards, since runs of one verify share networks
        _remove_networks(client, f"{RUN}={run}")


def remove(client: "docker.DockerClient", label: str) -> None:
    """Remove the containers with *label*, running or not, and then the networks with it."""
    _remove_containers(client, label)
    _remove_networks(client, label)


def _remove_containers(client: "docker.DockerClient", label: str) -> None:
    from docker.errors import APIError

    for container in client.api.containers(all=True, filters={"label": label}):
        with suppress(APIError):
            client.api.remove_container(container["Id"], force=True, v=True)


def _remove_networks(client: "docker.DockerClient", label: str) -> None:
    from docker.errors import APIError

    for network in client.api.networks(filters={"label": label}):
        with suppress(APIError):
            client.api.remove_network(network["Id"])
