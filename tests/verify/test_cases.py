"""With what an image is tried: options over [verify] over [train], and files that must be there."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.work.cases import CaseOptions, earlier_model, make_case
from byoc_kit.work.project import Project, load

HEAD = """
[image]
name = "churn"
style = "{style}"
base = "a:b"
[train]
program = "train.py"
hyperparameters = {{ epochs = 3, layers = [64, 32] }}
channels = {{ train = "data" }}
metrics = {{ loss = 'loss=([0-9.]+)' }}
[serve]
program = "inference.py"
model = "model"
[publish]
repository = "team/churn"
region = "eu-west-1"
"""
VERIFY = """
[verify]
request = "sample.csv"
expect = "setosa"
hyperparameters = { epochs = 1 }
channels = { train = "sample" }
metrics = {}
time-limits = { startup = 120 }
"""


def project(folder: Path, more: str = "", style: str = "basic") -> Project:
    for name in ("src", "data", "sample", "model"):
        (folder / name).mkdir()
    for name in ("src/train.py", "src/inference.py", "sample.csv"):
        (folder / name).write_text("x")
    (folder / "byoc.toml").write_text(HEAD.format(style=style) + more)
    return load(folder / "byoc.toml")


def test_without_anything_a_smoke_case_is_left_to_those_who_play() -> None:
    case = make_case(None, CaseOptions())
    assert (case.hyperparameters, case.channels, case.metrics, case.model, case.request) == (
        {},
        {},
        {},
        None,
        None,
    )
    assert case.content_type == "application/json"


def test_a_project_is_tried_with_what_it_trains_with(tmp_path: Path) -> None:
    case = make_case(project(tmp_path), CaseOptions())
    assert case.hyperparameters == {"epochs": "3", "layers": "[64, 32]"}
    assert case.channels == {"train": str(tmp_path / "data")}
    assert case.metrics == {"loss": "loss=([0-9.]+)"}
    assert (case.region, case.train_files, case.serve_files) == ("eu-west-1", None, None)


def test_what_verify_says_takes_its_place(tmp_path: Path) -> None:
    case = make_case(project(tmp_path, VERIFY), CaseOptions())
    assert case.hyperparameters == {"epochs": "1"}
    assert case.channels == {"train": str(tmp_path / "sample")}
    assert case.metrics == {}
    assert (case.request, case.content_type) == (str(tmp_path / "sample.csv"), "text/csv")
    assert (case.expect, case.time_limits) == ("setosa", {"startup": 120.0})


def test_options_go_over_both(tmp_path: Path) -> None:
    request = tmp_path / "other.json"
    request.write_text("{}")
    options = CaseOptions(
        hyperparameters={"depth": "2"},
        channels={"test": str(tmp_path)},
        metrics={"f1": "f1=(.*)"},
        request=request,
        expect="virginica",
        content_type="application/x-mine",
    )
    case = make_case(project(tmp_path, VERIFY), options)
    assert case.hyperparameters == {"epochs": "1", "depth": "2"}
    assert case.channels.keys() == {"train", "test"}
    assert (case.request, case.expect, case.content_type) == (str(request), "virginica", "application/x-mine")


@pytest.mark.parametrize("style", ["script-mode-2"])
def test_code_that_is_not_in_the_image_goes_with_the_case(tmp_path: Path, style: str) -> None:
    case = make_case(project(tmp_path, style=style), CaseOptions())
    assert (case.train_files, case.train_program) == (str(tmp_path / "src"), "train.py")
    assert (case.serve_files, case.serve_program) == (str(tmp_path / "src"), "inference.py")


def test_a_model_folder_and_an_archive_are_listed(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "a.py").write_text("x")
    (folder / "link").symlink_to("code/a.py")
    found = make_case(None, CaseOptions(model=folder)).model_files or ()
    assert {file.path: (file.kind, file.link) for file in found} == {
        "code": ("dir", ""),
        "code/a.py": ("file", ""),
        "link": ("symlink", "code/a.py"),
    }
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("a"), io.BytesIO())
        hard = tarfile.TarInfo("b")
        hard.type, hard.linkname = tarfile.LNKTYPE, "a"
        tar.addfile(hard)
    found = make_case(None, CaseOptions(model=archive)).model_files or ()
    assert [(file.path, file.kind) for file in found] == [("a", "file"), ("b", "symlink")]


@pytest.mark.parametrize(
    "options",
    [
        CaseOptions(model=Path("nowhere")),
        CaseOptions(request=Path("nowhere")),
        CaseOptions(channels={"train": "nowhere"}),
    ],
)
def test_what_is_not_there_is_told(options: CaseOptions) -> None:
    with pytest.raises(UsageError) as told:
        make_case(None, options)
    assert told.value.id == "BYOC-E606"


def test_endpoints_have_the_newest_model_else_that_of_the_project(tmp_path: Path) -> None:
    made = project(tmp_path)
    assert earlier_model(made) == tmp_path / "model"
    run = tmp_path / ".byoc" / "runs" / "one"
    (run / "model").mkdir(parents=True)
    (run / "model" / "m").write_text("x")
    (run / "job.json").write_text(json.dumps({"status": "Completed", "started": "2026"}))
    assert earlier_model(made) == run / "model"
    assert earlier_model(None) is None
