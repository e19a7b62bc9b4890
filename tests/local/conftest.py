"""An image that keeps the contract and tells what it saw, for tests of local runs."""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound

IMAGE = Path(__file__).parent / "image"
GLOO = Path(__file__).parent / "gloo"


@pytest.fixture(scope="session")
def algo(engine: docker.DockerClient, base: str) -> Iterator[str]:
    """The name of an image whose behaviour is asked for: see image/algo.py."""
    name = f"byoc-test-algo:{uuid.uuid4().hex[:12]}"
    engine.images.build(path=str(IMAGE), buildargs={"BASE": base}, tag=name, rm=True)
    yield name
    engine.images.remove(name, force=True)


@pytest.fixture(scope="session")
def gloo(engine: docker.DockerClient, base: str) -> str:
    """An image with torch, which takes two minutes to build and is therefore kept, as the bases are."""
    parts = [engine.images.get(base).id or "", *(file.read_text() for file in sorted(GLOO.iterdir()))]
    name = f"byoc-test-gloo:{hashlib.sha256(''.join(parts).encode()).hexdigest()[:12]}"
    try:
        engine.images.get(name)
    except ImageNotFound:
        engine.images.build(path=str(GLOO), buildargs={"BASE": base}, tag=name, rm=True, network_mode="host")
    return name


@pytest.fixture
def left(engine: docker.DockerClient, algo: str) -> Callable[[], list[str]]:
    """Names of the containers and networks that runs of the image ``algo`` have left in the engine."""
    run = algo.replace(":", "-")

    def find() -> list[str]:
        things = engine.api.containers(all=True, filters={"label": "byoc.run"})
        things += engine.api.networks(filters={"label": "byoc.run"})
        return [str(thing["Labels"]) for thing in things if thing["Labels"]["byoc.run"].startswith(run)]

    return find
