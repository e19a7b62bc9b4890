"""The gate in front of multi-model-server opens and closes with the workers (INF-05, 13, 20; STK-08).

A stand-in takes the place of the Java server here; ``test_mms_image.py`` runs the real one.
"""

import contextlib
import http.client
import itertools
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from serving.driver import ECHO, SERVING, Layout, Running, ask, until

MMS = SERVING / "mms.py"

TOOLKIT = """
class Environment:
    model_server_timeout = 60
    model_server_timeout_seconds = None
    vmargs = ""
"""


@dataclass
class Stage:
    """A stand-in for multi-model-server, and what happens to it next."""

    layout: Layout
    env: dict[str, str]
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @contextlib.contextmanager
    def start(self, *arguments: str, **env: str) -> Iterator[Running]:
        with self.layout.start(*arguments, starter=MMS, env=self.env | env, wait=False) as running:
            yield running

    def happens(self, *states: str) -> None:
        for state in states:
            half = self.layout.model / "half-written"
            half.write_text(state)
            half.rename(self.layout.model / str(next(self.numbers)))


@pytest.fixture
def stage(layout: Layout) -> Stage:
    library = layout.folder / "library"
    (library / "mms").mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("stand_in.py"), library / "mms" / "model_server.py")
    (library / "sagemaker_inference").mkdir()
    (library / "sagemaker_inference" / "environment.py").write_text(TOOLKIT)
    java = layout.folder / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.touch()
    layout.program(ECHO)
    return Stage(layout, {"PYTHONPATH": str(library), "JAVA_HOME": str(java.parents[1])})


def test_the_gate_answers_503_until_every_worker_has_loaded(stage: Stage) -> None:
    with stage.start("--workers", "2") as running:
        until(lambda: running.ping() == 503)
        refused = running.predict(b"1")
        assert (refused.status, refused.error) == (503, "the model is not ready")
        stage.happens("loading", "loaded")
        time.sleep(0.3)
        assert running.ping() == 503
        stage.happens("loaded")
        until(lambda: running.ping() == 200)
        assert running.ask("GET", "/ping").body == b"stand-in"
        assert f"ready on port {running.port} in " in running.stderr


def test_a_worker_that_died_closes_the_gate_until_there_is_another(stage: Stage) -> None:
    with stage.start() as running:
        stage.happens("loading", "loaded")
        until(lambda: running.ping() == 200)
        with contextlib.closing(running.connect()) as connection:
            assert ask(connection, "GET", "/ping").status == 200
            stage.happens("die")
            until(lambda: running.ping() == 503)
            time.sleep(1.5)  # an answer counts as unfinished for half a second
            with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
                ask(connection, "GET", "/ping")
        stage.happens("loading", "loaded")
        until(lambda: running.ping() == 200)


def test_a_request_that_is_being_answered_is_not_cut_off(stage: Stage) -> None:
    with stage.start() as running, contextlib.closing(running.connect()) as connection:
        stage.happens("loading", "loaded")
        until(lambda: running.ping() == 200)
        connection.request("POST", "/invocations", b"wait")
        until((stage.layout.model / "begun").exists)
        stage.happens("die")
        until(lambda: running.ping() == 503)
        time.sleep(0.7)
        (stage.layout.model / "go").touch()
        assert connection.getresponse().read() == b"wait"


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (["loading", "failed", "failed"], "no weights"),
        (["loading", "die"], "a worker ended while it loaded the model"),
        (["loading", "loaded", "lost"], "a worker cannot predict any more"),
        (["exit"], "multi-model-server ended by itself"),
        (["loading", "loaded", "exit"], "multi-model-server ended by itself"),
        (["loading", "loaded", "die", "loading", "failed"], "no weights"),
    ],
)
def test_what_cannot_be_mended_ends_the_process(stage: Stage, states: list[str], words: str) -> None:
    stage.happens(*states)
    with stage.start() as running:
        assert running.process.wait(15) == 1
        assert running.stderr.count(words) == 1


def test_workers_that_never_load_end_the_process(stage: Stage) -> None:
    with stage.start(SAGEMAKER_STARTUP_TIMEOUT="1") as running:
        assert running.process.wait(10) == 1
        assert "0 of 1 workers have a model after 1 s" in running.stderr


def test_sigterm_lets_a_request_finish_and_ends_with_0(stage: Stage) -> None:
    with stage.start() as running, contextlib.ExitStack() as stack:
        stage.happens("loading", "loaded")
        until(lambda: running.ping() == 200)
        idle = stack.enter_context(contextlib.closing(running.connect()))
        assert ask(idle, "GET", "/ping").status == 200
        busy = stack.enter_context(contextlib.closing(running.connect()))
        busy.request("POST", "/invocations", b"wait")
        until((stage.layout.model / "begun").exists)
        running.process.send_signal(signal.SIGTERM)
        until(lambda: running.ping() == 0)
        (stage.layout.model / "go").touch()
        assert busy.getresponse().read() == b"wait"
        assert running.process.wait(5) == 0


def test_idle_connections_do_not_delay_the_stop(stage: Stage) -> None:
    with stage.start() as running, contextlib.ExitStack() as stack:
        stage.happens("loading", "loaded")
        until(lambda: running.ping() == 200)
        for _ in range(4):
            connection = stack.enter_context(contextlib.closing(running.connect()))
            assert ask(connection, "GET", "/ping").status == 200
        begun = time.monotonic()
        assert running.terminate() == 0
        assert time.monotonic() - begun < 5


def test_large_bodies_pass_unchanged(stage: Stage) -> None:
    body = bytes(range(256)) * (40 << 12)
    with stage.start() as running:
        stage.happens("loading", "loaded")
        until(lambda: running.ping() == 200)
        assert running.predict(body).body == body


def test_a_multi_model_endpoint_is_refused(stage: Stage) -> None:
    with stage.start(SAGEMAKER_MULTI_MODEL="true") as running:
        assert running.process.wait(10) == 1
        assert "error: this image cannot serve a multi-model endpoint" in running.stderr


def test_a_missing_part_is_named(layout: Layout) -> None:
    layout.program(ECHO)
    with layout.start(starter=MMS, env={"PATH": "", "JAVA_HOME": ""}, wait=False) as running:
        assert running.process.wait(10) == 1
        assert "the image lacks java, mms, sagemaker_inference" in running.stderr
        assert '[serve] server = "mms"' in running.stderr
