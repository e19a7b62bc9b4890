"""What the engine answers, in our words."""

import contextlib
from typing import cast

import docker
import pytest
import requests
from docker.errors import APIError

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.local.engine import engine_errors, require_fifos, require_local


@pytest.mark.parametrize(
    ("said", "id_", "why"),
    [
        ('OCI runtime create failed: exec: "train": executable file not found in $PATH', "BYOC-E402", "127"),
        ('OCI runtime create failed: exec: "/train": no such file or directory', "BYOC-E402", "127"),
        ('OCI runtime create failed: exec: "/train": permission denied', "BYOC-E402", "126"),
        ('OCI runtime create failed: exec: "/train": exec format error', "BYOC-E402", "126"),
        ("Bind for 127.0.0.1:8080 failed: port is already allocated", "BYOC-E416", "listens there"),
        ("listen tcp4 127.0.0.1:8080: bind: address already in use", "BYOC-E416", "listens there"),
        ("no space left on device", "BYOC-E403", "no space left on device"),
    ],
)
def test_refusals_are_told_by_what_they_mean(said: str, id_: str, why: str) -> None:
    with pytest.raises(ByocError) as caught, engine_errors("starting x"):
        raise APIError("400 Client Error", explanation=said)
    assert caught.value.id == id_
    assert why in caught.value.why
    assert said in str(caught.value)


def test_a_taken_port_is_a_usage_error() -> None:
    with pytest.raises(UsageError), engine_errors("starting x"):
        raise APIError("500 Server Error", explanation="port is already allocated")


def test_an_engine_that_went_away_is_told() -> None:
    with pytest.raises(ByocError, match="did not answer while starting x"), engine_errors("starting x"):
        raise requests.exceptions.ConnectionError("reset by peer")


@pytest.mark.parametrize("address", ["tcp://192.0.2.1:2375", "tcp://build-host:2376"])
def test_an_engine_elsewhere_cannot_mount_folders_of_this_machine(address: str) -> None:
    with contextlib.closing(docker.DockerClient(address, version="1.41")) as client:
        with pytest.raises(ByocError) as caught:
            require_local(client)
        assert caught.value.id == "BYOC-E417"


@pytest.mark.parametrize(
    "address", ["unix:///var/run/docker.sock", "tcp://127.0.0.1:2375", "tcp://localhost:1"]
)
def test_an_engine_of_this_machine_can(address: str) -> None:
    with contextlib.closing(docker.DockerClient(address, version="1.41")) as client:
        require_local(client)


class Told:
    """An engine as far as it tells about itself."""

    def __init__(self, system: str) -> None:
        self._system = system

    def info(self) -> dict[str, str]:
        return {"OperatingSystem": self._system}


@pytest.mark.parametrize(("system", "platform"), [("Docker Desktop", "linux"), ("Debian", "darwin")])
def test_a_fifo_does_not_reach_into_a_virtual_machine(system: str, platform: str) -> None:
    """CHN-03."""
    with pytest.raises(UsageError) as caught:
        require_fifos(cast("docker.DockerClient", Told(system)), platform)
    assert caught.value.id == "BYOC-E425"


def test_a_fifo_reaches_containers_of_this_kernel() -> None:
    require_fifos(cast("docker.DockerClient", Told("Debian GNU/Linux 12")), "linux")
