"""``byoc run serve --target ...`` with a real engine."""

import json
import os
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rig.projects import Command

pytestmark = pytest.mark.engine

Left = Callable[[], list[str]]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a request and models, without a project."""
    (tmp_path / "a.csv").write_text("row\n")
    for name in ("one", "two"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "weights").write_text(name)
    with tarfile.open(tmp_path / "models/two.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "models/two/weights", "weights")
    (tmp_path / "models/two/weights").unlink()
    (tmp_path / "models/two").rmdir()
    return tmp_path


def facts(byoc: Command, host: str, here: Path, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        byoc("run", "serve", host, "--invoke", "a.csv", *words, cwd=here).stdout
    )
    return found


def test_a_serverless_endpoint_is_narrow(byoc: Command, host: str, here: Path, left: Left) -> None:
    """SLS-01, SLS-04."""
    seen = facts(byoc, host, here, "--target", "serverless", "--memory", "1024")
    assert (seen["uid"], seen["writable"]) == (65534, ["/tmp"])
    assert (seen["mounts"]["/"], seen["memory"]) == ("ro", str(1 << 30))
    assert not left()


def test_a_batch_endpoint_is_told_so(byoc: Command, host: str, here: Path) -> None:
    assert facts(byoc, host, here, "--target", "batch")["env"]["SAGEMAKER_BATCH"] == "true"


def test_a_server_binds_where_it_is_told(byoc: Command, host: str, here: Path) -> None:
    """PIP-01."""
    assert facts(byoc, host, here, "--bind-port", "9123")["env"]["SAGEMAKER_BIND_TO_PORT"] == "9123"
    words = ["--bind-port", "9123", "--env", "DO=deaf", "--timeout", "2", "--invoke", "a.csv"]
    done = byoc("run", "serve", host, *words, cwd=here, check=False)
    assert "error [BYOC-E414]" in done.stderr
    assert "let it listen on 0.0.0.0:9123" in done.stderr


def test_a_large_body_goes_to_an_asynchronous_endpoint_without_being_held(
    byoc: Command, host: str, here: Path
) -> None:
    """ASY-01: byoc itself stays small although the body is large."""
    with (here / "large.bin").open("wb") as file:
        file.truncate(300 << 20)
    words = ["run", "serve", host, "--target", "async", "--invoke", "large.bin", "--env", "DO=count"]
    limited = f"import resource,runpy,sys; resource.setrlimit(resource.RLIMIT_DATA, ({250 << 20},) * 2);"
    limited += f"sys.argv = ['byoc', *{words!r}]; runpy.run_module('byoc_kit', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", limited], cwd=here, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, str(300 << 20)), done.stderr


def test_a_stream_is_shown_while_it_comes(host: str, here: Path) -> None:
    """INF-30."""
    words = ["run", "serve", host, "--target", "streaming", "--invoke", "a.csv", "--env", "DO=stream"]
    command = [sys.executable, "-m", "byoc_kit", *words]
    with subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first, began = os.read(process.stdout.fileno(), 100), time.monotonic()
        rest = process.stdout.read()
        said = process.stderr.read().decode()
    assert (first, rest) == (b"one ", b"two three")
    assert time.monotonic() - began > 0.8
    assert "first byte after " in said
    assert "did not come in chunks" not in said


def test_an_answer_in_one_piece_is_no_stream(byoc: Command, host: str, here: Path) -> None:
    done = byoc("run", "serve", host, "--target", "streaming", "--invoke", "a.csv", cwd=here)
    assert "warning: the answer did not come in chunks" in done.stderr


def test_models_are_loaded_when_they_are_asked_for(byoc: Command, host: str, here: Path, left: Left) -> None:
    """MME-01 to MME-06."""
    words = ["--invoke", "one=a.csv", "--invoke", "two.tar.gz=a.csv", "--invoke", "one=a.csv", "--json"]
    done = byoc("run", "serve", host, "--target", "multi-model", "--model", "models", *words, cwd=here)
    answers = [json.loads(each["body"]) for each in json.loads(done.stdout)["invocations"]]
    assert [answer[:2] for answer in answers] == [["one", "one"], ["two.tar.gz", "two"], ["one", "one"]]
    assert [len(answer[2]) for answer in answers] == [1, 2, 2]
    assert all(place.startswith("/opt/ml/models/") for place in answers[2][2])
    assert (done.stderr.count("loaded one in"), done.stderr.count("loaded two.tar.gz in")) == (1, 1)
    assert not left()
    assert not list((here / ".byoc/serve").iterdir())


def test_a_model_goes_where_there_is_no_room_for_all(byoc: Command, host: str, here: Path) -> None:
    """MME-01: 507."""
    words = ["--invoke", "one=a.csv", "--invoke", "two.tar.gz=a.csv", "--json", "--env", "ROOM=1"]
    done = byoc("run", "serve", host, "--target", "multi-model", "--model", "models", *words, cwd=here)
    answers = [json.loads(each["body"]) for each in json.loads(done.stdout)["invocations"]]
    assert [len(answer[2]) for answer in answers] == [1, 1]
    assert "unloaded one: there is no room for all" in done.stderr


@contextmanager
def served(here: Path, *words: str) -> Iterator[str]:
    """The URL of a server that stays."""
    command = [sys.executable, "-m", "byoc_kit", "run", "serve", *words, "--port", "0"]
    with subprocess.Popen(
        command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def test_a_multi_model_server_stays_with_all_models(host: str, here: Path, left: Left) -> None:
    words = [host, "--target", "multi-model", "--model", "models"]
    with served(here, *words) as url, urllib.request.urlopen(f"{url}/models", timeout=5) as answer:
        assert len(json.load(answer)["models"]) == 2
    assert not left()


def test_a_pipeline_hands_answers_on(byoc: Command, host: str, here: Path, left: Left) -> None:
    """PIP-01, PIP-03: Accept is for the last only, the content type goes on."""
    words = ["--env", "DO=upper", "--env", "SIGN=;", "--accept", "text/csv", "--content-type", "text/x"]
    done = byoc(
        "run", "serve", "--target", "pipeline", host, host, host, *words, "--invoke", "a.csv", cwd=here
    )
    assert done.stdout == "ROW\n;;;"
    lines = [line for line in done.stderr.splitlines() if "asked with" in line]
    assert lines == [
        "container-1 | asked with ['text/x', None]",
        "container-2 | asked with ['text/csv', None]",
        "container-3 | asked with ['text/csv', 'text/csv']",
    ]
    assert not left()


def test_in_a_pipeline_who_ignores_its_port_is_not_heard(
    byoc: Command, host: str, here: Path, left: Left
) -> None:
    words = ["--env", "DO=deaf", "--timeout", "3", "--invoke", "a.csv"]
    done = byoc("run", "serve", "--target", "pipeline", host, host, *words, cwd=here, check=False)
    assert done.returncode == 1
    assert "BYOC-E41" in done.stderr
    assert not left()


def test_the_container_of_a_pipeline_that_refuses_is_named(byoc: Command, host: str, here: Path) -> None:
    (here / "bad.csv").write_text("bad")
    words = ["--env", "DO=upper", "--invoke", "bad.csv"]
    done = byoc("run", "serve", "--target", "pipeline", host, host, *words, cwd=here, check=False)
    assert "the server answered 400\n  container 1 of 2\n  cannot read that\n" in done.stderr


@pytest.mark.parametrize(
    ("words", "id_", "said"),
    [
        (["--target", "nonsense"], "E466", "there is no such target"),
        (["--target", "training"], "E466", "another command"),
        (["--target", "serverless", "--memory", "1000"], "E466", "in steps of 1024"),
        (["--target", "pipeline"], "E466", "cannot have 1 container"),
        (["--target", "pipeline", "--shell"], "E466", "no single shell"),
        (
            ["--target", "pipeline", "--model", "a.csv", "--model", "a.csv"],
            "E466",
            "2 models are given for 1",
        ),
        (["second"], "E466", "several images or models"),
        (["--target", "multi-model", "--model", "none"], "E468", "not there"),
        (["--target", "multi-model", "--model", "nothing"], "E468", "no archive"),
        (["--target", "multi-model", "--model", "a.csv"], "E410", "gzip"),
        (["--target", "multi-model", "--model", "links"], "E410", "link"),
        (["--target", "multi-model", "--model", "models"], "E469", "one, two.tar.gz|two.tar.gz, one"),
        (["--target", "multi-model", "--model", "models", "--invoke", "x=a.csv"], "E469", "no model 'x'"),
    ],
)
def test_a_mistake_says_what_why_and_fix(
    byoc: Command, host: str, here: Path, words: list[str], id_: str, said: str
) -> None:
    (here / "nothing").mkdir()
    (here / "links").mkdir()
    (here / "link").symlink_to("a.csv")
    with tarfile.open(here / "links/model.tar.gz", "w:gz") as archive:
        archive.add(here / "link", "link")
    words = words if "--invoke" in words else [*words, "--invoke", "a.csv"]
    done = byoc("run", "serve", host, *words, cwd=here, check=False)
    assert f"error [BYOC-{id_}]" in done.stderr
    assert any(each in done.stderr for each in said.split("|"))
    assert "healthy after" not in done.stderr
    assert "  fix: " in done.stderr


@pytest.mark.parametrize(("target", "id_"), [("multi-model", "E470"), ("pipeline", "E470")])
def test_an_image_without_the_label_is_refused(
    byoc: Command, base: str, here: Path, target: str, id_: str
) -> None:
    """IMG-18."""
    images = [base, base] if target == "pipeline" else [base]
    done = byoc("run", "serve", "--target", target, *images, "--invoke", "a.csv", cwd=here, check=False)
    assert f"error [BYOC-{id_}]" in done.stderr
    assert f"add '{target}' to [image] targets" in done.stderr


def test_a_server_without_the_api_is_no_multi_model_server(byoc: Command, host: str, here: Path) -> None:
    """MME-02."""
    words = ["--target", "multi-model", "--model", "models", "--invoke", "one=a.csv"]
    done = byoc("run", "serve", host, *words, "--env", "DO=single", cwd=here, check=False)
    assert done.returncode == 1
    assert "error [BYOC-E467]: GET /models is not answered as a multi-model endpoint must" in done.stderr
