"""The rig keeps what it promises to the tests that stand on it."""

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import docker
import pytest

from rig.bases import BOOKWORM, TRIXIE
from rig.engine import answers
from rig.machine import Missing, install, running, wait_for
from rig.projects import edit

LOOK = "import sys, pip, venv; print('%d.%d' % sys.version_info[:2])"
TEST_IN_NEED = """
import pytest

@pytest.mark.engine
def test_in_need():
    pass
"""


@pytest.mark.parametrize(("fixture", "python"), [("base", BOOKWORM.python), ("base13", TRIXIE.python)])
def test_a_base_has_python_pip_and_venv(
    engine: docker.DockerClient, request: pytest.FixtureRequest, fixture: str, python: str
) -> None:
    reference = request.getfixturevalue(fixture)
    said = engine.containers.run(reference, ["python3", "-c", LOOK], remove=True, network_disabled=True)
    assert said.decode().strip() == python


def test_the_registry_answers(registry: str) -> None:
    with urllib.request.urlopen(f"http://{registry}/v2/", timeout=5) as answer:
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def test_nothing_answers_at_a_socket_that_is_not_there(tmp_path: Path) -> None:
    assert not answers(f"unix://{tmp_path}/docker.sock")


@pytest.mark.parametrize(("variables", "outcome"), [({}, "1 skipped"), ({"CI": "true"}, "1 error")])
def test_without_an_engine_a_laptop_skips_and_ci_fails(
    tmp_path: Path, variables: dict[str, str], outcome: str
) -> None:
    (tmp_path / "test_in_need.py").write_text(TEST_IN_NEED)
    (tmp_path / "conftest.py").write_text(Path(__file__).parents[1].joinpath("conftest.py").read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  engine: needs an engine\n")
    clean = {k: v for k, v in os.environ.items() if k not in {"CI", "BYOC_REQUIRE_ENGINE"}}
    env = clean | {
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "DOCKER_HOST": f"unix://{tmp_path}/none.sock",
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env=env | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome in done.stdout
    assert "no Docker engine answers at DOCKER_HOST" in done.stdout


def test_what_cannot_be_installed_is_named() -> None:
    with pytest.raises(Missing, match=r"no no-such-program here: install some-package"):
        install({"no-such-program": "some-package"}, allowed=lambda: False)


def test_a_program_is_stopped_with_its_block_and_its_output_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "log"
    loop = "import time; print('up', flush=True); time.sleep(60)"
    with running([sys.executable, "-c", loop], log=log) as process:
        assert wait_for(lambda: log.read_text() == "up\n", seconds=20, process=process)
    assert process.poll() is not None


def test_waiting_ends_when_the_program_does(tmp_path: Path) -> None:
    with running([sys.executable, "-c", "raise SystemExit(3)"], log=tmp_path / "log") as process:
        assert not wait_for(lambda: False, seconds=20, process=process)
    assert process.returncode == 3


def test_an_edited_file_keeps_its_comments(tmp_path: Path) -> None:
    file = tmp_path / "byoc.toml"
    file.write_text('[serve]\nserver = "asgi" # or mms\n')
    edit(file, {"build": {"network": "host"}, "serve": {"server": "mms"}})
    assert file.read_text() == '[serve]\nserver = "mms" # or mms\n\n[build]\nnetwork = "host"\n'
