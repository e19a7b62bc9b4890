"""The end of a server or a model while a request takes longer than anybody waits (INF-13, MME-04)."""

import contextlib
import json
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


def wait_for_an_answer(started: Started, path: str = "/invocations") -> Answer:
    with contextlib.closing(started.connect(timeout=60)) as connection:
        return ask(connection, "POST", path, b"1", {"content-type": "application/json"})


def unload(started: Started) -> tuple[int, float]:
    """The status of an unload, and how many seconds it took."""
    begun = time.monotonic()
    with contextlib.closing(started.connect(timeout=60)) as connection:
        return ask(connection, "DELETE", "/models/endless").status, time.monotonic() - begun


def test_a_request_that_never_ends_is_given_up(
    engine: docker.DockerClient, project: Project, tmp_path: Path
) -> None:
    """Both servers are stopped and a model is unloaded, all at once: nearly all of this test is waiting."""
    write(tmp_path / "code" / "inference.py", ENDLESS)
    tmp_path.chmod(0o755)
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(6) as pool:
        asgi, mms = (Host(engine, image(project("basic", name)), tmp_path) for name in ("asgi", "mms"))
        servers = [
            stack.enter_context(host.start(SAGEMAKER_MODEL_SERVER_WORKERS="1")) for host in (asgi, mms)
        ]
        models = stack.enter_context(asgi.start(SAGEMAKER_MULTI_MODEL="true"))
        until(lambda: all(server.ping() == 200 for server in (*servers, models)), 60)
        order = json.dumps({"model_name": "endless", "url": "/opt/ml/model"}).encode()
        assert models.ask("POST", "/models", order).status == 200
        asked = [pool.submit(wait_for_an_answer, server) for server in servers]
        last = pool.submit(wait_for_an_answer, models, "/models/endless/invoke")
        until(lambda: all("begun" in server.log for server in (*servers, models)))
        unloaded = pool.submit(unload, models)
        for code, seconds in (*pool.map(stop, servers), unloaded.result()):
            assert code in {0, 200}
            assert GRACE - 1 < seconds < KILL - 1
        for answer in asked:
            assert answer.exception() is not None or answer.result().status >= 500
        assert (last.result().status, last.result().error) == (
            503,
            "the model was unloaded while it answered",
        )
        assert models.ping() == 200
