"""SIGTERM while a request is in flight that takes longer than the service waits (INF-13)."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest

from rig.projects import Project, image
from serving.driver import Answer, ask, until, write
from serving.hosts import Host, Started

pytestmark = pytest.mark.engine

ENDLESS = """
import time

def model_fn(model_dir):
    return 1

def predict_fn(data, model):
    print("begun", flush=True)
    while data:
        time.sleep(0.1)
    return "done"
"""

GRACE, KILL = 25, 30  # seconds: when the server gives up by itself, and when it is killed


def stop(started: Started) -> tuple[int, float]:
    """The exit code of a stop as hosting does it, and how many seconds it took."""
    begun = time.monotonic()
    return started.stop(), time.monotonic() - begun


def wait_for_an_answer(started: Started) -> Answer:
    with contextlib.closing(started.connect(timeout=60)) as connection:
        return ask(connection, "POST", "/invocations", b"1", {"content-type": "application/json"})


def test_a_request_that_never_ends_does_not_get_the_server_killed(
    engine: docker.DockerClient, project: Project, tmp_path: Path
) -> None:
    """Both servers at once: nearly all of this test is waiting."""
    write(tmp_path / "code" / "inference.py", ENDLESS)
    tmp_path.chmod(0o755)
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        hosts = [Host(engine, image(project("basic", server)), tmp_path) for server in ("asgi", "mms")]
        servers = [stack.enter_context(host.start(SAGEMAKER_MODEL_SERVER_WORKERS="1")) for host in hosts]
        until(lambda: all(server.ping() == 200 for server in servers), 60)
        asked = [pool.submit(wait_for_an_answer, server) for server in servers]
        until(lambda: all("begun" in server.log for server in servers))
        for code, seconds in pool.map(stop, servers):
            assert code == 0
            assert GRACE - 1 < seconds < KILL - 1
        for answer in asked:
            assert answer.exception() is not None or answer.result().status >= 500
