"""Every style in every kind of hosting: one image, built once."""

import shutil
from pathlib import Path

import pytest

from byoc_kit import run_transform
from rig.projects import Command, image
from transform.conftest import Trained

pytestmark = pytest.mark.engine

STYLES = ["basic", "script-mode-1", "script-mode-2", "framework"]


@pytest.fixture(params=STYLES)
def made(request: pytest.FixtureRequest, trained: Trained) -> Path:
    return trained(request.param)


def test_lines_are_transformed_into_lines(byoc: Command, made: Path) -> None:
    """BAT-03: also where nothing is said of the answer's type."""
    rows = (made / "sample.csv").read_text().splitlines()
    (made / "rows.csv").write_text("\n".join(rows * 40) + "\n")
    done = byoc("run", "transform", "--input", "rows.csv", "--split", "line", "--assemble", "line", cwd=made)
    answers = (Path(done.stdout.strip()) / "rows.csv.out").read_text().splitlines()
    assert len(answers) == 40 * len(rows)
    assert answers == answers[: len(rows)] * 40
    assert "the container asks for" in done.stderr


def test_a_notebook_transforms(trained: Trained) -> None:
    made = trained("basic")
    done = run_transform(made, source=made / "sample.csv", accept="text/csv", split="Line", quiet=True)
    assert [(file.name, file.records) for file in done.files] == [("sample.csv", 3)]
    assert (done.output / "sample.csv.out").read_text().split() == ["setosa", "versicolor", "virginica"]


def test_a_serverless_container_is_enough(byoc: Command, made: Path) -> None:
    """SLS-01 to SLS-04."""
    words = ["--target", "serverless", "--memory", "1024", "--invoke", "sample.csv", "--accept", "text/csv"]
    assert byoc("run", "serve", *words, cwd=made).stdout.split() == ["setosa", "versicolor", "virginica"]


@pytest.mark.parametrize("target", ["batch", "async", "streaming"])
def test_every_other_kind_of_endpoint_answers(byoc: Command, made: Path, target: str) -> None:
    """BAT-01, ASY-01, INF-30: the same image, asked as each of them asks."""
    words = ["--target", target, "--invoke", "sample.csv", "--accept", "text/csv"]
    assert byoc("run", "serve", *words, cwd=made).stdout.split() == ["setosa", "versicolor", "virginica"]


def test_two_models_are_behind_one_endpoint(byoc: Command, made: Path) -> None:
    """MME-01 to MME-05."""
    models = made / "models"
    shutil.rmtree(models, ignore_errors=True)
    (models / "eu").mkdir(parents=True)
    for name in ("a.tar.gz", "eu/b.tar.gz"):
        shutil.copy(made / ".byoc/runs/latest/model.tar.gz", models / name)
    words = ["--invoke", "a.tar.gz=sample.csv", "--invoke", "eu/b.tar.gz=sample.csv", "--accept", "text/csv"]
    done = byoc("run", "serve", "--target", "multi-model", "--model", "models", *words, cwd=made)
    assert done.stdout.split() == ["setosa", "versicolor", "virginica"] * 2


def test_it_is_a_part_of_a_pipeline(byoc: Command, made: Path, host: str) -> None:
    """PIP-01, PIP-03."""
    words = [image(made), host, "--env", "DO=upper", "--invoke", "sample.csv", "--accept", "text/csv"]
    done = byoc("run", "serve", "--target", "pipeline", *words, cwd=made)
    assert "SETOSA" in done.stdout
