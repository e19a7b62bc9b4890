"""A multi-model endpoint: models come and go, each in a process of its own (MME-01 to MME-08)."""

import contextlib
import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from serving.driver import SERVING, Answer, Layout, Running, until, wheel, write

pytestmark = pytest.mark.long

HASH = "8f" * 32

PROGRAM = """
import os, pathlib, pickle, signal, time

class Model:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

def model_fn(model_dir):
    folder = pathlib.Path(model_dir)
    (folder / "loading").touch()
    while (folder / "wait").exists():
        time.sleep(0.01)
    return pickle.loads(pickle.dumps(Model(model_dir)))

def wait(path):
    while not path.exists():
        time.sleep(0.01)

def endless(closed):
    try:
        while True:
            yield "x" * 1000
    finally:
        closed.touch()

def predict_fn(data, model, context):
    if data == "who":
        return [model.folder.parent.name, context.model_name, os.getpid(), type(model).__module__]
    if data == "headers":
        return dict(context.request_headers)
    if data == "wait":
        (model.folder / "begun").touch()
        wait(model.folder / "go")
    if data == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if data == "exit":
        raise SystemExit(3)
    if data == "memory":
        raise MemoryError("not enough")
    if data == "gpu":
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
    if data == "stream":
        return (str(n) for n in range(3))
    if data == "endless":
        return endless(model.folder / "closed")
    if data == "break":
        return (str(1 // (2 - n)) for n in range(3))
    return data
"""


@dataclass
class Endpoint:
    """A server without a model, and the place where the platform puts them."""

    running: Running
    place: Path

    def put(self, name: str, program: str = PROGRAM) -> Path:
        folder = self.place / name / "model"
        write(folder / "code" / "inference.py", program)
        return folder

    def load(self, name: str, url: object = None) -> Answer:
        order = {"model_name": name, "url": str(self.place / name / "model") if url is None else url}
        headers = {"content-type": "application/json"}
        return self.running.ask("POST", "/models", json.dumps(order).encode(), headers)

    def loaded(self, name: str, program: str = PROGRAM) -> Path:
        folder = self.put(name, program)
        answer = self.load(name)
        assert answer.status == 200, answer.body
        return folder

    def unload(self, name: str) -> Answer:
        return self.running.ask("DELETE", f"/models/{name}")

    def ask(self, name: str, word: str = "who", **headers: str) -> Answer:
        given = {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return self.running.ask("POST", f"/models/{name}/invoke", json.dumps(word).encode(), given)

    def who(self, name: str) -> tuple[str, str, int, str]:
        answer = self.ask(name)
        assert answer.status == 200, answer.body
        folder, said, pid, module = json.loads(answer.body)
        return folder, said, pid, module

    def names(self) -> list[str]:
        return [model["modelName"] for model in json.loads(self.running.ask("GET", "/models").body)["models"]]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    layout = Layout(tmp_path_factory.mktemp("endpoint"))
    with layout.start("--targets", "multi-model", code=False) as running:
        yield Endpoint(running, layout.folder / "models")


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_without_a_model_the_server_is_healthy_and_the_list_is_empty(layout: Layout) -> None:
    with layout.start(env={"SAGEMAKER_MULTI_MODEL": "true"}) as running:
        answer = running.ask("GET", "/models")
        assert (answer.status, json.loads(answer.body)) == (200, {"models": []})
        assert running.ask("POST", "/models/none/invoke", b"1").status == 404
        assert running.ask("GET", "/models/none").status == 404
        assert running.ask("DELETE", "/models/none").status == 404
        assert running.ask("POST", "/invocations", b"1").status == 404
        assert running.ask("PUT", "/models").headers["allow"] == "GET, POST"
        assert running.terminate() == 0


def test_an_image_for_hosting_too_serves_one_model_unless_told(layout: Layout) -> None:
    layout.program(PROGRAM)
    with layout.start("--targets", "hosting,multi-model") as running:
        assert running.ask("GET", "/models").status == 404
        assert running.predict(b"1").body == b"1"


def test_a_model_is_loaded_shown_asked_and_unloaded(endpoint: Endpoint) -> None:
    folder = endpoint.put(HASH)
    told = {"modelName": HASH, "modelUrl": str(folder)}
    answer = endpoint.load(HASH)
    assert (answer.status, json.loads(answer.body)) == (200, told)
    again = endpoint.load(HASH)
    assert (again.status, again.error) == (409, f"the model {HASH} is loaded already")
    assert json.loads(endpoint.running.ask("GET", f"/models/{HASH}").body) == told
    assert told in json.loads(endpoint.running.ask("GET", "/models").body)["models"]
    assert endpoint.who(HASH)[1] == HASH
    pid = endpoint.who(HASH)[2]
    assert endpoint.unload(HASH).status == 200
    assert gone(pid)
    assert endpoint.ask(HASH).status == 404
    assert endpoint.unload(HASH).status == 404
    assert f"model {HASH} loaded in " in endpoint.running.stderr


def test_models_have_their_own_code_modules_and_process(endpoint: Endpoint) -> None:
    endpoint.loaded("one")
    endpoint.loaded(
        "two", PROGRAM.replace("return [model", "return ['two', context.model_name, 2, ''] or [model")
    )
    folder, said, pid, module = endpoint.who("one")
    assert (folder, said, module) == ("one", "one", "inference")
    assert endpoint.who("two") == ("two", "two", 2, "")
    assert pid not in {os.getpid(), endpoint.running.process.pid}


def test_a_model_brings_its_own_packages(endpoint: Endpoint, tmp_path: Path) -> None:
    folder = endpoint.put("packed", "import byoc_packed, numpy\n" + PROGRAM)
    write(folder / "code" / "requirements.txt", f"{wheel(tmp_path, 'byoc_packed')}\nnumpy\n")
    answer = endpoint.load("packed")
    assert answer.status == 200, answer.body
    assert endpoint.who("packed")[0] == "packed"
    endpoint.put("plain", "import byoc_packed\n" + PROGRAM)
    assert endpoint.load("plain").error.endswith("No module named 'byoc_packed'")


def test_packages_that_cannot_be_had_are_told(endpoint: Endpoint) -> None:
    folder = endpoint.put("wants")
    write(folder / "code" / "requirements.txt", "/no/such/thing-1.0-py3-none-any.whl\n")
    answer = endpoint.load("wants")
    assert answer.status == 500
    assert "code/requirements.txt could not be installed: pip ended with code 1" in answer.error


def test_a_long_list_comes_in_pages(endpoint: Endpoint) -> None:
    for name in ("page-1", "page-2", "page-3"):
        endpoint.loaded(name)
    everything, token, names = endpoint.names(), "", []
    while True:
        answer = endpoint.running.ask("GET", f"/models?limit=2&next_page_token={quote(token)}")
        page = json.loads(answer.body)
        assert len(page["models"]) <= 2
        names += [model["modelName"] for model in page["models"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert names == everything
    assert endpoint.running.ask("GET", "/models?limit=0").status == 400


def test_what_the_client_says_reaches_the_model_and_back(endpoint: Endpoint) -> None:
    endpoint.loaded("headers")
    headers = {
        "X-Amzn-SageMaker-Target-Model": "a/b.tar.gz",
        "X-Amzn-SageMaker-Custom-Attributes": "k=v",
        "accept": "application/jsonlines",
    }
    answer = endpoint.ask("headers", "headers", **headers)
    assert answer.headers["content-type"] == "application/jsonlines"
    plain = json.loads(endpoint.ask("headers", "headers", **(headers | {"accept": "*/*"})).body)
    assert plain["x-amzn-sagemaker-target-model"] == "a/b.tar.gz"
    assert plain["x-amzn-sagemaker-custom-attributes"] == "k=v"


@pytest.mark.parametrize("name", ["a b%41", "a/b.tar.gz", "ü", "--name", "x" * 1500])
def test_a_name_is_only_a_name(endpoint: Endpoint, name: str) -> None:
    folder = endpoint.put("named")
    assert endpoint.load(name, str(folder)).status == 200
    encoded = quote(name, safe="")
    assert json.loads(endpoint.ask(encoded).body)[1] == name
    assert endpoint.unload(encoded).status == 200


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (b"{", "the body is not JSON"),
        (b"", "the body is not JSON"),
        (b"[]", "the body needs model_name"),
        (b'{"model_name": "a"}', "the body needs model_name"),
        (b'{"model_name": "a\\u0000", "url": "/x"}', "the body needs model_name"),
        (b'{"model_name": "a\\ud800", "url": "/x"}', "the body needs model_name"),
        (b'{"model_name": 1, "url": "/x"}', "the body needs model_name"),
        (b'{"model_name": "a", "url": "x"}', "the body needs model_name"),
        (b'{"model_name": "a", "url": "/no/such/folder"}', "there is no folder /no/such/folder"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(endpoint: Endpoint, order: bytes, words: str) -> None:
    answer = endpoint.running.ask("POST", "/models", order)
    assert answer.status == 400
    assert answer.error.startswith(words)
    assert "a" not in endpoint.names()


def test_an_endless_order_is_refused(endpoint: Endpoint) -> None:
    assert endpoint.running.ask("POST", "/models", iter([b" " * 40_000] * 3)).status == 413


@pytest.mark.parametrize(
    ("program", "status", "words"),
    [
        (
            "def model_fn(d): raise RuntimeError('no weights')",
            500,
            "the model could not be loaded: RuntimeError",
        ),
        ("import nothing_like_it", 500, "code/inference.py could not be imported: ModuleNotFoundError"),
        ("x = 1", 500, "has no model_fn"),
        ("def model_fn(d): raise MemoryError", 507, "the model could not be loaded: MemoryError"),
        ("def model_fn(d): raise RuntimeError('CUDA out of memory.')", 507, "the model could not be loaded"),
        ("import os\ndef model_fn(d): os.kill(os.getpid(), 9)", 507, "was killed while it loaded"),
        (
            "import os\ndef model_fn(d): os._exit(7)",
            500,
            "the model's process ended (code 7) while it loaded",
        ),
    ],
)
def test_a_model_that_cannot_be_loaded_is_refused_and_leaves_nothing(
    endpoint: Endpoint, program: str, status: int, words: str
) -> None:
    endpoint.put("broken", program)
    for _ in range(2):
        answer = endpoint.load("broken")
        assert answer.status == status
        assert words in answer.error
    assert "broken" not in endpoint.names()
    assert endpoint.running.ping() == 200


def test_a_model_without_a_program_is_told_where_it_belongs(endpoint: Endpoint) -> None:
    (endpoint.place / "bare" / "model").mkdir(parents=True)
    answer = endpoint.load("bare")
    assert answer.status == 500
    assert answer.error.startswith("the serving program inference.py is nowhere")


def test_a_link_out_of_a_model_is_refused(endpoint: Endpoint) -> None:
    folder = endpoint.put("links")
    (folder / "inside").symlink_to("code/inference.py")
    assert endpoint.load("links").status == 200
    assert endpoint.unload("links").status == 200
    (folder / "outside").symlink_to("/etc")
    answer = endpoint.load("links")
    assert (answer.status, answer.error) == (400, "outside in the model is a link that leads out of it")


def test_a_slow_load_does_not_hold_up_other_models(endpoint: Endpoint) -> None:
    endpoint.loaded("quick")
    folder = endpoint.put("slow")
    (folder / "wait").touch()
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(endpoint.load, "slow")
        until((folder / "loading").exists)
        assert endpoint.running.ping() == 200
        assert endpoint.who("quick")[0] == "quick"
        assert endpoint.ask("slow").status == 404
        assert endpoint.load("slow").status == 409
        assert "slow" not in endpoint.names()
        (folder / "wait").unlink()
        assert loading.result().status == 200
    assert endpoint.who("slow")[0] == "slow"


def test_a_model_can_be_unloaded_while_it_loads(endpoint: Endpoint) -> None:
    folder = endpoint.put("never")
    (folder / "wait").touch()
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(endpoint.load, "never")
        until((folder / "loading").exists)
        assert endpoint.unload("never").status == 200
        answer = loading.result()
        assert (answer.status, answer.error) == (503, "the model was unloaded while it loaded")


def test_a_request_in_flight_outlives_the_unloading_of_its_model(endpoint: Endpoint) -> None:
    folder = endpoint.loaded("busy")
    with ThreadPoolExecutor(2) as pool:
        asked = pool.submit(endpoint.ask, "busy", "wait")
        until((folder / "begun").exists)
        unloading = pool.submit(endpoint.unload, "busy")
        until(lambda: "busy" not in endpoint.names())
        assert endpoint.ask("busy").status == 404
        time.sleep(0.2)
        assert not unloading.done()
        (folder / "go").touch()
        assert (asked.result().status, asked.result().body) == (200, b'"wait"')
        assert unloading.result().status == 200


@pytest.mark.parametrize(("word", "status"), [("memory", 507), ("gpu", 507), ("kill", 507), ("exit", 500)])
def test_a_prediction_that_fails_says_whether_it_was_memory(
    endpoint: Endpoint, word: str, status: int
) -> None:
    endpoint.loaded(f"fails-{word}")
    assert endpoint.ask(f"fails-{word}", word).status == status
    assert endpoint.who(f"fails-{word}")[0] == f"fails-{word}"


def test_a_model_whose_process_died_is_started_again_by_its_next_requests(endpoint: Endpoint) -> None:
    endpoint.loaded("mortal")
    endpoint.loaded("bystander")
    other, pid = endpoint.who("bystander")[2], endpoint.who("mortal")[2]
    os.kill(pid, signal.SIGKILL)
    until(lambda: "the process of model mortal ended" in endpoint.running.stderr)
    with ThreadPoolExecutor(4) as pool:
        pids = {who[2] for who in pool.map(endpoint.who, ["mortal"] * 4)}
    assert len(pids) == 1
    assert pid not in pids
    assert endpoint.who("bystander")[2] == other


def test_a_model_that_cannot_be_started_again_is_not_loaded_any_more(endpoint: Endpoint) -> None:
    folder = endpoint.loaded("once")
    pid = endpoint.who("once")[2]
    (folder / "code" / "inference.py").write_text("raise ImportError('gone')")
    os.kill(pid, signal.SIGKILL)
    until(lambda: gone(pid))
    assert endpoint.ask("once").status == 500
    assert endpoint.ask("once").status == 404
    assert "once" not in endpoint.names()


def test_answers_come_piece_by_piece(endpoint: Endpoint) -> None:
    endpoint.loaded("pieces")
    answer = endpoint.ask("pieces", "stream")
    assert (answer.headers["transfer-encoding"], answer.body) == ("chunked", b"012")
    with pytest.raises(http.client.IncompleteRead):
        endpoint.ask("pieces", "break")
    assert endpoint.who("pieces")[0] == "pieces"


def leave(
    endpoint: Endpoint, name: str, body: bytes, length: int, when: Callable[[socket.socket], object]
) -> None:
    """Ask, and go after *when*."""
    head = f"POST /models/{name}/invoke HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n"
    with socket.create_connection((endpoint.running.host, endpoint.running.port), timeout=10) as sock:
        sock.sendall(head.encode() + b"content-type: application/json\r\n\r\n" + body)
        when(sock)


def test_a_client_that_leaves_holds_nothing_up(endpoint: Endpoint) -> None:
    folder = endpoint.loaded("left")
    leave(endpoint, "left", b'"half of', 1000, lambda _: None)
    leave(endpoint, "left", b'"endless"', 9, lambda sock: [sock.recv(4096) for _ in range(10)])
    until((folder / "closed").exists)
    assert endpoint.who("left")[0] == "left"
    leave(endpoint, "left", b'"wait"', 6, lambda _: until((folder / "begun").exists))
    begun = time.monotonic()
    assert endpoint.unload("left").status == 200
    assert time.monotonic() - begun < 5


def test_more_requests_than_a_model_can_hold_are_told_to_come_back(endpoint: Endpoint) -> None:
    folder = endpoint.loaded("full")
    with ThreadPoolExecutor(130) as pool:
        first = pool.submit(endpoint.ask, "full", "wait")
        until((folder / "begun").exists)
        others = [pool.submit(endpoint.ask, "full", "next") for _ in range(120)]
        until(lambda: sum(other.done() for other in others) >= 21)
        (folder / "go").touch()
        assert first.result().status == 200
        statuses = sorted(other.result().status for other in others)
    assert statuses == [200] * 99 + [503] * 21


def test_a_large_body_goes_both_ways(endpoint: Endpoint) -> None:
    endpoint.loaded("large")
    word = "x" * (30 << 20)
    answer = endpoint.ask("large", word)
    assert (answer.status, len(answer.body)) == (200, len(word) + 2)


def test_memory_comes_back(endpoint: Endpoint) -> None:
    program = "def model_fn(d): return bytearray(60 << 20)\ndef predict_fn(d, m): return len(m)"
    endpoint.put("heavy", program)
    endpoint.put("heavy-too", program)
    before = family_memory(endpoint)
    for _ in range(20):
        assert endpoint.load("heavy").status == 200
        assert endpoint.unload("heavy").status == 200
    assert family_memory(endpoint) - before < 5 << 20
    assert endpoint.load("heavy-too").status == 200
    assert family_memory(endpoint) - before > 60 << 20
    assert endpoint.unload("heavy-too").status == 200


def family_memory(endpoint: Endpoint) -> int:
    """Resident bytes of the server and what it started."""
    total, pids = 0, [endpoint.running.process.pid]
    while pids:
        pid = pids.pop()
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            pids += [int(child) for child in children]
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total


def processes_of(running: Running) -> list[int]:
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def test_sigterm_lets_requests_finish_and_ends_all_processes(layout: Layout) -> None:
    with layout.start("--targets", "multi-model") as running, ThreadPoolExecutor(2) as pool:
        endpoint = Endpoint(running, layout.folder / "models")
        folder, slow = endpoint.loaded("one"), endpoint.put("slow")
        (slow / "wait").touch()
        asked = pool.submit(endpoint.ask, "one", "wait")
        loading = pool.submit(endpoint.load, "slow")
        until((folder / "begun").exists)
        until((slow / "loading").exists)
        children = processes_of(running)
        assert len(children) == 2
        running.process.send_signal(signal.SIGTERM)
        assert loading.result().status == 503
        (folder / "go").touch()
        assert asked.result().body == b'"wait"'
        assert running.process.wait(5) == 0
        assert all(map(gone, children))


def test_models_end_when_the_server_is_killed(layout: Layout) -> None:
    with layout.start("--targets", "multi-model") as running:
        endpoint = Endpoint(running, layout.folder / "models")
        endpoint.loaded("one")
        children = processes_of(running)
        assert len(children) == 1
        running.process.kill()
        until(lambda: all(map(gone, children)), 5)


def test_a_temporary_folder_that_is_too_deep_for_sockets_is_explained(layout: Layout) -> None:
    deep = layout.folder / ("deep" * 20)
    deep.mkdir()
    ended = layout.fail("--targets", "multi-model", env={"TMPDIR": str(deep)})
    assert "has too long a name" in ended.stderr
    assert "set TMPDIR" in ended.stderr
    assert list(deep.iterdir()) == []


def test_a_machine_without_room_for_a_process_says_507(layout: Layout) -> None:
    starter = layout.folder / "limited.py"
    starter.write_text(f"""
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
os.execv(sys.executable, [sys.executable, {str(SERVING)!r}, *sys.argv[1:]])
""")
    with layout.start("--targets", "multi-model", starter=starter) as running:
        endpoint = Endpoint(running, layout.folder / "models")
        for number in range(30):
            endpoint.put(f"model-{number}")
            answer = endpoint.load(f"model-{number}")
            if answer.status != 200:
                break
        assert (answer.status, answer.error[:36]) == (507, "one more process cannot be started: ")
        for name in endpoint.names():
            assert endpoint.who(name)[1] == name
            assert endpoint.unload(name).status == 200
        assert endpoint.load("model-0").status == 200
