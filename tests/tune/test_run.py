"""``byoc run tune`` with a real engine: what each training job is given, the table, and stopping early."""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from byoc_kit.work.api import run_tune
from rig.projects import Command, Project
from tune.requests import REQUEST

pytestmark = pytest.mark.engine

LOSS = ("--metric", "loss=loss=([0-9.]+)", "--minimize")


@pytest.fixture(scope="module")
def tuned(engine: docker.DockerClient, base: str) -> Iterator[str]:
    """The name of an image that trains as program.py does."""
    name = f"byoc-test-tuned:{uuid.uuid4().hex[:12]}"
    engine.images.build(path=str(Path(__file__).parent), buildargs={"BASE": base}, tag=name, rm=True)
    yield name
    engine.images.remove(name, force=True)


def given(log: str) -> list[dict[str, str]]:
    """The hyperparameters that the jobs have printed."""
    lines = [line.partition("| given: ")[2] for line in log.splitlines() if "| given: " in line]
    return [json.loads(line.rpartition(" ")[0]) for line in lines]


def test_every_set_of_values_is_a_training_job(byoc: Command, tuned: str, tmp_path: Path) -> None:
    """HPO-01, HPO-02, HPO-03; two at a time."""
    words = [
        "--range",
        "x=0:8",
        "--range",
        "opt=adam,sgd",
        "--jobs",
        "5",
        "--parallel",
        "2",
        "--hp",
        "epochs=3",
    ]
    done = byoc("run", "tune", tuned, *LOSS, *words, "--json", cwd=tmp_path)
    result = json.loads(done.stdout)
    assert (result["schema"], result["goal"], result["objective"]) == ("byoc/run-tune/1", "Minimize", "loss")
    trials: list[dict[str, Any]] = result["trials"]
    assert [trial["objective"] for trial in trials] == [0.0, 4.0, 4.0, 16.0, 16.0]
    assert sorted(trial["hyperparameters"]["x"] for trial in trials) == ["0", "2", "4", "6", "8"]
    assert result["best"] == trials[0]["number"]
    seen = given(done.stderr)
    assert {each["_tuning_objective_metric"] for each in seen} == {"loss"}
    assert {each["epochs"] for each in seen} == {"3"}
    assert {each["opt"] for each in seen} == {"adam", "sgd"}
    names = sorted(Path(trial["run"]).name for trial in trials)
    assert [name.split("-")[-2] for name in names] == ["001", "002", "003", "004", "005"]
    assert all((Path(trial["run"]) / "metrics.csv").is_file() for trial in trials)
    assert json.loads((tmp_path / ".byoc/runs" / result["name"] / "tuning.json").read_text()) == result


def test_a_tuning_request_is_run_as_it_is(byoc: Command, tuned: str, tmp_path: Path) -> None:
    (tmp_path / "tune.json").write_text(json.dumps(REQUEST))
    done = byoc("run", "tune", tuned, "--job", "tune.json", "--jobs", "2", "--sdk", cwd=tmp_path)
    assert {(each["epochs"], each["opt"]) for each in given(done.stderr)} == {("3", '"adam"'), ("3", '"sgd"')}
    table = done.stdout.splitlines()
    assert table[0].split() == ["job", "x", "lr", "opt", "loss", "seconds", "status"]
    assert len(table) == 3
    assert table[1].split()[-1] == "Completed"
    assert "the best: byoc run serve --model" in done.stderr


def test_a_broken_image_costs_one_job(byoc: Command, tuned: str, tmp_path: Path) -> None:
    done = byoc("run", "tune", tuned, *LOSS, "--range", "x=0:8", "--hp", "do=fail", cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "error [BYOC-E451]: the first of 4 training jobs failed, and no other was started" in done.stderr
    assert "training failed: the container ended with exit code 7" in done.stderr
    assert len(given(done.stderr)) == 1


def test_an_objective_that_is_not_printed_costs_one_job(byoc: Command, tuned: str, tmp_path: Path) -> None:
    """HPO-02."""
    words = ["--range", "x=0:8", "--hp", "do=silent"]
    done = byoc("run", "tune", tuned, *LOSS, *words, cwd=tmp_path, check=False)
    assert "error [BYOC-E452]: the first training job did not print loss" in done.stderr
    assert len(given(done.stderr)) == 1


def test_a_later_failure_is_a_row(byoc: Command, tuned: str, tmp_path: Path) -> None:
    words = ["--range", "x=0:8", "--hp", "do=some", "--seed", "2", "--jobs", "3"]
    done = byoc("run", "tune", tuned, *LOSS, *words, cwd=tmp_path)
    last = done.stdout.splitlines()[-1]
    assert last.endswith("Failed: training failed: the container ended with exit code 7")
    assert "warning: job" in done.stderr


def test_ctrl_c_stops_all_jobs(tuned: str, tmp_path: Path, engine: docker.DockerClient) -> None:
    """HPO-04."""
    words = ["--range", "x=0:8", "--hp", "do=wait", "--jobs", "3", "--parallel", "2", "--seed", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "byoc_kit", "run", "tune", tuned, *LOSS, *words],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    ready = 0
    for line in process.stderr:
        ready += "ready to be stopped" in line
        if ready == 2:
            break
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=90)[1]
    assert process.returncode == 130, said
    assert said.count("the handler has run") == 2
    names = [folder.name for folder in (tmp_path / ".byoc/runs").iterdir()]
    for name in names:
        assert not engine.api.containers(all=True, filters={"label": f"byoc.run={name}"})
        assert not engine.api.networks(filters={"label": f"byoc.run={name}"})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "a range is missing"),
        (["--range", "x=8:0"], "--range x=8:0 is not a range"),
        (["--range", "x=0:8"], "the objective is missing"),
        (["--range", "x=0:8", "--objective", "f1"], "the objective f1 has no expression that finds it"),
        (["--job", "none.json"], "the job file none.json cannot be read"),
    ],
)
def test_a_mistake_says_what_why_and_fix(
    byoc: Command, tuned: str, tmp_path: Path, words: list[str], said: str
) -> None:
    done = byoc("run", "tune", tuned, *words, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "  fix: " in done.stderr


def test_a_notebook_tunes(tuned: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run_tune(
        tmp_path,
        tuned,
        ranges={"x": "0:8"},
        training={"metrics": {"loss": "loss=([0-9.]+)"}},
        minimize=True,
        jobs=3,
        quiet=True,
    )
    assert result.best is not None
    assert (result.best.hyperparameters["x"], result.best.objective) == ("4", 0.0)


@pytest.mark.parametrize("style", ["basic", "script-mode-1", "script-mode-2", "framework"])
def test_every_style_is_tuned(project: Project, byoc: Command, style: str) -> None:
    """HPO-03, HPO-05, HPO-06: by the bare word, with strings, and the toolkit's hyperparameters."""
    done = byoc("run", "tune", "--range", "trees=10:30", "--jobs", "2", "--json", cwd=project(style))
    result = json.loads(done.stdout)
    assert result["objective"] == "validation:accuracy"
    assert {trial["hyperparameters"]["trees"] for trial in result["trials"]} == {"10", "30"}
    assert all(trial["objective"] > 0.8 for trial in result["trials"])
