"""An image that hosts in every way, and tells what it saw."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import docker
import pytest

from rig.projects import Command, Project, edit, image

IMAGE = Path(__file__).parent / "image"


@pytest.fixture(scope="session")
def host(engine: docker.DockerClient, base: str) -> Iterator[str]:
    """The name of an image whose behaviour is asked for: see image/server.py."""
    name = f"byoc-test-host:{uuid.uuid4().hex[:12]}"
    engine.images.build(path=str(IMAGE), buildargs={"BASE": base}, tag=name, rm=True)
    yield name
    engine.images.remove(name, force=True)


TARGETS = ["training", "hosting", "batch", "serverless", "async", "streaming", "multi-model", "pipeline"]


class Trained(Protocol):
    """The fixture ``trained``."""

    def __call__(self, style: str) -> Path:
        """A project whose image is for every kind of hosting, built, and trained once."""
        ...


@pytest.fixture(scope="module")
def trained(engine: docker.DockerClient, byoc: Command, project: Project) -> Iterator[Trained]:
    """Projects by style; their images are gone at the end."""
    made: dict[str, Path] = {}

    def make(style: str) -> Path:
        if style not in made:
            made[style] = folder = project(style)
            name = f"t-hosting-{style}-{uuid.uuid4().hex[:8]}"
            edit(folder / "byoc.toml", {"image": {"name": name, "targets": TARGETS}})
            byoc("build", cwd=folder)
            byoc("run", "train", "--hp", "trees=5", cwd=folder)
        return made[style]

    yield make
    for folder in made.values():
        engine.images.remove(image(folder), force=True)


@pytest.fixture
def left(engine: docker.DockerClient, host: str) -> Callable[[], list[str]]:
    """Containers and networks that runs of the image ``host`` have left in the engine."""
    run = host.replace(":", "-")

    def find() -> list[str]:
        things = engine.api.containers(all=True, filters={"label": "byoc.run"})
        things += engine.api.networks(filters={"label": "byoc.run"})
        return [str(thing["Labels"]) for thing in things if thing["Labels"]["byoc.run"].startswith(run)]

    return find
