import json
import re

import pytest

from byoc_kit.catalogue.prebuilt import Prebuilt
from byoc_kit.catalogue.short import choose
from byoc_kit.oci.reference import is_ecr, parse_image
from byoc_kit.oci.short import parse_short
from byoc_kit.spec.types import Target
from byoc_kit.work.catalogue import shipped
from catalogue.known import known


def names(words: str, python: str | None = None) -> list[str]:
    return [image.name for image in known().search(words.split(), python=python)]


def test_every_document_tells_its_source_and_its_date() -> None:
    for name, document in shipped().items():
        assert document["source"], name
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", document["date"]), name
        assert document["schema"].startswith("byoc/"), name


def test_data_stay_small() -> None:
    assert len(json.dumps(dict(shipped()), separators=(",", ":"))) < 300_000


@pytest.mark.parametrize(
    "repository",
    [
        *("pytorch-training", "pytorch-inference", "tensorflow-training", "pytorch", "mxnet-training"),
        *("sagemaker-scikit-learn", "sagemaker-xgboost", "tei", "tei-cpu", "huggingface-pytorch-training"),
        *("djl-inference", "sagemaker-tritonserver", "pytorch-training-neuronx", "pytorch-inference-arm64"),
        *("sagemaker-spark-processing", "base", "docker/library/python", "nvidia/cuda", "kmeans", "vllm"),
    ],
)
def test_families_that_are_known(repository: str) -> None:
    assert known().of_repository(repository)


def test_words_narrow_a_search() -> None:
    found = known().search(["pytorch", "gpu", "training"], python="3.12")
    assert found[0].repository == "pytorch"
    for image in found:
        assert image.device == "gpu"
        assert image.python == "3.12"
        assert Target.TRAINING in image.targets
    assert "dlc:pytorch-training:2.8.0-gpu-py312-cu129-ubuntu22.04-sagemaker" in [each.name for each in found]
    assert not [each for each in found if each.repository == "pytorch-training" and each.variant == "ec2"]


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("xgboost 1.7", "dlc:sagemaker-xgboost:1.7-1"),
        ("pytorch-training 2.8 ec2 cpu", "dlc:pytorch-training:2.8.0-cpu-py312-ubuntu22.04-ec2"),
        ("python 3.12-slim", "dlc:docker/library/python:3.12-slim"),
        ("cuda 12.8 devel", "dlc:nvidia/cuda:12.8.1-cudnn-devel-ubuntu24.04"),
        ("training gpu sagemaker", "dlc:pytorch:2.13.0-cu133-amzn2023-sagemaker"),
        ("spark processing 3.5", "dlc:sagemaker-spark-processing:3.5-cpu-py312"),
    ],
)
def test_searches_people_make(words: str, first: str) -> None:
    assert names(words)[0] == first


def test_arm64_is_told() -> None:
    for image in known().search(["arm64"]):
        assert image.architecture == "arm64", image.name
        assert Target.SERVERLESS not in image.targets


def test_accounts_are_accounts_and_every_uri_is_one_of_ecr() -> None:
    for image in known().images:
        for region, account in image.accounts.items():
            assert re.fullmatch(r"\d{12}", account), image.name
            registry = known().regions.registry(account, region)
            assert registry, (image.name, region)
            assert is_ecr(registry)


def test_every_image_can_be_named() -> None:
    for image in known().images:
        for tag in image.tags:
            if tag:
                parse_image(f"registry.example/{image.repository}:{tag}")
        assert image.targets, image.name


def test_every_image_is_found_by_its_own_name() -> None:
    for image in known().images:
        choice = choose(known(), parse_short(image.name))
        assert (choice.image, choice.tag, choice.name) == (image, image.tag, image.name)


def test_an_image_without_a_tag_has_none_in_its_uri() -> None:
    choice = choose(known(), parse_short("sagemaker-model-monitor-analyzer"))
    registry = "468650794304.dkr.ecr.eu-west-1.amazonaws.com"
    assert choice.uri(known(), "eu-west-1") == f"{registry}/sagemaker-model-monitor-analyzer"


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("kmeans", {"training", "tuning", "hosting", "batch", "async", "serverless"}),
        ("pytorch-training:2.8-gpu", {"training", "tuning", "processing"}),
        ("pytorch-inference:2.6-cpu", {"hosting", "batch", "async", "serverless"}),
        ("pytorch-inference:2.6-gpu", {"hosting", "batch", "async"}),
        ("pytorch-inference-arm64:2.6-cpu", {"hosting", "batch", "async"}),
        ("sagemaker-spark-processing:3.5-py312", {"processing"}),
        ("sagemaker-distribution-prod:3.2-cpu", {"hosting", "batch", "async", "serverless", "studio"}),
    ],
)
def test_targets_that_an_image_suits(name: str, targets: set[str]) -> None:
    found = choose(known(), parse_short(name)).image.targets
    assert {target.value for target in found} == targets


def test_no_tag_means_two_images() -> None:
    seen: dict[tuple[str, str], Prebuilt] = {}
    for image in known().images:
        for tag in image.tags:
            assert (image.repository, tag) not in seen or not tag, (image, seen[image.repository, tag])
            seen[image.repository, tag] = image


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("cn-northwest-1", "aws-cn"),
        ("us-gov-east-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
        ("eusc-de-east-1", "aws-eusc"),
        ("eu-west-9", "aws"),
    ],
)
def test_partitions_by_name_and_by_looks(region: str, partition: str) -> None:
    found = known().regions.partition(region)
    assert found
    assert found.name == partition


def test_no_partition_for_no_region() -> None:
    assert known().regions.registry("123456789012", "nowhere") is None
