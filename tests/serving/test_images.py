"""Both servers inside images, started and stopped as SageMaker does it, on a read-only model (INF, STK)."""

import contextlib
import io
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import numpy as np
import pytest

from rig.projects import Project, image
from serving.driver import until, write
from serving.hosts import Host, Started

pytestmark = pytest.mark.engine

PROGRAM = """
import os, pathlib, signal, time

def model_fn(model_dir):
    wait(pathlib.Path(model_dir, "load"))
    return pathlib.Path(model_dir)

def wait(path):
    while not path.exists():
        time.sleep(0.02)

def predict_fn(data, model):
    if isinstance(data, dict):
        if "wait" in data:
            print("waiting for " + data["wait"], flush=True)
            wait(model / data["wait"])
        if "raise" in data:
            raise ValueError(data["raise"])
        if "count" in data:
            return ({"n": n} for n in range(data["count"]))
        if "die" in data:
            os.kill(os.getpid(), signal.SIGKILL)
    return data
"""


def npy(value: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(value), allow_pickle=True)
    return stream.getvalue()


@pytest.fixture(scope="module", params=["asgi", "mms"])
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def host(
    engine: docker.DockerClient, project: Project, server: str, tmp_path_factory: pytest.TempPathFactory
) -> Host:
    model = tmp_path_factory.mktemp(server)
    model.chmod(0o755)
    write(model / "code" / "inference.py", PROGRAM)
    (model / "load").touch()
    return Host(engine, image(project("basic", server)), model)


@pytest.fixture(scope="module")
def started(host: Host) -> Iterator[Started]:
    """One container for the questions that leave it as it was."""
    with host.start() as started:
        until(lambda: started.ping() == 200, 60)
        yield started


def test_both_servers_decode_and_encode_the_same(started: Started) -> None:
    assert started.predict(b"[1, 2]").body == b"[1, 2]"
    assert started.predict(b"1,2\n3,4\n", "text/csv; charset=utf-8", accept="text/csv;q=0.9, a/b").body == (
        b"1.0,2.0\n3.0,4.0\n"
    )
    assert started.predict(npy([1]), "application/x-npy", accept="application/jsonlines").body == b"1\n"
    answer = started.predict(b'{"count": 2}')
    assert (answer.headers["content-type"], answer.body) == ("application/jsonlines", b'{"n": 0}\n{"n": 1}\n')


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status"),
    [
        (b"{", "application/json", "*/*", 400),
        (b"", "application/json", "*/*", 400),
        (b"\xff", "application/json", "*/*", 400),
        (b"<a/>", "text/xml", "*/*", 415),
        (b"1", "application/json", "image/png", 406),
        (npy(np.array([Path()], dtype=object)), "application/x-npy", "*/*", 400),
    ],
)
def test_bad_requests_are_the_clients_fault(
    started: Started, body: bytes, content_type: str, accept: str, status: int
) -> None:
    answer = started.predict(body, content_type, accept=accept)
    assert answer.status == status
    assert answer.error


def test_an_exception_is_one_line_for_the_client(started: Started) -> None:
    answer = started.predict(b'{"raise": "seven\\nlives"}')
    assert (answer.status, answer.error) == (500, "ValueError: seven lives")
    until(lambda: "in predict_fn" in started.log)


def test_bodies_of_25_mb_are_taken_and_answered(started: Started) -> None:
    body = b'"' + b"x" * (25 * (1 << 20) - 2) + b'"'
    answer = started.predict(body)
    assert (answer.status, len(answer.body)) == (200, len(body))


@pytest.mark.parametrize("path", ["/models", "/execution-parameters"])
def test_there_is_no_way_to_manage_models(started: Started, path: str) -> None:
    assert started.ask("GET", path).status == 404


def test_a_slow_request_does_not_hold_up_ping(host: Host, started: Started) -> None:
    with ThreadPoolExecutor(5) as pool:
        slow = [pool.submit(started.predict, b'{"wait": "finish"}') for _ in range(5)]
        until(lambda: "waiting for finish" in started.log)
        assert [started.ping() for _ in range(10)] == [200] * 10
        (host.model / "finish").touch()
        assert [future.result().status for future in slow] == [200] * 5


def test_ping_is_true_about_loading_and_the_stop_waits_for_answers(host: Host) -> None:
    (host.model / "load").unlink()
    with (
        host.start(SAGEMAKER_MODEL_SERVER_WORKERS="1") as started,
        ThreadPoolExecutor(1) as pool,
    ):
        end = time.monotonic() + 4
        while time.monotonic() < end:
            assert started.ping() in {0, 503}
            time.sleep(0.1)
        (host.model / "load").touch()
        until(lambda: started.ping() == 200, 60)
        assert "1 worker with " in started.log
        last = pool.submit(started.predict, b'{"wait": "end"}')
        until(lambda: "waiting for end" in started.log)
        begun = time.monotonic()
        with ThreadPoolExecutor(1) as stopper:
            code = stopper.submit(started.stop)
            time.sleep(1)
            (host.model / "end").touch()
            assert last.result().status == 200
            assert code.result() == 0
        assert time.monotonic() - begun < 10


def test_a_model_that_cannot_be_loaded_ends_the_container(host: Host, tmp_path: Path) -> None:
    write(tmp_path / "code" / "inference.py", "def model_fn(d): raise RuntimeError('no weights')")
    tmp_path.chmod(0o755)
    with Host(host.engine, host.image, tmp_path).start() as started:
        begun = time.monotonic()
        assert started.wait() == 1
        assert time.monotonic() - begun < 20
        assert started.log.count("\nRuntimeError: no weights\n") == 1
        assert "error: the model could not be loaded" in started.log


def test_a_killed_worker_ends_the_container_or_is_replaced(host: Host, server: str) -> None:
    with host.start() as started:
        until(lambda: started.ping() == 200, 60)
        with contextlib.suppress(OSError):
            started.predict(b'{"die": 1}')
        if server == "asgi":
            assert started.wait() not in {0, 143}
        else:
            until(lambda: started.ping() == 200 and started.predict(b"1").status == 200, 60)


def test_a_killed_server_ends_the_container(host: Host, server: str) -> None:
    process = {"asgi": "/opt/byoc/serving --program", "mms": "com.amazonaws.ml.mms.ModelServer"}[server]
    with host.start() as started:
        until(lambda: started.ping() == 200, 60)
        rows = started.container.top(ps_args="-ww -eo pid,args")["Processes"]  # -ww: not cut at COLUMNS
        found = [int(pid) for pid, command in rows if process in command]
        assert found, rows
        os.kill(min(found), signal.SIGKILL)
        assert started.wait() != 0


def test_multi_model_server_runs_on_python_3_13(
    engine: docker.DockerClient, project: Project, base13: str, tmp_path: Path
) -> None:
    write(
        tmp_path / "code" / "inference.py",
        "import sys\n" + PROGRAM.replace("return data\n", "return sys.version\n"),
    )
    (tmp_path / "load").touch()
    tmp_path.chmod(0o755)
    with Host(engine, image(project("basic", "mms", on=base13)), tmp_path).start() as started:
        until(lambda: started.ping() == 200, 60)
        assert started.predict(b"1").body.startswith(b'"3.13.')
