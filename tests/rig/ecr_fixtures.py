"""Fixtures for tests against Amazon ECR as ``rig/ecr.py`` plays it.

``ecr``: an empty one for each test; programs find it by ``ecr.environ()``. ``ecr_engine``: the same, and the
Docker engine finds it, too, by its names; only one test session of a machine can hold them at a time.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import docker
import pytest
from docker.errors import APIError

from rig.ecr_names import mapped
from rig.machine import Missing

if TYPE_CHECKING:  # moto takes a second
    from rig.ecr import Ecr

__all__ = ["ecr", "ecr_engine"]

WAITING = 60  # tries, of half a second, until the engine has seen the names


@pytest.fixture(scope="session")
def _ecr() -> "Iterator[Ecr]":
    from rig.ecr import ACCOUNTS, PREBUILT
    from rig.ecr import ecr as rig_ecr

    with rig_ecr(accounts=(*ACCOUNTS, PREBUILT)) as running:
        yield running


@pytest.fixture
def ecr(_ecr: "Ecr") -> "Iterator[Ecr]":
    """An empty ECR, without faults."""
    _ecr.reset()
    yield _ecr
    _ecr.faults.clear()


@pytest.fixture(scope="session")
def _named(_ecr: "Ecr", engine: docker.DockerClient) -> Iterator[None]:
    """The registry's names lead the Docker engine to it."""
    from rig.ecr_http import serving

    try:
        with contextlib.ExitStack() as stack:
            address = bridge(engine)
            listening = serving(_ecr.served, bucket=_ecr.faults.bucket, tls=_ecr.context(), at=(address, 443))
            stack.enter_context(mapped(_ecr.front.own, address, _ecr.ca))
            stack.enter_context(listening)
            seen(_ecr, engine)
            yield
    except Missing as reason:
        if os.environ.get("CI") == "true" or os.environ.get("BYOC_REQUIRE_ENGINE") == "1":
            pytest.fail(str(reason), pytrace=False)
        pytest.skip(str(reason))


@pytest.fixture
def ecr_engine(ecr: "Ecr", _named: None) -> "Ecr":
    """An empty ECR that the Docker engine finds by its names, too."""
    return ecr


def bridge(engine: docker.DockerClient) -> str:
    """The address of this machine on the engine's own network. Raises Missing."""
    settings = engine.networks.get("bridge").attrs["IPAM"]["Config"] or [{}]
    gateway = settings[0].get("Gateway")
    if not gateway:
        raise Missing("the Docker engine has no bridge network on this machine")
    return str(gateway)


def seen(running: "Ecr", engine: docker.DockerClient) -> None:
    """Wait until the engine finds the registry: it keeps what it has read of /etc/hosts for some seconds."""
    asked = len(running.requests)
    for _ in range(WAITING):
        with contextlib.suppress(APIError):
            engine.api.login("AWS", "nobody", registry=running.host(), reauth=True)
        if len(running.requests) > asked:  # what it was told does not matter
            return
        time.sleep(0.5)
    raise Missing(f"the Docker engine does not find {running.host()}")
