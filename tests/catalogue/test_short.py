import datetime

import pytest

from byoc_kit.catalogue.short import choose
from byoc_kit.errors import ByocError, UsageError
from byoc_kit.oci.short import parse_short
from catalogue.known import known

FULL = "dlc:pytorch-training:2.8.0-gpu-py312-cu129-ubuntu22.04-sagemaker"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (FULL, FULL),
        ("dlc:pytorch-training:2.8.0-gpu-py312", "dlc:pytorch-training:2.8.0-gpu-py312"),
        (f"{FULL}-v1.5-2025-09-01-10-10-10", f"{FULL}-v1.5-2025-09-01-10-10-10"),
        ("dlc:pytorch-training:2.8-gpu", FULL),
        ("dlc:pytorch-training:2-gpu-py312-cu129", FULL),
        ("pytorch:2.13-gpu", "dlc:pytorch:2.13.0-cu133-amzn2023-sagemaker"),
        ("dlc:vllm:server-v2.3", "dlc:vllm:server-sagemaker-cuda-v2.3"),
        ("dlc:sagemaker-xgboost:1.7-1", "dlc:sagemaker-xgboost:1.7-1"),
        ("dlc:base:runtime-cu130", "dlc:base:runtime-cu130-amzn2023"),
        ("dlc:sagemaker-tritonserver:26.03", "dlc:sagemaker-tritonserver:26.03-py3"),
        ("dlc:djl-inference:0.36-lmi28", "dlc:djl-inference:0.36.0-lmi28.0.0-cu130"),
        ("dlc:sagemaker-spark-processing:3.5-py312", "dlc:sagemaker-spark-processing:3.5-cpu-py312"),
        ("dlc:docker/library/python:3.12-slim", "dlc:docker/library/python:3.12-slim"),
    ],
)
def test_a_full_tag_is_taken_as_it_is_and_of_a_part_the_newest(name: str, meant: str) -> None:
    assert choose(known(), parse_short(name)).name == meant


def test_the_newest_is_newest_by_number() -> None:
    assert choose(known(), parse_short("pytorch-training:2-cpu")).image.version == "2.10.0"


def test_ec2_variants_only_when_asked_for() -> None:
    chosen = choose(known(), parse_short("pytorch-training:2.8-gpu-ec2"))
    assert chosen.tag == "2.8.0-gpu-py312-cu129-ubuntu22.04-ec2"


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("dlc:pytorch-trainng:2.8-gpu", "BYOC-E840", "pytorch-training"),
        ("dlc:pytorch-training:3.1-gpu", "BYOC-E841", "dlc:pytorch-training:2.10.0-gpu-py313-cu130"),
        ("dlc:pytorch-training:2.8-gpu-py39", "BYOC-E841", "2.8.0-gpu-py312"),
        ("dlc:pytorch-training:2.8", "BYOC-E842", "2.8.0-cpu-py312-ubuntu22.04-sagemaker"),
    ],
)
def test_what_does_not_exist_is_refused_with_the_nearest(name: str, error: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose(known(), parse_short(name))
    assert caught.value.id == error
    assert said in caught.value.why + caught.value.fix


@pytest.mark.parametrize(
    "text", ["dlc:", "dlc:A:b", "dlc:a/b@sha256:0", "dlc:a:-x", "dlc:a b:c", "dlc:a:b:c"]
)
def test_what_is_no_short_name(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_short(text)
    assert caught.value.id == "BYOC-E112"


@pytest.mark.parametrize(
    ("name", "region", "host"),
    [
        ("pytorch-training:2.8-gpu", "eu-west-1", "763104351884.dkr.ecr.eu-west-1.amazonaws.com"),
        ("pytorch-training:2.8-gpu", "ap-southeast-2", "763104351884.dkr.ecr.ap-southeast-2.amazonaws.com"),
        ("pytorch-training:2.8-gpu", "cn-north-1", "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("pytorch-training:2.8-gpu", "us-gov-west-1", "442386744353.dkr.ecr.us-gov-west-1.amazonaws.com"),
        ("sagemaker-xgboost:1.7-1", "us-west-2", "246618743249.dkr.ecr.us-west-2.amazonaws.com"),
        ("sagemaker-xgboost:1.7-1", "us-east-1", "683313688378.dkr.ecr.us-east-1.amazonaws.com"),
        ("pytorch-training:2.8-gpu", None, "public.ecr.aws/deep-learning-containers"),
        ("docker/library/python:3.12-slim", "eu-west-1", "public.ecr.aws"),
    ],
)
def test_account_and_domain_follow_the_region(name: str, region: str | None, host: str) -> None:
    choice = choose(known(), parse_short(name))
    assert choice.uri(known(), region) == f"{host}/{choice.image.repository}:{choice.tag}"


@pytest.mark.parametrize(
    ("name", "region", "error"),
    [
        ("sagemaker-xgboost:1.7-1", "mars-1", "BYOC-E843"),
        ("sagemaker-xgboost:1.7-1", None, "BYOC-E844"),
    ],
)
def test_where_an_image_is_not(name: str, region: str | None, error: str) -> None:
    with pytest.raises(ByocError) as caught:
        choose(known(), parse_short(name)).uri(known(), region)
    assert caught.value.id == error


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2026-05-07", None),
        ("2026-05-08", "end on 2026-08-06, in 90 days"),
        ("2026-08-06", "end on 2026-08-06, in 0 days"),
        ("2026-08-07", "ended on 2026-08-06"),
    ],
)
def test_one_is_warned_90_days_before_patches_end(day: str, said: str | None) -> None:
    found = choose(known(), parse_short(FULL)).image.warning(datetime.date.fromisoformat(day))
    assert found == (f"patches of {FULL.removeprefix('dlc:')} {said}" if said else None)


def test_patches_of_an_older_line_end_no_later() -> None:
    image = choose(known(), parse_short("pytorch-training:2.1-cpu")).image
    assert image.at_latest
    warning = image.warning(datetime.date(2026, 11, 21))
    assert warning is not None
    assert "ended by 2026-01-29" in warning


def test_nothing_is_said_where_nobody_tells() -> None:
    image = choose(known(), parse_short("huggingface-pytorch-training:2.9-gpu")).image
    assert image.ends is None
    assert image.warning(datetime.date(2036, 1, 1)) is None
