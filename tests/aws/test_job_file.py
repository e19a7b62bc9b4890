"""Job files against botocore's own description of the service."""

import json
from pathlib import Path
from typing import Any

import pytest

from byoc_kit.aws.job_file import read_job_file
from byoc_kit.errors import UsageError

REQUEST: dict[str, Any] = {
    "TrainingJobName": "churn-1",
    "RoleArn": "arn:aws:iam::111122223333:role/service-role/sagemaker",
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "churn:1"},
    "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
    "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/train"}},
        }
    ],
}


def write(folder: Path, document: object) -> Path:
    path = folder / "job.json"
    path.write_text(json.dumps(document))
    return path


def refused(folder: Path, **changes: Any) -> list[str]:
    with pytest.raises(UsageError) as caught:
        read_job_file(write(folder, {**REQUEST, **changes}))
    assert caught.value.id == "BYOC-E801"
    return list(caught.value.details)


def test_a_request_is_read_as_it_is(tmp_path: Path) -> None:
    assert read_job_file(write(tmp_path, REQUEST)) == REQUEST


def test_unknown_and_missing_members_are_told_together(tmp_path: Path) -> None:
    request = {key: value for key, value in REQUEST.items() if key != "RoleArn"}
    with pytest.raises(UsageError) as caught:
        read_job_file(write(tmp_path, {**request, "HyperParams": {}}))
    said = "\n".join(caught.value.details)
    assert 'Missing required parameter in input: "RoleArn"' in said
    assert 'Unknown parameter in input: "HyperParams"' in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"HyperParameters": {"epochs": 3}}, "Invalid type for parameter HyperParameters.epochs"),
        ({"HyperParameters": {"k": "v" * 2501}}, "HyperParameters.k: 2501 characters, 2500 are allowed"),
        (
            {"HyperParameters": {f"k{n}": "" for n in range(101)}},
            "HyperParameters: 101 entries, 100 are allowed",
        ),
        ({"Environment": {"1K": "v"}}, "Environment (key '1K'): '1K' does not fit the pattern"),
        ({"TrainingJobName": "a_b"}, "TrainingJobName: 'a_b' does not fit the pattern"),
        (
            {"AlgorithmSpecification": {"TrainingInputMode": "Fast"}},
            "TrainingInputMode: 'Fast' is none of the 3 values that botocore knows; there are Pipe, File,",
        ),
        (
            {"InputDataConfig": [{"ChannelName": "a/b", "DataSource": {}}]},
            "InputDataConfig[0].ChannelName: 'a/b'",
        ),
        ({"InputDataConfig": []}, "Invalid length for parameter InputDataConfig"),
    ],
)
def test_the_services_limits_hold(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    assert said in "\n".join(refused(tmp_path, **changes))


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_what_is_no_json_object_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "job.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="cannot be read") as caught:
        read_job_file(path)
    assert caught.value.id == "BYOC-E802"


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_job_file(tmp_path / "none.json")
    assert caught.value.why == "No such file or directory"


def test_of_a_long_list_the_nearest_are_named(tmp_path: Path) -> None:
    resources = {"InstanceType": "ml.c5.xlarg", "InstanceCount": 1, "VolumeSizeInGB": 30}
    (said,) = refused(tmp_path, ResourceConfig=resources)
    assert "'ml.c5.xlarg' is none of the" in said
    assert "ml.c5.xlarge" in said
    assert len(said) < 250


def test_a_request_of_another_kind_is_refused_in_its_own_words(tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text(json.dumps({"TransformJobName": "t-1", "ModelName": "m"}))
    with pytest.raises(UsageError) as caught:
        read_job_file(file, "CreateTransformJob")
    assert "is not a CreateTransformJob request" in str(caught.value)
    assert 'Missing required parameter in input: "TransformInput"' in str(caught.value)
    assert "boto3's create_transform_job" in caught.value.fix


def test_a_request_of_another_kind_names_its_command(tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text(json.dumps({"ProcessingJobName": "p"}))
    with pytest.raises(UsageError, match="is not a CreateTrainingJob request") as caught:
        read_job_file(file)
    assert caught.value.why == "it has a ProcessingJobName: it is a CreateProcessingJob request"
    assert caught.value.fix == f"run it with `byoc run process --job {file}`"
