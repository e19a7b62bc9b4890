"""Where a client of the SDKs runs, and what it leaves behind."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import APIError

from rig.machine import Missing
from rig.sdk import compose

WORKING_DIR = "com.docker.compose.project.working_dir"


@pytest.fixture(scope="session")
def compose_network(engine: docker.DockerClient) -> Iterator[None]:
    """Both SDKs start containers with docker-compose and leave a network behind."""
    try:
        compose()
    except Missing as reason:
        pytest.fail(str(reason), pytrace=False)
    yield
    with contextlib.suppress(APIError):
        engine.networks.get("sagemaker-local").remove()


@pytest.fixture
def root(engine: docker.DockerClient, compose_network: None, tmp_path: Path) -> Iterator[Path]:
    """A folder for one client; the containers that the SDK leaves behind are known by it."""
    folder = tmp_path / f"sdk{uuid.uuid4().hex[:12]}"  # its name is the Compose project of SDK 3
    folder.mkdir()
    yield folder
    for container in engine.containers.list(all=True, filters={"label": WORKING_DIR}):
        if container.labels[WORKING_DIR].startswith(str(folder)):
            container.remove(force=True)
