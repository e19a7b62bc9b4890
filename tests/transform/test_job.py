"""A transform job as a value: what the container is told, what is agreed, what is refused."""

from pathlib import PurePath
from typing import Any

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.job.joining import DataProcessing
from byoc_kit.job.transform import (
    Parameters,
    TransformJob,
    check_transform,
    environment,
    parameters,
    told_parameters,
)
from byoc_kit.job.transform_request import read_transform_request


def job(**members: Any) -> TransformJob:
    given: dict[str, Any] = {"name": "t-1", "source": PurePath("/in"), "content_type": "text/csv"}
    return TransformJob(**given | members)


def test_the_container_is_told_only_what_was_asked() -> None:
    """BAT-01."""
    assert environment(job()) == {"SAGEMAKER_BATCH": "true"}
    assert environment(
        job(strategy="SingleRecord", max_payload=0, max_concurrent=4, environment={"K": "V"})
    ) == {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "0",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "4",
        "K": "V",
    }


def test_request_beats_container_beats_default() -> None:
    """BAT-02."""
    told = told_parameters({"MaxConcurrentTransforms": 8, "BatchStrategy": "SINGLE_RECORD"})
    assert parameters(job(), {}) == Parameters(max_concurrent=1, strategy="MultiRecord", max_payload=6)
    assert parameters(job(), told) == Parameters(max_concurrent=8, strategy="SingleRecord", max_payload=6)
    asked = job(max_concurrent=2, strategy="MultiRecord", max_payload=50)
    assert parameters(asked, told) == Parameters(max_concurrent=2, strategy="MultiRecord", max_payload=50)


def test_payload_is_in_megabytes_and_0_means_any() -> None:
    assert (Parameters(max_payload=6).limit, Parameters(max_payload=0).limit) == (6 << 20, None)


@pytest.mark.parametrize(("concurrent", "payload"), [(2, 51), (1, 101), (0, 6)])
def test_too_much_under_way_is_refused(concurrent: int, payload: int) -> None:
    """BAT-04."""
    with pytest.raises(UsageError, match="are not allowed") as caught:
        parameters(job(), {"max_concurrent": concurrent, "max_payload": payload})
    assert caught.value.id == "BYOC-E460"


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ([1], "no JSON object"),
        ({"MaxPayloadInMB": "6"}, "MaxPayloadInMB is '6', no whole number"),
        ({"MaxConcurrentTransforms": True}, "no whole number"),
        ({"BatchStrategy": "MultiRecord"}, "neither SINGLE_RECORD nor MULTI_RECORD"),
    ],
)
def test_a_container_that_says_nonsense_is_told(document: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        told_parameters(document)


def test_every_rule_that_is_broken_is_told_at_once() -> None:
    """BAT-05."""
    variables = {f"K{number}": "v" for number in range(16)} | {"1K": "v" * 10_241}
    bad = job(
        environment=variables, timeout=0, retries=4, split="TFRecord", processing=DataProcessing(join=True)
    )
    with pytest.raises(UsageError) as caught:
        check_transform(bad)
    text = str(caught.value)
    for said in (
        "17 variables",
        "'1K': letters",
        "10241 characters",
        "not 0 (BAT-05)",
        "not 4 (BAT-05)",
        "TFRecord",
    ):
        assert said in text
    check_transform(job(processing=DataProcessing(join=True)))


@pytest.mark.parametrize("member", ["content_type", "accept"])
def test_a_header_is_one_line_of_ascii(member: str) -> None:
    for value in ("text/csv\r\nX: y", "text/é"):
        with pytest.raises(UsageError, match="breaks 1 of") as caught:
            check_transform(job(**{member: value}))
        assert "on one line" in str(caught.value)


REQUEST: dict[str, Any] = {
    "TransformJobName": "t-1",
    "ModelName": "churn",
    "MaxConcurrentTransforms": 2,
    "MaxPayloadInMB": 1,
    "BatchStrategy": "SingleRecord",
    "ModelClientConfig": {"InvocationsTimeoutInSeconds": 60, "InvocationsMaxRetries": 1},
    "Environment": {"K": "V"},
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}},
        "ContentType": "text/csv",
        "SplitType": "Line",
    },
    "TransformOutput": {"S3OutputPath": "s3://b/out", "Accept": "text/csv", "AssembleWith": "Line"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    "DataProcessing": {"InputFilter": "$[1:]", "JoinSource": "Input"},
}


def test_a_request_is_taken_over() -> None:
    request = read_transform_request(REQUEST, name="job.json")
    assert (request.name, request.uri) == ("t-1", "s3://b/in")
    assert request.ignored == ("ModelName", "TransformResources")
    assert request.members == {
        "environment": {"K": "V"},
        "split": "Line",
        "content_type": "text/csv",
        "accept": "text/csv",
        "assemble": "Line",
        "strategy": "SingleRecord",
        "max_payload": 1,
        "max_concurrent": 2,
        "timeout": 60,
        "retries": 1,
        "input_filter": "$[1:]",
        "join": True,
    }


def test_a_manifest_is_refused() -> None:
    source = {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": "s3://b/m"}}
    with pytest.raises(UsageError, match="ManifestFile cannot be transformed here"):
        read_transform_request(REQUEST | {"TransformInput": {"DataSource": source}}, name="job.json")
