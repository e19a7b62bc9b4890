"""From the start of the process to a /ping that is true, and to the end (INF-01, 04, 05, 13, 14, 16, 20)."""

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from serving.driver import ECHO, Layout, Running, ask, until, wheel

pytestmark = pytest.mark.long

WAITS_FOR_A_FILE = """
import pathlib, time

def model_fn(model_dir):
    while not pathlib.Path(model_dir, "go").exists():
        time.sleep(0.01)
    return 1

def predict_fn(data, model):
    return data
"""

ONE_IS_SLOW = """
import os, pathlib, time

def model_fn(model_dir):
    try:
        os.mkdir(model_dir + "/first")
    except FileExistsError:
        while not pathlib.Path(model_dir, "go").exists():
            time.sleep(0.01)
    pathlib.Path(model_dir, f"loaded-{os.getpid()}").touch()
    return 1

def predict_fn(data, model):
    return os.getpid()
"""

IN_FLIGHT = """
import os, pathlib, time

def model_fn(model_dir):
    return pathlib.Path(model_dir)

def predict_fn(data, model):
    (model / "begun").touch()
    while not (model / "go").exists():
        time.sleep(0.01)
    return "finished"
"""


def workers_of(running: Running) -> list[int]:
    """Process ids of a supervisor's children."""
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def test_nobody_listens_before_the_model_is_loaded(layout: Layout) -> None:
    layout.program(WAITS_FOR_A_FILE)
    with layout.start(wait=False) as running:
        time.sleep(0.6)
        assert running.ping() == 0
        (layout.model / "go").touch()
        running.wait_until_ready()


def test_nobody_listens_before_every_worker_has_its_model(layout: Layout) -> None:
    layout.program(ONE_IS_SLOW)
    with layout.start("--workers", "2", wait=False) as running:
        until(lambda: len(list(layout.model.glob("loaded-*"))) == 1)
        time.sleep(0.3)
        assert running.ping() == 0
        (layout.model / "go").touch()
        running.wait_until_ready()
        assert len(list(layout.model.glob("loaded-*"))) == 2


def test_listens_on_all_interfaces(echo: Running) -> None:
    table = Path("/proc/net/tcp").read_text()
    assert f"00000000:{echo.port:04X} 00000000:0000 0A" in table


def test_says_once_how_long_the_start_took_and_what_it_costs(layout: Layout) -> None:
    layout.program(ECHO)
    with layout.start("--workers", "2") as running:
        assert running.predict(b"[1]").status == 200
        until(lambda: "ready" in running.stderr)
        (line,) = running.stderr.splitlines()
        assert f"ready on port {running.port} in " in line
        assert "2 workers with " in line
        assert "MB of memory each" in line


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_model_that_cannot_be_loaded_ends_the_process_with_the_users_exception(
    layout: Layout, workers: str
) -> None:
    layout.program("""
        def model_fn(model_dir):
            raise RuntimeError("no weights in " + model_dir)
    """)
    begun = time.monotonic()
    ended = layout.fail("--workers", workers)
    assert time.monotonic() - begun < 15
    assert ended.stderr.count(f"\nRuntimeError: no weights in {layout.model}\n") == 1
    assert 'inference.py", line 3, in model_fn' in ended.stderr
    assert "byoc_serving" not in ended.stderr
    assert ended.stderr.splitlines()[-3:] == [
        "error: the model could not be loaded",
        f"  why: RuntimeError: no weights in {layout.model}",
        "  fix: the traceback is above; `byoc run serve` shows the same on your machine",
    ]


def test_a_worker_that_dies_while_it_loads_ends_the_process(layout: Layout) -> None:
    layout.program("""
        import os, signal
        def model_fn(model_dir):
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert (
        "a worker ended while it loaded the model (killed by signal 9)"
        in layout.fail("--workers", "2").stderr
    )


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("def model_fn(:", "SyntaxError"),
        ("def predict_fn(data, model): ...", "has no model_fn"),
        ("def model_fn(d): return {}", "nothing says how to predict"),
        ("def model_fn(): return 1\ndef predict_fn(d, m): ...", "model_fn of"),
        ("def model_fn(d): return 1\ndef predict_fn(a, b, c, d): ...", "predict_fn of"),
        (
            "def model_fn(d): return 1\ndef transform_fn(a, b, c, d): ...\ndef input_fn(a, b): ...",
            "has transform_fn and others beside it",
        ),
    ],
)
def test_a_program_that_cannot_serve_is_explained(layout: Layout, program: str, words: str) -> None:
    layout.program(program)
    stderr = layout.fail().stderr
    assert words in stderr
    assert "  fix: " in stderr


def test_a_missing_program_is_named_with_both_places(layout: Layout) -> None:
    stderr = layout.fail("--program", "serve.py").stderr
    assert f"looked for {layout.model}/code/serve.py and {layout.code}/serve.py" in stderr


def test_a_program_that_must_come_with_the_model_is_named_with_its_place(layout: Layout) -> None:
    assert f"looked for {layout.model}/code/inference.py\n" in layout.fail(code=False).stderr


def test_a_port_that_is_taken_is_explained(layout: Layout) -> None:
    layout.program(ECHO)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        stderr = layout.fail(env={"SAGEMAKER_BIND_TO_PORT": port}).stderr
    assert f"cannot listen on port {port}" in stderr


@pytest.mark.parametrize("name", ["SAGEMAKER_MODEL_SERVER_WORKERS", "SAGEMAKER_BIND_TO_PORT"])
@pytest.mark.parametrize("value", ["0", "many"])
def test_a_variable_that_is_no_number_is_explained(layout: Layout, name: str, value: str) -> None:
    layout.program(ECHO)
    assert f"{name} is '{value}'" in layout.fail(env={name: value}).stderr


def test_code_that_came_with_the_model_wins(layout: Layout) -> None:
    layout.program("raise SystemExit(3)")
    layout.model_code(ECHO)
    with layout.start() as running:
        assert running.predict(b"[7]").body == b"[7]"


def test_the_program_that_the_sdk_names_is_found_with_the_model_only(layout: Layout) -> None:
    layout.program(ECHO)
    layout.program("raise SystemExit(3)", "train.py")
    layout.model_code("def model_fn(d): return 1\ndef predict_fn(d, m): return 'sdk'", "entry_point.py")
    with layout.start(env={"SAGEMAKER_PROGRAM": "entry_point.py"}) as running:
        assert running.predict(b"1").body == b'"sdk"'
    with layout.start(env={"SAGEMAKER_PROGRAM": "train.py"}) as running:
        assert running.predict(b"1").body == b"1"


def test_the_model_folder_is_not_written_to(layout: Layout) -> None:
    layout.model_code("import helper\n" + ECHO)
    layout.model_code("", "helper.py")
    with layout.start():
        pass
    assert sorted(path.name for path in layout.model.rglob("*")) == ["code", "helper.py", "inference.py"]


def test_an_absent_model_folder_is_no_reason_not_to_start(layout: Layout) -> None:
    layout.program(ECHO)
    layout.model.rmdir()
    with layout.start() as running:
        assert running.predict(b"[1]").status == 200


def test_the_users_modules_may_have_any_name(layout: Layout) -> None:
    names = ["app", "functions", "workers", "settings", "server", "gate", "mms", "errors", "context", "log"]
    for name in names:
        layout.program(f"HERE = {name!r}", f"{name}.py")
    lines = "\n".join(f"import {name}; assert {name}.HERE == {name!r}" for name in names)
    layout.program(lines + "\nimport pickle\nclass Model: pass\n" + ECHO)
    with layout.start() as running:
        assert running.ping() == 200


def test_pickles_find_the_programs_own_classes(layout: Layout) -> None:
    layout.program("""
        import pickle
        class Model:
            def predict(self, data):
                return type(self) is Model
        def model_fn(model_dir):
            return pickle.loads(b"cinference\\nModel\\n(tR.")
    """)
    with layout.start() as running:
        assert running.predict(b"1").body == b"true"


def test_requirements_that_came_with_the_model_are_installed_before_it_is_loaded(
    layout: Layout, tmp_path: Path
) -> None:
    layout.model_code("import byoc_wanted\n" + ECHO)
    layout.model_code(f"{wheel(tmp_path, 'byoc_wanted')}\n", "requirements.txt")
    site = tmp_path / "site"
    site.mkdir()
    env = {"PIP_TARGET": str(site), "PYTHONPATH": str(site), "PIP_NO_INDEX": "1"}
    with layout.start(env=env) as running:
        assert running.ping() == 200
    assert (site / "byoc_wanted.py").exists()


def test_requirements_that_cannot_be_installed_end_the_process(layout: Layout, tmp_path: Path) -> None:
    layout.model_code(ECHO)
    layout.model_code(f"{tmp_path}/byoc_missing-1.0-py3-none-any.whl\n", "requirements.txt")
    stderr = layout.fail(env={"PIP_NO_INDEX": "1"}).stderr
    assert f"the packages of {layout.model}/code/requirements.txt could not be installed" in stderr


def test_requirements_without_a_package_are_noted(layout: Layout) -> None:
    layout.model_code(ECHO)
    layout.model_code("# nothing\n\n", "requirements.txt")
    with layout.start() as running:
        assert "nothing to install" in running.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_lets_a_request_finish_and_ends_with_0(layout: Layout, workers: str) -> None:
    layout.program(IN_FLIGHT)
    with layout.start("--workers", workers) as running, contextlib.closing(running.connect()) as connection:
        connection.request("POST", "/invocations", b"1", {"content-type": "application/json"})
        until((layout.model / "begun").exists)
        running.process.send_signal(signal.SIGTERM)
        until(lambda: running.ping() == 0)
        (layout.model / "go").touch()
        assert connection.getresponse().read() == b'"finished"'
        assert running.process.wait(3) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_idle_connections_do_not_delay_the_stop(layout: Layout, workers: str) -> None:
    layout.program(ECHO)
    with layout.start("--workers", workers) as running, contextlib.ExitStack() as stack:
        for _ in range(4):
            connection = stack.enter_context(contextlib.closing(running.connect()))
            assert ask(connection, "GET", "/ping").status == 200
        silent = stack.enter_context(socket.create_connection(("127.0.0.1", running.port)))
        assert silent.fileno() > 0
        begun = time.monotonic()
        assert running.terminate() == 0
        assert time.monotonic() - begun < 4


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_while_loading_ends_at_once(layout: Layout, workers: str) -> None:
    layout.program("print('begun', flush=True)\n" + WAITS_FOR_A_FILE)
    with layout.start("--workers", workers, wait=False) as running:
        until(lambda: "begun" in running.stdout)
        begun = time.monotonic()
        assert running.terminate() == 0
        assert time.monotonic() - begun < 4


def test_a_worker_that_dies_takes_the_server_with_it(layout: Layout) -> None:
    layout.program(ECHO)
    with layout.start("--workers", "2") as running:
        workers = workers_of(running)
        os.kill(workers[0], signal.SIGKILL)
        assert running.process.wait(5) == 128 + signal.SIGKILL
        until(lambda: not any(map(alive, workers)))
        assert f"worker {workers[0]} ended (killed by signal 9)" in running.stderr


def test_workers_end_when_their_supervisor_is_killed(layout: Layout) -> None:
    layout.program(ECHO)
    with layout.start("--workers", "2") as running:
        workers = workers_of(running)
        running.process.kill()
        until(lambda: not any(map(alive, workers)), 5)


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    "fatal", ["raise SystemExit(4)", "raise RuntimeError('CUDA error: device-side assert triggered')"]
)
def test_an_error_that_the_process_cannot_survive_ends_it(layout: Layout, workers: str, fatal: str) -> None:
    layout.program(f"def model_fn(d): return 1\ndef predict_fn(d, m): {fatal}")
    with layout.start("--workers", workers) as running:
        assert running.predict(b"1").status == 500
        assert running.process.wait(5) == 1


def test_out_of_memory_on_a_gpu_is_not_fatal(layout: Layout) -> None:
    layout.program("""
        def model_fn(d): return 1
        def predict_fn(d, m): raise RuntimeError("CUDA error: out of memory")
    """)
    with layout.start() as running:
        assert running.predict(b"1").status == 500
        assert running.predict(b"1").status == 500
        assert running.ping() == 200


def test_the_number_of_workers_can_be_set_by_variable(layout: Layout) -> None:
    layout.program(ECHO)
    with layout.start("--workers", "1", env={"SAGEMAKER_MODEL_SERVER_WORKERS": "3"}) as running:
        assert len(workers_of(running)) == 3


def test_a_server_for_serverless_has_one_worker_unless_told(layout: Layout) -> None:
    layout.program(ECHO)
    with layout.start("--targets", "hosting,serverless", workers=None) as running:
        assert "1 worker with " in running.stderr
    with layout.start("--targets", "serverless", "--workers", "2") as running:
        assert len(workers_of(running)) == 2


def test_serves_with_what_is_there_when_the_fast_libraries_are_missing(
    layout: Layout, tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    for name in ("uvloop", "httptools", "numpy"):
        (blocked / f"{name}.py").write_text("raise ImportError('not here')")
    layout.program("def model_fn(d): return 1\ndef predict_fn(d, m): return [type(d).__name__, d]")
    with layout.start(env={"PYTHONPATH": str(blocked)}) as running:
        assert running.predict(b"1,2\n3,", "text/csv", accept="application/json").body == (
            b'["list", [[1.0, 2.0], [3.0, NaN]]]'
        )
        assert running.predict(b"[[1, 2]]").body == b'["list", [[1, 2]]]'
        refused = running.predict(b"x", "application/x-npy")
        assert (refused.status, refused.error[:22]) == (415, "numpy is not installed")
        assert running.terminate() == 0


def test_uvicorn_missing_is_explained(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "uvicorn.py").write_text("raise ImportError('not here')")
    layout.program(ECHO)
    assert "uvicorn cannot be imported" in layout.fail(env={"PYTHONPATH": str(tmp_path)}).stderr
