"""Every style for real: scaffolded, built, trained, served, stopped, and made to fail."""

import json
import re
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest

from byoc_kit.spec.types import Style
from byoc_kit.work.project import load
from rig.projects import Command, Project

pytestmark = pytest.mark.engine

STYLES = list(Style)
SPECIES = ["setosa", "versicolor", "virginica"]
FOREVER = "100000000"  # trees: years of them

FAILING = """\
import os
import sys


def main():
    raise ValueError("no such column: price")


if os.environ["HOW"] == "raise":
    main()
print("giving up: the data are empty", file=sys.stderr)
sys.exit(7)
"""

Copy = Callable[[str], Path]


@pytest.fixture
def copy(project: Project, tmp_path: Path) -> Copy:
    """A built project of a style, to run in and to change."""
    return lambda style: Path(shutil.copytree(project(style), tmp_path / "project"))


def job_of(folder: Path) -> dict[str, object]:
    job: dict[str, object] = json.loads((folder / ".byoc/runs/latest/job.json").read_text())
    return job


@pytest.mark.parametrize("style", STYLES)
def test_trains_serves_and_predicts(copy: Copy, byoc: Command, style: str) -> None:
    folder = copy(style)
    trained = byoc("run", "train", cwd=folder)
    assert (Path(trained.stdout.strip()) / "model/model.joblib").is_file()

    spec = load(folder / "byoc.toml").spec
    assert spec.train is not None
    found = re.search(spec.train.metrics["validation:accuracy"], trained.stderr)
    assert found is not None
    assert float(found[1]) > 0.8

    served = byoc("run", "serve", "--invoke", "sample.csv", cwd=folder)
    assert json.loads(served.stdout) == SPECIES


def test_the_framework_package_runs_the_script(copy: Copy, byoc: Command) -> None:
    log = byoc("run", "train", "--hp", "trees=10", cwd=copy("framework")).stderr
    assert "house_framework: python 3." in log
    assert "PYTHONHASHSEED=0" in log


@pytest.mark.parametrize("style", STYLES)
def test_docker_stop_ends_training_in_seconds_with_the_model_saved(
    copy: Copy, byoc: Command, engine: docker.DockerClient, style: str
) -> None:
    folder = copy(style)
    name = load(folder / "byoc.toml").spec.image.name  # no other project here has it
    with ThreadPoolExecutor() as pool:
        run = pool.submit(byoc, "run", "train", "--hp", f"trees={FOREVER}", cwd=folder)
        while not list(folder.glob(".byoc/runs/*/checkpoints/forest.joblib")):
            assert not run.done(), run.result()
            time.sleep(0.1)
        [container] = engine.containers.list(filters={"name": name})
        begun = time.monotonic()
        container.stop(timeout=120)
        seconds = time.monotonic() - begun
        done = run.result()
    assert seconds < 20
    assert "stopped early: saving the forest as it is" in done.stderr
    assert job_of(folder)["exit_code"] == 0
    assert (folder / ".byoc/runs/latest/model/model.joblib").is_file()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("how", "code", "says"),
    [("raise", 1, "ValueError: no such column: price"), ("exit", 7, "giving up: the data are empty")],
)
def test_a_failing_script_says_why_and_keeps_its_exit_code(
    copy: Copy, byoc: Command, style: str, how: str, code: int, says: str
) -> None:
    folder = copy(style)
    (folder / "src/train.py").write_text(FAILING)
    done = byoc("run", "train", "--live", "--env", f"HOW={how}", cwd=folder, check=False)
    assert done.returncode == 1
    assert job_of(folder)["exit_code"] == code
    assert says in (folder / ".byoc/runs/latest/output/failure").read_text()[:1024]
    assert says in done.stderr
    assert "byoc_kit" not in done.stderr


@pytest.mark.parametrize("style", [Style.BASIC, Style.SCRIPT_MODE_1])
def test_the_projects_own_tests_pass_in_its_image(
    copy: Copy, engine: docker.DockerClient, style: str
) -> None:
    """Here without a copy of scikit-learn for this suite: a user runs them with ``python -m unittest``."""
    folder = copy(style)
    image = json.loads((folder / ".byoc/last-build.json").read_text())["image_id"]
    output = engine.containers.run(
        image,
        ["python3", "-m", "unittest", "discover", "-s", "tests"],
        volumes={str(folder): {"bind": "/project", "mode": "ro"}},
        environment={"PYTHONDONTWRITEBYTECODE": "1"},
        working_dir="/project",
        remove=True,
        stderr=True,
    ).decode()
    assert re.search(r"Ran 2 tests in .*\n\nOK", output)
