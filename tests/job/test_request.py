"""A CreateTrainingJob request as a job for one host."""

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
    assert (first.name, first.uri, first.mode, first.content_type) == (
        "train",
        "s3://b/train",
        "FastFile",
        "text/csv",
    )
    assert (second.mode, second.content_type, second.record_wrapper) == ("File", None, "None")
    assert request.ignored == ("OutputDataConfig", "RoleArn")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ResourceConfig": {"InstanceCount": 2}}, "ResourceConfig.InstanceCount: 2 hosts"),
        ({"ResourceConfig": {"InstanceGroups": [{}]}}, "ResourceConfig.InstanceGroups"),
        ({"EnableNetworkIsolation": True}, "EnableNetworkIsolation"),
        ({"AlgorithmSpecification": {"TrainingInputMode": "Pipe"}}, "channel test has mode Pipe"),
    ],
)
def test_what_one_host_cannot_do_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_request({**REQUEST, **change}, name="job.json")
    assert said in "\n".join(caught.value.details)
    assert caught.value.id == "BYOC-E408"
