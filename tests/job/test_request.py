"""A CreateTrainingJob request as a job to run here."""

from typing import Any

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.job.request import read_request

REQUEST: dict[str, Any] = {
    "TrainingJobName": "churn-1",
    "RoleArn": "arn:aws:iam::111122223333:role/r",
    "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
    "AlgorithmSpecification": {
        "TrainingImage": "111122223333.dkr.ecr.us-east-1.amazonaws.com/churn:1",
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["python3"],
        "ContainerArguments": ["train.py"],
    },
    "HyperParameters": {"epochs": "3"},
    "Environment": {"K": "V"},
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "ContentType": "text/csv",
            "InputMode": "FastFile",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/train"}},
        },
        {
            "ChannelName": "test",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/test"}},
        },
    ],
    "ResourceConfig": {"InstanceType": "ml.c5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
    "StoppingCondition": {"MaxRuntimeInSeconds": 600},
}


def test_what_decides_how_the_container_starts_is_taken_over() -> None:
    request = read_request(REQUEST, name="job.json")
    assert (request.name, request.instance_type, request.max_runtime) == ("churn-1", "ml.c5.large", 600)
    assert (request.entrypoint, request.arguments) == (("python3",), ("train.py",))
    assert request.hyperparameters == {"epochs": "3"}
    assert request.environment == {"K": "V"}
    first, second = request.channels
    assert (first.name, first.uri) == ("train", "s3://b/train")
    assert first.settings == {"mode": "FastFile", "type": "text/csv", "data": "S3Prefix"}
    assert second.settings == {"mode": "File", "data": "S3Prefix"}
    assert request.ignored == ("OutputDataConfig", "RoleArn")


def test_hosts_groups_isolation_and_checkpoints_are_taken_over() -> None:
    """CFG-05, TRN-10, TRN-11, OUT-07."""
    usual = read_request(REQUEST, name="job.json")
    assert (usual.hosts, usual.groups, usual.isolated) == (1, (), False)
    assert (usual.checkpoint_path, usual.warm_pool) == (None, False)
    groups = [
        {"InstanceGroupName": "gpu", "InstanceType": "ml.g5.xlarge", "InstanceCount": 2},
        {"InstanceGroupName": "data", "InstanceType": "ml.c5.large", "InstanceCount": 1},
    ]
    changes: dict[str, Any] = {"ResourceConfig": {"InstanceGroups": groups, "VolumeSizeInGB": 1}}
    changes |= {"EnableNetworkIsolation": True, "CheckpointConfig": {"S3Uri": "s3://b/c"}}
    request = read_request({**REQUEST, **changes}, name="job.json")
    assert request.groups == (("gpu", "ml.g5.xlarge", 2), ("data", "ml.c5.large", 1))
    assert (request.isolated, request.checkpoint_path) == (True, "/opt/ml/checkpoints")
    changes = {"ResourceConfig": {"InstanceCount": 3, "InstanceType": "t", "KeepAlivePeriodInSeconds": 60}}
    changes |= {"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/ckpt"}}
    request = read_request({**REQUEST, **changes}, name="job.json")
    assert (request.hosts, request.warm_pool, request.checkpoint_path) == (3, True, "/ckpt")


def channel(**changes: Any) -> Any:
    return read_request({**REQUEST, "InputDataConfig": [{"ChannelName": "c", **changes}]}, name="j").channels[
        0
    ]


def test_what_a_channel_asks_for_is_taken_over() -> None:
    """CHN-03 to CHN-07."""
    s3 = {
        "S3DataType": "AugmentedManifestFile",
        "S3Uri": "s3://b/m",
        "S3DataDistributionType": "ShardedByS3Key",
        "AttributeNames": ["image-ref", "label"],
    }
    found = channel(
        DataSource={"S3DataSource": s3},
        InputMode="Pipe",
        RecordWrapperType="RecordIO",
        CompressionType="Gzip",
        ShuffleConfig={"Seed": 7},
    )
    assert found.settings == {
        "mode": "Pipe",
        "distribution": "ShardedByS3Key",
        "wrapper": "RecordIO",
        "data": "AugmentedManifestFile",
        "attributes": "image-ref+label",
        "compression": "Gzip",
        "shuffle": "7",
    }


def test_a_file_system_is_a_mounted_folder() -> None:
    """CHN-05."""
    system = {
        "FileSystemId": "fs-1",
        "FileSystemType": "EFS",
        "FileSystemAccessMode": "rw",
        "DirectoryPath": "/data",
    }
    found = channel(DataSource={"FileSystemDataSource": system})
    assert (found.uri, found.file_system) == ("/data", True)
    assert found.settings == {"mode": "File", "access": "rw"}


FILES = {"FileSystemDataSource": {"DirectoryPath": "/d", "FileSystemAccessMode": "ro"}}
GROUP = {"InstanceGroupName": "g", "InstanceType": "t", "InstanceCount": 1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"InputDataConfig": [{"ChannelName": "c", "InputMode": "Pipe", "DataSource": FILES}]},
            "its mode is File only (CHN-05)",
        ),
        ({"ResourceConfig": {"InstanceGroups": [GROUP], "InstanceCount": 2}}, "InstanceGroups go without"),
        (
            {"ResourceConfig": {"InstanceGroups": [GROUP], "KeepAlivePeriodInSeconds": 60}},
            "instance groups have no warm pool",
        ),
    ],
)
def test_members_that_do_not_go_together_are_refused_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_request({**REQUEST, **change}, name="job.json")
    assert said in "\n".join(caught.value.details)
    assert caught.value.id == "BYOC-E408"
