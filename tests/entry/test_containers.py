"""The entry program as PID 1 and under ``--init``, with the real sagemaker-training, on a real engine.

One image of the session serves all tests: the entry program of this checkout and the script of each test are
mounted over what was baked.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from entry.conftest import ENTRY
from rig.projects import Project, image

pytestmark = pytest.mark.engine

CONFIG = {
    "hyperparameters.json": {"token": "from-the-job"},
    "inputdataconfig.json": {},
    "resourceconfig.json": {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"},
}

SAVES = """
import os, pathlib, signal, sys, time
RANK = os.environ.get("RANK", "0")
def save(number, frame):
    with open("/opt/ml/model/saved" + RANK, "a") as file:
        file.write("begin ")
        file.flush()
        time.sleep(2)
        file.write("end")
    sys.exit(int(os.environ.get("CODE", "0")))
signal.signal(signal.SIGTERM, save)
pathlib.Path("/opt/ml/output/ready" + RANK).touch()
while True: time.sleep(0.1)
"""

RANKS = """
import os, subprocess, sys
ranks = [subprocess.Popen([sys.executable, "rank.py"], env={**os.environ, "RANK": n}) for n in "01"]
for rank in ranks: rank.wait()
"""


@dataclass
class Host:
    """One training host: an image, and its /opt/ml in a folder of this machine."""

    client: docker.DockerClient
    image: str
    folder: Path
    made: list[Container] = field(default_factory=list)

    @property
    def ml(self) -> Path:
        return self.folder / "ml"

    def prepare(self) -> None:
        for name in ("input/config", "input/data", "model", "output"):
            (self.ml / name).mkdir(parents=True)
        for name, document in CONFIG.items():
            (self.ml / "input/config" / name).write_text(json.dumps(document))
        (self.folder / "program").mkdir()

    def script(self, text: str, name: str = "train.py") -> None:
        (self.folder / "program" / name).write_text(text)

    def start(self, *words: str, init: bool = False, env: Mapping[str, str] = {}) -> Container:
        mounts = {
            str(ENTRY): {"bind": "/opt/byoc/entry", "mode": "ro"},
            str(self.folder / "program"): {"bind": "/opt/program", "mode": "ro"},
            str(self.ml): {"bind": "/opt/ml", "mode": "rw"},
        }
        made: Container = self.client.containers.run(
            self.image,
            list(words),
            detach=True,
            init=init,
            environment=dict(env),
            volumes=mounts,
            extra_hosts={"algo-1": "127.0.0.1"},
        )
        self.made.append(made)
        return made

    def run(self, *words: str) -> tuple[int, str]:
        """Run to the end: the exit code, and stderr."""
        made = self.start(*words)
        code = int(made.wait(timeout=60)["StatusCode"])
        return code, made.logs(stdout=False).decode()

    def wait_for(self, *paths: str) -> None:
        deadline = time.monotonic() + 30
        while not all((self.ml / path).exists() for path in paths):
            assert time.monotonic() < deadline, self.made[-1].logs().decode()
            time.sleep(0.05)


def exit_code(container: Container) -> int:
    container.reload()
    return int(container.attrs["State"]["ExitCode"])


def stop(container: Container) -> float:
    """``docker stop -t 120``; the seconds it took."""
    since = time.monotonic()
    container.stop(timeout=120)
    return time.monotonic() - since


@pytest.fixture
def host(engine: docker.DockerClient, project: Project, tmp_path: Path) -> Iterator[Host]:
    """A script-mode-1 image without a script yet."""
    made = Host(engine, image(project("script-mode-1")), tmp_path)
    made.prepare()
    yield made
    with contextlib.suppress(docker.errors.DockerException):
        made.run("chmod", "-R", "777", "/opt/ml")  # what root wrote, whoever runs the tests can remove
    for container in made.made:
        container.remove(force=True)


@pytest.fixture
def failure(host: Host) -> Callable[[], str]:
    """Reads the failure text."""
    return lambda: (host.ml / "output/failure").read_text(encoding="utf-8")


def test_an_exception_is_what_the_job_shows(host: Host, failure: Callable[[], str]) -> None:
    host.script("raise ValueError(\"no column 'y'\")")
    code, err = host.run("train")
    assert code == 1
    assert failure().startswith("ValueError: no column 'y'\nThe program ended with exit code 1.\n  File ")
    assert "from-the-job" not in failure()
    assert "ExecuteUserScriptError" in err  # the toolkit did run it


def test_the_scripts_own_code_is_the_containers(host: Host, failure: Callable[[], str]) -> None:
    host.script("raise SystemExit(7)")
    assert host.run()[0] == 7  # no word at all: training
    assert failure() == "The program ended with exit code 7.\nNothing was written to stderr.\n"


@pytest.mark.parametrize("init", [False, True])
def test_docker_stop_lets_the_script_save(host: Host, init: bool) -> None:
    host.script(SAVES)
    container = host.start("train", init=init, env={"CODE": "5"})
    host.wait_for("output/ready0")
    seconds = stop(container)
    assert exit_code(container) == 5
    assert (host.ml / "model/saved0").read_text() == "begin end"
    assert seconds < 20


@pytest.mark.parametrize("init", [False, True])
def test_two_ranks_save_and_a_second_sigterm_does_not_disturb_them(host: Host, init: bool) -> None:
    host.script(RANKS)
    host.script(SAVES, "rank.py")
    container = host.start("train", init=init)
    host.wait_for("output/ready0", "output/ready1")
    container.kill(signal="SIGTERM")
    host.wait_for("model/saved0", "model/saved1")
    seconds = stop(container)
    assert [(host.ml / f"model/saved{rank}").read_text() for rank in (0, 1)] == ["begin end", "begin end"]
    assert exit_code(container) == 143  # train.py has no handler
    assert seconds < 20


def test_words_of_others_are_executed_and_unknown_ones_named(host: Host) -> None:
    (host.ml / "model").chmod(0o700)
    assert host.run("chmod", "-R", "777", "/opt/ml/model") == (0, "")
    assert (host.ml / "model").stat().st_mode & 0o777 == 0o777
    code, err = host.run("bogus")
    assert code == 127
    assert "say train or serve" in err
