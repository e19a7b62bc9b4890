"""Servers in containers, started and stopped as SageMaker does it."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from serving.driver import Client


@dataclass
class Started(Client):
    """A server in a container."""

    container: Container

    @property
    def log(self) -> str:
        """All it has said."""
        return self.container.logs().decode()

    def wait(self) -> int:
        """Its exit code."""
        return int(self.container.wait(timeout=60)["StatusCode"])

    def stop(self) -> int:
        """Stop as hosting does (INF-13), and the exit code."""
        self.container.stop(timeout=30)
        return self.wait()


@dataclass
class Host:
    """Starts containers of one image."""

    engine: docker.DockerClient
    image: str
    model: Path
    place: str = "/opt/ml/model"

    @contextlib.contextmanager
    def start(self, options: Mapping[str, Any] | None = None, **environment: str) -> Iterator[Started]:
        """A container that runs ``serve``; *options* as docker-py's ``run`` has them."""
        given: dict[str, Any] = {"volumes": {str(self.model): {"bind": self.place, "mode": "ro"}}}
        container = self.engine.containers.run(
            self.image, "serve", detach=True, environment=environment, **(given | dict(options or {}))
        )
        port = int(environment.get("SAGEMAKER_BIND_TO_PORT", "8080"))
        try:
            yield Started(address(container), port, container)
        finally:
            container.remove(force=True, v=True)


def address(container: Container) -> str:
    """The container's own address; empty if it has ended, or shares another's."""
    container.reload()
    networks = list(container.attrs["NetworkSettings"]["Networks"].values())
    return str(networks[0]["IPAddress"]) if networks else ""
