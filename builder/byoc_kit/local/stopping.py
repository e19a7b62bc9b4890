"""Runs of other threads are stopped by what their containers are labelled with."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from byoc_kit.docker_helper import RUN

if TYPE_CHECKING:
    import docker

__all__ = ["stop_runs"]


def stop_runs(client: "docker.DockerClient", runs: Collection[str], grace: float) -> None:
    """Stop the containers of *runs* at the same time: SIGTERM, *grace* seconds, SIGKILL (HAR-08)."""
    found = client.api.containers(filters={"label": RUN})
    live = [container["Id"] for container in found if container["Labels"][RUN] in runs]

    def stop(identity: str) -> None:
        with suppress(Exception):  # it has ended by itself, or was removed
            client.api.stop(identity, timeout=round(grace))

    with ThreadPoolExecutor(max(1, len(live))) as pool:
        list(pool.map(stop, live))
