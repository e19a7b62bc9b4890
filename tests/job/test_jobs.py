"""From a project and the options of a run to the job: what goes over what."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.job.container import Mount
from byoc_kit.job.types import TrainingJob
from byoc_kit.talk import Silence
from byoc_kit.work.jobs import (
    ContainerOptions,
    TrainOptions,
    endpoint,
    region,
    serving_code,
    source_mounts,
    training_job,
)
from byoc_kit.work.project import Project, load

SOURCE = PurePosixPath("src")


class Notes(Silence):
    """A listener who remembers notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "data").mkdir()
    for name in ("train.py", "inference.py"):
        (tmp_path / "src" / name).write_text("pass\n")
    return tmp_path


def project(root: Path, style: str = "script-mode-1", more: str = "") -> Project:
    text = f"""
    [image]
    name = "team/churn"
    style = "{style}"
    base = "base:1"
    targets = ["training", "hosting"]
    [train]
    program = "train.py"
    source = "src"
    channels = {{ train = "data" }}
    {'module = "house.training:main"' if style == "framework" else ""}
    hyperparameters = {{ lr = 0.1, deep = true, layers = [64, 32], name = "adam" }}
    [serve]
    program = "inference.py"
    source = "src"
    {more}
    """
    (root / "byoc.toml").write_text(text)
    return load(root / "byoc.toml")


def made(given: Project | None, **options: Any) -> TrainingJob:
    return training_job(given, TrainOptions(**options), base="base", stamp="1", talk=Silence())


def request(root: Path, **changes: Any) -> Path:
    document = {
        "TrainingJobName": "from-file",
        "RoleArn": "arn:aws:iam::111122223333:role/sagemaker",
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "AlgorithmSpecification": {"TrainingInputMode": "FastFile"},
        "HyperParameters": {"epochs": "3"},
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/train"}},
            }
        ],
        **changes,
    }
    (root / "job.json").write_text(json.dumps(document))
    return root / "job.json"


def test_the_spec_alone_makes_a_job(root: Path) -> None:
    job = made(project(root))
    assert job.hyperparameters == {"lr": "0.1", "deep": "true", "layers": "[64, 32]", "name": "adam"}
    assert [(channel.name, channel.source) for channel in job.channels] == [("train", root / "data")]
    assert (job.name, job.max_runtime, job.instance_type) == ("base-1", 86_400, "ml.m5.xlarge")


def test_the_command_line_goes_over_the_spec(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "src")
    job = made(project(root), hyperparameters={"lr": "1"}, channels={"train": "x", "test": "../data"})
    assert (job.hyperparameters["lr"], job.hyperparameters["name"]) == ("1", "adam")
    assert {channel.name: channel.source for channel in job.channels} == {
        "train": root / "src/x",
        "test": root / "data",
    }


def test_sdk_encodes_what_is_typed_and_what_is_in_the_spec(root: Path) -> None:
    """CFG-02."""
    job = made(project(root), hyperparameters={"mode": "fast"}, sdk=True)
    assert (job.hyperparameters["name"], job.hyperparameters["mode"]) == ('"adam"', '"fast"')
    assert job.hyperparameters["lr"] == "0.1"


def test_a_job_file_stands_for_the_specs_job(root: Path) -> None:
    job = made(project(root), job_file=request(root), hyperparameters={"lr": "1"})
    assert job.hyperparameters == {"epochs": "3", "lr": "1"}
    assert job.name == "from-file-1"
    assert [channel.mode for channel in job.channels] == ["FastFile"]


def test_the_specs_folder_stands_in_for_s3_and_says_so(root: Path) -> None:
    notes = Notes()
    options = TrainOptions(job_file=request(root))
    training_job(project(root), options, base="base", stamp="1", talk=notes)
    assert "channel train: the folder of byoc.toml stands in for s3://bucket/train" in notes.notes


def test_a_job_files_limits_on_time_and_type_hold(root: Path) -> None:
    file = request(
        root,
        StoppingCondition={"MaxRuntimeInSeconds": 60},
        ResourceConfig={"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
    )
    job = made(project(root), job_file=file)
    assert (job.max_runtime, job.instance_type) == (60, "ml.c5.xlarge")
    assert made(project(root), job_file=file, time_limit=5.0).max_runtime == 5


@pytest.mark.parametrize("style", ["script-mode-2", "framework"])
def test_styles_that_fetch_code_get_what_the_sdk_sends(root: Path, style: str) -> None:
    """HPO-06."""
    given = project(root, style)
    job = made(given)
    assert job.hyperparameters["sagemaker_program"] == '"train.py"'
    assert job.hyperparameters["sagemaker_submit_directory"] == '"/opt/byoc-source"'
    assert source_mounts(given, SOURCE, live=False) == (
        Mount(root / "src", PurePosixPath("/opt/byoc-source"), read_only=True),
    )
    assert serving_code(given) == root / "src"
    environment = endpoint(given, ContainerOptions(), name="e", model=None).environment
    assert environment["SAGEMAKER_PROGRAM"] == "inference.py"
    assert environment["SAGEMAKER_SUBMIT_DIRECTORY"] == "/opt/ml/model/code"


@pytest.mark.parametrize("style", ["basic", "script-mode-1"])
def test_styles_with_baked_code_get_the_source_only_when_live(root: Path, style: str) -> None:
    given = project(root, style)
    assert "sagemaker_program" not in made(given).hyperparameters
    assert source_mounts(given, SOURCE, live=False) == ()
    assert source_mounts(given, SOURCE, live=True) == (
        Mount(root / "src", PurePosixPath("/opt/program"), read_only=True),
    )
    assert serving_code(given) is None
    assert endpoint(given, ContainerOptions(), name="e", model=None).environment == {}


def test_live_over_a_dockerfile_of_ones_own_is_refused(root: Path) -> None:
    (root / "Dockerfile").write_text("FROM base:1\n")
    given = project(root, "basic", '[build]\ndockerfile = "Dockerfile"')
    with pytest.raises(UsageError) as caught:
        source_mounts(given, SOURCE, live=True)
    assert caught.value.id == "BYOC-E418"


def test_the_region_is_the_options_the_projects_the_environments(root: Path) -> None:
    own = project(root, more='[publish]\nrepository = "churn"\nregion = "eu-west-1"')
    environ = {"AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": "us-west-1"}
    assert region(own, ContainerOptions(region="ap-south-1"), environ) == "ap-south-1"
    assert region(own, ContainerOptions(), environ) == "eu-west-1"
    assert region(None, ContainerOptions(), environ) == "us-west-2"
    assert region(None, ContainerOptions(), {"AWS_DEFAULT_REGION": "us-west-1"}) == "us-west-1"
    assert region(None, ContainerOptions(), {}) == "us-east-1"
