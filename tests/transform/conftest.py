"""An image that hosts in every way, and tells what it saw."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

IMAGE = Path(__file__).parent / "image"


@pytest.fixture(scope="session")
def host(engine: docker.DockerClient, base: str) -> Iterator[str]:
    """The name of an image whose behaviour is asked for: see image/server.py."""
    name = f"byoc-test-host:{uuid.uuid4().hex[:12]}"
    engine.images.build(path=str(IMAGE), buildargs={"BASE": base}, tag=name, rm=True)
    yield name
    engine.images.remove(name, force=True)


@pytest.fixture
def left(engine: docker.DockerClient, host: str) -> Callable[[], list[str]]:
    """Containers and networks that runs of the image ``host`` have left in the engine."""
    run = host.replace(":", "-")

    def find() -> list[str]:
        things = engine.api.containers(all=True, filters={"label": "byoc.run"})
        things += engine.api.networks(filters={"label": "byoc.run"})
        return [str(thing["Labels"]) for thing in things if thing["Labels"]["byoc.run"].startswith(run)]

    return find
