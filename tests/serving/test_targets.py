"""What hosting does not ask for, in containers as SageMaker starts them (BAT, PIP, SLS, MME, INF-31)."""

import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from rig.projects import Byoc, Project, edit, image
from serving.driver import Answer, Client, first_word, until, write
from serving.hosts import Host, Started

pytestmark = pytest.mark.engine

JSON = {"content-type": "application/json"}
FIRST, SECOND = "1a" * 32, "2b" * 32

PROGRAM = """
import pathlib

def model_fn(model_dir):
    return pathlib.Path(model_dir).parent.name

def predict_fn(data, model):
    return [data["number"] + 1] if isinstance(data, dict) else data
"""

SERVED = """
import pathlib, time

def model_fn(model_dir):
    return model_dir

def predict_fn(data, model):
    return [float(n) + 1 for row in data for n in row]

def output_fn(prediction, accept):
    return "".join(f"{n}\\n" for n in prediction), "text/csv"
"""

GREEDY = """
def model_fn(model_dir):
    kept = []
    while True:
        kept.append(bytearray(b"x" * (16 << 20)))
"""

LISTENING = """
import pathlib
for table in ("tcp", "tcp6"):
    for line in pathlib.Path("/proc/net", table).read_text().splitlines()[1:]:
        words = line.split()
        if words[3] == "0A":
            print(int(words[1].rpartition(":")[2], 16))
"""


def listening(container: Container) -> set[int]:
    """The ports that somebody in the container listens on, loopback too."""
    code, output = container.exec_run(["python3", "-c", LISTENING])
    assert code == 0, output
    assert isinstance(output, bytes)
    return {int(word) for word in output.split()}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = tmp_path_factory.mktemp("served")
    model.chmod(0o755)
    write(model / "code" / "inference.py", SERVED)
    return model


@pytest.fixture(scope="module", params=["asgi", "mms"])
def host(request: pytest.FixtureRequest, engine: docker.DockerClient, project: Project, served: Path) -> Host:
    return Host(engine, image(project("basic", request.param)), served)


@pytest.fixture(scope="module")
def asgi(engine: docker.DockerClient, project: Project, served: Path) -> Host:
    return Host(engine, image(project("basic", "asgi")), served)


# --- pipelines and components of one instance ------------------------------------


def test_two_containers_of_a_pipeline_share_a_network(host: Host) -> None:
    first = {"SAGEMAKER_BIND_TO_PORT": "8123", "SAGEMAKER_SAFE_PORT_RANGE": "25000-25019"}
    second = {"SAGEMAKER_BIND_TO_PORT": "8124", "SAGEMAKER_SAFE_PORT_RANGE": "25020-25039"}
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(host.start({"nano_cpus": 10**9, "mem_limit": "1g"}, **first))
        share = {"network_mode": f"container:{one.container.id}", "nano_cpus": 10**9, "mem_limit": "1g"}
        two = stack.enter_context(host.start(share, **second))
        two.host = one.host
        until(lambda: one.ping() == two.ping() == 200, 60)
        assert listening(one.container) <= {8123, 8124, *range(25000, 25040)}
        assert Client(one.host, 8080).ping() == 0
        answer = one.predict(b"1,2\n3,4\n", "text/csv")
        assert answer.body == b"2.0\n3.0\n4.0\n5.0\n"
        last = two.predict(answer.body, answer.headers["content-type"])
        assert last.body == b"3.0\n4.0\n5.0\n6.0\n"
        assert "1 worker with " in one.log


# --- batch transform --------------------------------------------------------------


def test_a_batch_job_asks_for_parameters_and_sends_chunks(asgi: Host) -> None:
    with asgi.start({"nano_cpus": 10**9}, SAGEMAKER_BATCH="true") as started:
        until(lambda: started.ping() == 200, 60)
        told = json.loads(started.ask("GET", "/execution-parameters").body)
        assert told == {"MaxConcurrentTransforms": 2, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}
        lines = [b"%d\n" % n for n in range(1000)]
        assert len(started.predict(iter(lines), "text/csv").body.splitlines()) == 1000


# --- serverless --------------------------------------------------------------------


def test_a_serverless_container_writes_to_tmp_only_and_has_one_worker(asgi: Host) -> None:
    options = {
        "read_only": True,
        "user": "65534:65534",
        "tmpfs": {"/tmp": ""},
        "mem_limit": "1g",
        "memswap_limit": "1g",
        "nano_cpus": 10**9,
    }
    begun = time.monotonic()
    with asgi.start(options) as started:
        until(lambda: started.ping() == 200, 60)
        assert time.monotonic() - begun < 20
        assert "1 worker with " in started.log
        numbers = b"1.5,2.5\n" * ((4 << 20) // 8)
        assert started.predict(numbers, "text/csv").status == 200


# --- several models ----------------------------------------------------------------


def load(started: Started, name: str) -> Answer:
    order = {"model_name": name, "url": f"/opt/ml/models/{name}/model"}
    return started.ask("POST", "/models", json.dumps(order).encode(), JSON)


@pytest.fixture(scope="module")
def models(asgi: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    place = tmp_path_factory.mktemp("models")
    place.chmod(0o755)
    for name, program in ((FIRST, PROGRAM), (SECOND, PROGRAM), ("greedy", GREEDY)):
        write(place / name / "model" / "code" / "inference.py", program)
    host = Host(asgi.engine, asgi.image, place, "/opt/ml/models")
    options = {"mem_limit": "300m", "memswap_limit": "300m"}
    with host.start(options, SAGEMAKER_MULTI_MODEL="true") as started:
        until(lambda: started.ping() == 200, 60)
        yield started


def test_models_are_managed_and_asked_on_one_port(models: Started) -> None:
    assert json.loads(models.ask("GET", "/models").body) == {"models": []}
    for name in (FIRST, SECOND):
        answer = load(models, name)
        assert answer.status == 200, answer.body
    for name in (FIRST, SECOND):
        assert models.ask("POST", f"/models/{name}/invoke", b'{"number": 1}', JSON).body == b"[2]"
    assert listening(models.container) == {8080}
    for name in (FIRST, SECOND):
        assert models.ask("DELETE", f"/models/{name}").status == 200


def test_a_model_that_is_too_large_is_refused_and_the_others_live_on(models: Started) -> None:
    assert load(models, FIRST).status == 200
    refused = load(models, "greedy")
    assert refused.status == 507, refused.body
    assert "out of memory" in refused.error
    assert models.ask("POST", f"/models/{FIRST}/invoke", b'{"number": 1}', JSON).body == b"[2]"
    assert models.ask("GET", "/models/greedy").status == 404
    assert "the process of model" not in models.log
    assert models.stop() == 0


# --- asynchronous --------------------------------------------------------------------

COUNTS = """
def model_fn(model_dir):
    return 0

def input_stream_fn(stream, content_type):
    return sum(map(len, iter(lambda: stream.read(1 << 20), b"")))

def predict_fn(data, model):
    return data
"""


def test_a_gigabyte_goes_into_300_megabytes(asgi: Host, tmp_path: Path) -> None:
    write(tmp_path / "code" / "inference.py", COUNTS)
    tmp_path.chmod(0o755)
    host = Host(asgi.engine, asgi.image, tmp_path)
    options = {"mem_limit": "300m", "memswap_limit": "300m"}
    with host.start(
        options, SAGEMAKER_MAX_PAYLOAD_IN_MB="1024", SAGEMAKER_MODEL_SERVER_WORKERS="1"
    ) as started:
        until(lambda: started.ping() == 200, 60)
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(
                started.predict, (bytes(1 << 20) for _ in range(1000)), "application/octet-stream"
            )
            while not asked.done():
                assert started.ping() == 200
                time.sleep(0.2)
            assert asked.result().body == b"1048576000"


def test_multi_model_server_cannot_take_bodies_as_files(
    engine: docker.DockerClient, project: Project, tmp_path: Path
) -> None:
    write(tmp_path / "code" / "inference.py", COUNTS)
    tmp_path.chmod(0o755)
    with Host(engine, image(project("basic", "mms")), tmp_path).start() as started:
        assert started.wait() == 1
        assert "has input_stream_fn, but no input_fn" in started.log


# --- an image made for it ------------------------------------------------------------


def test_an_image_for_several_models_says_so_and_starts_without_one(
    engine: docker.DockerClient, project: Project, byoc: Byoc, tmp_path: Path
) -> None:
    made = project("basic", "asgi")
    name = image(made) + "-models"
    targets = ["training", "multi-model", "batch", "async", "serverless"]
    edit(made / "byoc.toml", {"image": {"targets": targets, "name": name.partition(":")[0]}})
    byoc("build", cwd=made)
    try:
        built = engine.images.get(image(made))
        labels = built.labels
        assert labels["com.amazonaws.sagemaker.capabilities.multi-models"] == "true"
        assert labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"
        tmp_path.chmod(0o755)
        host = Host(engine, image(made), tmp_path)
        with host.start(SAGEMAKER_MULTI_MODEL="true", SAGEMAKER_BIND_TO_PORT="8123") as started:
            until(lambda: started.ping() == 200, 60)
            assert json.loads(started.ask("GET", "/models").body) == {"models": []}
            assert listening(started.container) == {8123}
        write(tmp_path / "code" / "inference.py", COUNTS)
        with host.start() as started:
            until(lambda: started.ping() == 200, 60)
            assert "1 worker with " in started.log
            assert started.ask("GET", "/execution-parameters").status == 200
            assert first_word(started, 10**9) == 100
    finally:
        engine.images.remove(image(made), force=True)
