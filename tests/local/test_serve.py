"""``byoc run serve`` with a real engine: what the container sees, what is answered, and how it ends."""

import hashlib
import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.work.api import run_serve
from rig.projects import Command

pytestmark = pytest.mark.engine

Left = Callable[[], list[str]]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with requests, a model, and without a project."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model/weights.json").write_text("given")
    for name, content in [("a.csv", "1,2\n"), ("bad.json", "bad"), ("die.json", "die"), ("b.npy", "bytes")]:
        (tmp_path / name).write_text(content)
    return tmp_path


def test_the_container_sees_what_the_service_shows(byoc: Command, algo: str, here: Path, left: Left) -> None:
    """HAR-01, HAR-05, INF-01, INF-07, INF-14, INF-18."""
    done = byoc("run", "serve", algo, "--model", "model", "--invoke", "a.csv", "--env", "K=V", cwd=here)
    seen: dict[str, Any] = json.loads(done.stdout)
    assert (seen["argv"], seen["pid"], seen["hostname"]) == (["serve"], 1, "model.aws.local")
    assert (seen["length"], seen["type"], seen["accept"]) == (4, "text/csv", None)
    assert seen["mounts"] == {"/opt/ml/model": "ro"}
    assert "/opt/ml/model/weights.json" in seen["files"]
    assert (seen["env"]["K"], seen["env"]["SAGEMAKER_SAFE_PORT_RANGE"]) == ("V", "25000-25999")
    assert "a.csv as text/csv: 200, application/json" in done.stderr
    assert not left()
    assert not list((here / ".byoc/serve").iterdir())


def test_headers_are_what_was_asked_for(byoc: Command, algo: str, here: Path) -> None:
    words = ["--content-type", "application/jsonlines", "--accept", "text/csv"]
    done = byoc("run", "serve", algo, "--model", "model", "--invoke", "a.csv", *words, cwd=here)
    seen = json.loads(done.stdout)
    assert (seen["type"], seen["accept"]) == ("application/jsonlines", "text/csv")


def test_an_answer_reaches_stdout_byte_for_byte(algo: str, here: Path) -> None:
    words = [sys.executable, "-m", "byoc_kit", "run", "serve", algo, "--model", "model", "--invoke", "b.npy"]
    done = subprocess.run(words, cwd=here, check=True, capture_output=True)
    assert hashlib.sha256(done.stdout).hexdigest() == hashlib.sha256(bytes(range(256))).hexdigest()


def test_several_requests_are_answered_in_order(byoc: Command, algo: str, here: Path) -> None:
    words = ["--invoke", "a.csv", "--invoke", "b.npy", "--json"]
    done = byoc("run", "serve", algo, "--model", "model", *words, cwd=here)
    told = json.loads(done.stdout)
    assert told["schema"] == "byoc/run-serve/1"
    assert [(each["file"], each["status"], each["encoding"]) for each in told["invocations"]] == [
        ("a.csv", 200, "utf-8"),
        ("b.npy", 200, "base64"),
    ]


def test_the_model_is_the_newest_runs_and_it_says_so(byoc: Command, algo: str, here: Path) -> None:
    run = Path(byoc("run", "train", algo, cwd=here).stdout.strip())
    byoc("run", "train", algo, "--hp", "do=fail", cwd=here, check=False)
    done = byoc("run", "serve", algo, "--invoke", "a.csv", cwd=here)
    assert f"note: the model is that of the newest successful run, {run.name}" in done.stderr
    assert "/opt/ml/model/weights.json" in json.loads(done.stdout)["files"]
    archived = byoc(
        "run", "serve", algo, "--model", run / "model.tar.gz", "--invoke", "a.csv", "--json", cwd=here
    )
    told = json.loads(archived.stdout)
    assert told["model"] == str(run / "model.tar.gz")
    assert "/opt/ml/model/weights.json" in json.loads(told["invocations"][0]["body"])["files"]


def test_without_a_model_the_container_gets_none(byoc: Command, algo: str, here: Path) -> None:
    """INF-16."""
    done = byoc("run", "serve", algo, "--invoke", "a.csv", cwd=here)
    assert "the container gets none (INF-16)" in done.stderr
    assert json.loads(done.stdout)["mounts"] == {}


def test_a_refusal_is_told_with_the_servers_own_words(
    byoc: Command, algo: str, here: Path, left: Left
) -> None:
    """INF-09."""
    done = byoc("run", "serve", algo, "--model", "model", "--invoke", "bad.json", cwd=here, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "error [BYOC-E415]: the server answered 400\n  cannot read that\n  why: " in done.stderr
    assert not left()


def test_a_server_that_dies_of_a_request_is_told(byoc: Command, algo: str, here: Path, left: Left) -> None:
    """INF-20."""
    done = byoc("run", "serve", algo, "--model", "model", "--invoke", "die.json", cwd=here, check=False)
    assert "error [BYOC-E413]: the server ended instead of answering" in done.stderr
    assert "exit code 9" in done.stderr
    assert not left()


def test_a_server_that_dies_at_its_start_is_told_at_once(
    byoc: Command, algo: str, here: Path, left: Left
) -> None:
    done = byoc(
        "run", "serve", algo, "--model", "model", "--env", "DO=die", cwd=here, check=False, timeout=60
    )
    assert "error [BYOC-E413]: the server ended before it answered a ping" in done.stderr
    assert "  log: no model, no life" in done.stderr
    assert "exit code 3" in done.stderr
    assert not left()


@pytest.mark.parametrize(("do", "last"), [("ail", "last: status 500"), ("hide", "onnection refused")])
def test_a_server_that_is_not_healthy_is_told(
    byoc: Command, algo: str, here: Path, left: Left, do: str, last: str
) -> None:
    """INF-02, INF-04; ``hide`` listens on 127.0.0.1 only (INF-01)."""
    words = ["--model", "model", "--env", f"DO={do}", "--timeout", "2"]
    done = byoc("run", "serve", algo, *words, cwd=here, check=False)
    assert "error [BYOC-E414]: the server did not become healthy in time" in done.stderr
    assert last in done.stderr
    assert not left()


def test_it_serves_until_ctrl_c_and_refuses_a_taken_port(
    byoc: Command, algo: str, here: Path, left: Left
) -> None:
    words = [sys.executable, "-m", "byoc_kit", "run", "serve", algo, "--model", "model", "--port", "0"]
    process = subprocess.Popen(words, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    with urllib.request.urlopen(f"{url}/ping", timeout=5) as answer:
        assert answer.status == 200
    port = url.rpartition(":")[2]
    second = byoc("run", "serve", algo, "--model", "model", "--port", port, cwd=here, check=False)
    assert second.returncode == 2
    assert "error [BYOC-E416]: the port of this machine is taken" in second.stderr
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not left()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--invoke", "none.csv"], "the request none.csv cannot be read"),
        (["--model", "none", "--invoke", "a.csv"], "none is not there"),
        (["--model", "a.csv", "--invoke", "a.csv"], "is not a model archive that can be hosted"),
        (["--env", "1K=V", "--model", "model"], "environment '1K'"),
        (["--live", "--model", "model"], "--live has nothing to mount"),
    ],
    ids=["request", "model", "archive", "limit", "live"],
)
def test_a_mistake_says_what_why_and_fix(
    byoc: Command, algo: str, here: Path, words: list[str], said: str
) -> None:
    done = byoc("run", "serve", algo, *words, cwd=here, check=False)
    assert done.returncode in {1, 2}
    assert said in done.stderr
    assert "  why: " in done.stderr
    assert "  fix: " in done.stderr


def test_a_shell_is_the_container_the_service_would_start(
    byoc: Command, algo: str, here: Path, left: Left
) -> None:
    done = byoc("run", "serve", algo, "--model", "model", "--shell", cwd=here, input="ls /opt/ml/model\n")
    assert "would start: /usr/bin/python3 -u /usr/local/bin/algo.py serve\n" in done.stderr
    assert done.stdout == "weights.json\n"
    assert not left()


def test_a_notebook_can_serve(algo: str, here: Path, left: Left) -> None:
    with run_serve(here, algo, model=here / "model", quiet=True) as endpoint:
        answer = endpoint.invoke("1,2", content_type="text/csv", accept="application/json")
        assert (answer.status, answer.content_type) == (200, "application/json")
        assert answer.json()["length"] == 3
        assert endpoint.model == here / "model"
        with urllib.request.urlopen(f"{endpoint.url}/ping", timeout=5) as ping:
            assert ping.status == 200
        with pytest.raises(ByocError, match="the server answered 400"):
            endpoint.invoke(b"bad")
    assert not left()


def test_the_last_words_of_a_server_are_in_the_log(byoc: Command, algo: str, here: Path) -> None:
    """What it says after SIGTERM is heard too."""
    done = byoc("run", "serve", algo, "--model", "model", "--invoke", "a.csv", cwd=here)
    assert "good bye" in done.stderr
    assert "good bye" in (here / ".byoc/serve.log").read_text()
