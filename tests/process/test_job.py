"""A processing job as a value: arguments, config files, the container, limits, and job files."""

import json
from pathlib import PurePosixPath
from typing import Any

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.job.limits import check_processing
from byoc_kit.job.processing import (
    PLACE,
    ProcessingInput,
    ProcessingJob,
    ProcessingOutput,
    input_argument,
    output_argument,
    processing_config_files,
    processing_container,
)
from byoc_kit.job.processing_request import read_processing_request

DATASET = ProcessingInput(
    name="in", source=PurePosixPath("/data"), target=PLACE / "input/dataset", uri="s3://b/p"
)
RESULT = ProcessingOutput(name="out", target=PLACE / "output/dataset", uri="s3://b/o")


def job(**changes: Any) -> ProcessingJob:
    usual: dict[str, Any] = {"name": "p", "image": "img", "inputs": (DATASET,), "outputs": (RESULT,)}
    return ProcessingJob(**(usual | changes))


def test_the_config_file_is_the_whole_request() -> None:
    """PRC-04, as appendix A of the contract shows it."""
    files = processing_config_files(job(environment={"K": "V"}), "algo-1")
    config = json.loads(files["processingjobconfig.json"])
    assert config["ProcessingJobArn"] == "arn:aws:sagemaker:us-east-1:111122223333:processing-job/p"
    assert config["AppSpecification"] == {
        "ImageUri": "img",
        "ContainerEntrypoint": None,
        "ContainerArguments": None,
    }
    assert config["Environment"] == {"K": "V"}
    (given,) = config["ProcessingInputs"]
    assert given["S3Input"]["LocalPath"] == "/opt/ml/processing/input/dataset"
    assert given["S3Input"]["S3Uri"] == "s3://b/p"
    (left,) = config["ProcessingOutputConfig"]["Outputs"]
    assert left["S3Output"] == {
        "LocalPath": "/opt/ml/processing/output/dataset",
        "S3Uri": "s3://b/o",
        "S3UploadMode": "EndOfJob",
    }
    assert config["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 1
    assert config["StoppingCondition"] == {"MaxRuntimeInSeconds": 86_400}


def test_each_host_is_told_its_own_name() -> None:
    files = processing_config_files(job(hosts=("algo-2", "algo-1")), "algo-2")
    assert json.loads(files["resourceconfig.json"]) == {
        "current_host": "algo-2",
        "hosts": ["algo-1", "algo-2"],
    }


@pytest.mark.parametrize("entrypoint", [None, ("python3", "x.py")])
@pytest.mark.parametrize("arguments", [None, ("--days", "3")])
def test_no_word_is_added(entrypoint: tuple[str, ...] | None, arguments: tuple[str, ...] | None) -> None:
    """PRC-01: the four cases."""
    plan = processing_container(
        job(entrypoint=entrypoint, arguments=arguments), "algo-1", image="i", mounts=(), network="n"
    )
    assert (plan.entrypoint, plan.command) == (entrypoint, arguments)


def test_an_isolated_container_is_not_told_of_aws() -> None:
    plan = processing_container(job(isolated=True), "algo-1", image="i", mounts=(), network="n")
    assert "AWS_REGION" not in plan.env


@pytest.mark.parametrize(
    ("text", "path", "target"),
    [
        ("data", "data", None),
        ("data:/opt/ml/processing/x", "data", "/opt/ml/processing/x"),
        ("C:/data", "C:/data", None),
        ("C:/data:/opt/ml/processing/x", "C:/data", "/opt/ml/processing/x"),
        ("/a:b/c", "/a:b/c", None),
        ("s3://b/raw", "s3://b/raw", None),
        ("s3://b/raw:/opt/ml/processing/x", "s3://b/raw", "/opt/ml/processing/x"),
    ],
)
def test_an_input_is_a_path_and_perhaps_a_place(text: str, path: str, target: str | None) -> None:
    assert input_argument(text, "raw") == (path, target and PurePosixPath(target))


def test_an_output_is_a_name_and_perhaps_a_place() -> None:
    assert output_argument("train") == ("train", None)
    assert output_argument("train:/opt/ml/processing/t") == ("train", PLACE / "t")
    with pytest.raises(UsageError, match="names no output"):
        output_argument("a/b")
    with pytest.raises(UsageError, match="names no data"):
        input_argument(":/opt/ml/processing/t", "raw")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"outputs": (RESULT,) * 11}, "outputs: 11 of them, 10 are allowed (PRC-05)"),
        ({"inputs": (DATASET, DATASET)}, "is the LocalPath of another input too (PRC-05)"),
        ({"environment": {"K": "v" * 257}}, "257 characters, 256 are allowed (PRC-08)"),
        ({"arguments": ("x" * 257,)}, "257 characters, 256 are allowed"),
        ({"max_runtime": 777_601}, "777601 s, 777600 are allowed (PRC-08)"),
        ({"name": "a b"}, "job name 'a b'"),
        (
            {"outputs": (ProcessingOutput(name="o", target=PurePosixPath("/opt/ml/out"), uri="s3://b"),)},
            "output 'o': /opt/ml/out is not below /opt/ml/processing",
        ),
    ],
)
def test_limits_of_the_service_are_told(changes: dict[str, Any], said: str) -> None:
    check_processing(job())
    with pytest.raises(UsageError) as caught:
        check_processing(job(**changes))
    assert any(said in line for line in caught.value.details), caught.value.details


REQUEST: dict[str, Any] = {
    "ProcessingJobName": "prep",
    "RoleArn": "arn:aws:iam::111122223333:role/sagemaker",
    "AppSpecification": {"ImageUri": "prep:1", "ContainerEntrypoint": ["python3", "/x.py"]},
    "ProcessingInputs": [
        {
            "InputName": "raw",
            "S3Input": {
                "S3Uri": "s3://b/raw",
                "LocalPath": "/opt/ml/processing/raw",
                "S3DataType": "S3Prefix",
                "S3DataDistributionType": "ShardedByS3Key",
            },
        }
    ],
    "ProcessingOutputConfig": {
        "Outputs": [
            {
                "OutputName": "clean",
                "S3Output": {
                    "S3Uri": "s3://b/c",
                    "LocalPath": "/opt/ml/processing/c",
                    "S3UploadMode": "Continuous",
                },
            }
        ]
    },
    "ProcessingResources": {
        "ClusterConfig": {"InstanceCount": 2, "InstanceType": "ml.c5.xlarge", "VolumeSizeInGB": 5}
    },
    "NetworkConfig": {"EnableNetworkIsolation": True},
    "Tags": [{"Key": "a", "Value": "b"}],
}


def test_a_request_is_read_in_full() -> None:
    read = read_processing_request(REQUEST, name="job.json")
    assert read.entrypoint == ("python3", "/x.py")
    assert read.arguments is None
    assert (read.inputs[0].target, read.inputs[0].distribution) == (PLACE / "raw", "ShardedByS3Key")
    assert (read.outputs[0].name, read.outputs[0].upload) == ("clean", "Continuous")
    assert (read.instance_count, read.isolated, read.ignored) == (2, True, ("Tags",))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"InputName": "d", "DatasetDefinition": {}}, "d has no S3Input"),
        (
            {
                "InputName": "p",
                "S3Input": {"S3Uri": "s3://b", "LocalPath": "/opt/ml/processing/p", "S3InputMode": "Pipe"},
            },
            "p has S3InputMode Pipe",
        ),
    ],
)
def test_what_cannot_be_done_here_is_told(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_processing_request({**REQUEST, "ProcessingInputs": [entry]}, name="job.json")
    assert caught.value.id == "BYOC-E441"
    assert any(said in line for line in caught.value.details)
