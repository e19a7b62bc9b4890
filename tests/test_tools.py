"""The commands of the Makefile: the environment from its locks, and the demo with and without an engine."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def run(*command: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run *command* in the checkout; stdout and stderr together."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=500,
    )


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_pins_everything_by_hash_and_names_no_index(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    assert "://" not in text
    assert "--index-url" not in text
    assert [line for line in text.splitlines() if "--hash=sha256:" not in line] == []


def test_the_lock_holds_what_the_project_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    lock = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    locked = set(re.findall(r"(?m)^([a-z0-9-]+)==", lock))
    assert {Requirement(text).name for text in wanted} - locked == set()


@pytest.mark.setup
def test_the_environment_is_made_once(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    first = run("sh", "tools/bootstrap.sh", VENV=str(venv))
    assert first.returncode == 0, first.stdout
    assert "byoc, version" in run(venv / "bin" / "byoc", "--version").stdout
    assert run("sh", "tools/bootstrap.sh", VENV=str(venv)).stdout == ""


def test_a_machine_without_python_is_told_what_to_install(tmp_path: Path) -> None:
    for tool in ("sh", "cat", "cksum", "dirname", "id", "pwd"):
        (tmp_path / tool).symlink_to(f"/bin/{tool}")
    script = (ROOT / "tools" / "bootstrap.sh").read_text().replace(" /usr/bin/python3;", ";")
    copy = tmp_path / "tools" / "bootstrap.sh"
    copy.parent.mkdir()
    copy.write_text(script)
    done = run(tmp_path / "sh", copy, PATH=str(tmp_path), VENV=str(tmp_path / "venv"))
    assert done.returncode == 1
    assert "no Python 3.11 or newer found" in done.stdout
    assert "fix: install Python 3.11" in done.stdout


def test_make_help_lists_every_target() -> None:
    targets = re.findall(r"(?m)^\.PHONY: (.+)$", (ROOT / "Makefile").read_text())[0].split()
    assert re.findall(r"(?m)^  make ([a-z-]+)", run("make", "help").stdout) == targets


def test_ci_runs_what_a_person_runs() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    commands = [
        line for line in lines if line and not line.startswith(("#", "set ", "cd ", "export CI=true"))
    ]
    assert commands == ["exec make test"]


@pytest.mark.setup
def test_the_demo_without_an_engine_builds_an_image_and_says_what_is_missing(tmp_path: Path) -> None:
    nowhere = f"unix://{tmp_path}/docker.sock"
    done = run(sys.executable, "tools/demo.py", DOCKER_HOST=nowhere, DEMO_FOLDER=str(tmp_path / "demo"))
    assert done.returncode == 0, done.stdout
    assert f"no Docker engine answers at DOCKER_HOST={nowhere}" in done.stdout
    assert "OK" in done.stdout.splitlines()
    assert "sudo apt-get install docker.io" in done.stdout
    assert "nothing static speaks against: training, hosting" in done.stdout
    assert "byoc copy oci:../image docker:flowers" in done.stdout
    assert (tmp_path / "demo" / "image" / "index.json").is_file()


@pytest.mark.engine
def test_the_demo_ends_with_a_prediction_also_the_second_time(base: str, tmp_path: Path) -> None:
    for _ in range(2):
        done = run(sys.executable, "tools/demo.py", DEMO_INSTALL="1", DEMO_FOLDER=str(tmp_path))
        assert done.returncode == 0, done.stdout
        assert 'The prediction: ["setosa", "versicolor", "virginica"]' in done.stdout
    assert "is there from an earlier demo" in done.stdout
