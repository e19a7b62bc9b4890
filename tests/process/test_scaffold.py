"""Images that process: the scaffold's own, and those of the four styles."""

import json
from pathlib import Path

import pytest

from byoc_kit.spec.types import Style
from byoc_kit.work.api import run_process
from rig.projects import PROCESSING, Command, Project, edit

pytestmark = pytest.mark.engine


def rows(folder: Path) -> list[str]:
    return [line for file in folder.glob("*.csv") for line in file.read_text().splitlines()[1:]]


def test_it_cleans_and_splits(project: Project, byoc: Command) -> None:
    """PRC-01: without a word, and with arguments alone."""
    folder = project(PROCESSING)
    left = Path(byoc("run", "process", cwd=folder).stdout.strip()) / "output"
    assert (len(rows(left / "train")), len(rows(left / "test"))) == (115, 29)
    done = byoc("run", "process", "--json", "--", "--test-share", "0.5", cwd=folder)
    result = json.loads(done.stdout)
    assert result["message"] == "kept 144 of 150 rows, 72 of them to test with"
    assert result["outputs"]["test"]["files"].keys() == {"rows.csv"}


def test_a_change_of_the_source_needs_no_build(project: Project, byoc: Command) -> None:
    """--live; what the program raises is the job's exit message (PRC-07)."""
    folder = project(PROCESSING)
    (folder / "src/process.py").write_text("raise ValueError('no such column: price')")
    done = byoc("run", "process", "--live", cwd=folder, check=False)
    assert done.returncode == 1
    assert "  ValueError: no such column: price" in done.stderr
    job = json.loads((folder / ".byoc/runs/latest/job.json").read_text())
    assert job["message"].startswith("ValueError: no such column: price")
    assert (job["schema"], job["status"], job["exit_code"]) == ("byoc/run-process/1", "Failed", 1)


def test_two_hosts_leave_files_of_their_own(project: Project, byoc: Command) -> None:
    folder = project(PROCESSING)
    left = Path(byoc("run", "process", "--hosts", "2", cwd=folder).stdout.strip()) / "output"
    assert sorted(file.name for file in (left / "train").iterdir()) == ["algo-1.csv", "algo-2.csv"]


def test_a_notebook_processes(project: Project) -> None:
    result = run_process(project(PROCESSING), arguments=["--test-share", "0.5"], quiet=True)
    assert result.message.endswith("72 of them to test with")
    assert result.outputs["train"]["rows.csv"] > 1000


def test_a_run_of_processing_is_no_model_to_serve(project: Project, byoc: Command) -> None:
    folder = project(PROCESSING)
    byoc("run", "process", cwd=folder)
    assert byoc("clean", "--dry-run", cwd=folder).returncode == 0


def test_training_images_are_warned_of(project: Project, byoc: Command) -> None:
    """PRC-01: their own default is the word train."""
    done = byoc("run", "process", cwd=project("basic"), check=False)
    assert "warning: no word is added in a processing job, and this image's own is 'train'" in done.stderr


@pytest.mark.parametrize("style", list(Style))
def test_every_style_runs_a_script_that_is_not_in_it(project: Project, byoc: Command, style: str) -> None:
    """PRC-10: as ScriptProcessor has it; the image's packages are there."""
    folder = project(style)
    (folder / "count.py").write_text(
        "import sklearn, sys; print('counted', len(open(sys.argv[1]).readlines()))"
    )
    words = ["--input", "code=count.py", "--input", "raw=data"]
    entrypoint = "python3 /opt/ml/processing/input/code/count.py"
    raw = "/opt/ml/processing/input/raw/train.csv"
    done = byoc("run", "process", *words, "--entrypoint", entrypoint, "--", raw, cwd=folder)
    assert "counted 151" in done.stderr


def test_an_image_that_fetches_its_training_code_has_its_processing_code(
    project: Project, byoc: Command
) -> None:
    """[process] in a project of another style: baked, whatever the style does with training code."""
    folder = project(Style.SCRIPT_MODE_2)
    (folder / "src/process.py").write_text("print('processed')")
    edit(folder / "byoc.toml", {"process": {"program": "process.py"}})
    edit(folder / "byoc.toml", {"image": {"targets": ["training", "hosting", "processing"]}})
    byoc("build", cwd=folder)
    assert "processed" in byoc("run", "process", cwd=folder).stderr
    assert "validation:accuracy" in byoc("run", "train", "--hp", "trees=10", cwd=folder).stderr
