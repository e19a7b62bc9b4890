"""Which prebuilt images carry a distribution that another base refuses."""

import datetime
from dataclasses import replace

import pytest

from byoc_kit.catalogue.fitting import Like, carried, fitting
from byoc_kit.catalogue.prebuilt import Prebuilt
from byoc_kit.spec.types import Target
from catalogue.known import known

DAY = datetime.date(2026, 11, 21)
GPU = Like(python="3.12", architecture="amd64", device="gpu")
CPU = replace(GPU, device="cpu")


def found(name: str, wanted: str, like: Like, day: datetime.date = DAY) -> tuple[Prebuilt, ...]:
    return fitting(known(), name, wanted, like, today=day)


def test_a_requirement_is_held_against_the_version_that_the_name_tells() -> None:
    images = found("torch", "torch>=2.9,<2.12", GPU)
    assert images
    assert {image.parsed.version for image in images} <= {"2.9.0", "2.9.1", "2.10.0", "2.11.0"}
    assert all(image.device == "gpu" for image in images)


def test_of_a_version_two_numbers_count() -> None:
    assert {image.parsed.version for image in found("torch", "2.11.7+cpu", CPU)} == {"2.11.0"}


def test_names_are_compared_as_indexes_do() -> None:
    assert found("Scikit_Learn", "1.4.2", CPU) == found("scikit-learn", "scikit-learn==1.4", CPU) != ()


def test_parts_of_a_tag_count_too() -> None:
    assert {image.parsed.parts["transformers"] for image in found("transformers", "5.3", GPU)} == {"5.3.0"}


def test_a_server_without_the_distribution_is_no_base_for_it() -> None:
    (serving,) = (image for image in known().images if "tensorflow-inference:2.19.0-gpu" in image.name)
    assert carried(serving) == {}


def test_those_whose_patches_have_ended_are_left_out() -> None:
    before = found("torch", "torch==2.8.*", GPU, datetime.date(2026, 1, 1))
    assert "dlc:pytorch-training:2.8.0-gpu-py312-cu129-ubuntu22.04-sagemaker" in {
        each.name for each in before
    }
    assert not {image.repository for image in found("torch", "torch==2.8.*", GPU)} & {"pytorch-training"}


def test_the_nearest_comes_first() -> None:
    day = datetime.date(2026, 1, 1)
    same = replace(GPU, repository="pytorch-inference", targets=(Target.HOSTING,))
    assert found("torch", "torch>=2.6", same, day)[0].repository == "pytorch-inference"
    assert all(Target.HOSTING in image.targets for image in found("torch", "torch>=2.6", same, day))


@pytest.mark.parametrize("wanted", ["numpy>=2", "2.0", "not a requirement", ""])
def test_what_no_name_tells_is_not_guessed(wanted: str) -> None:
    assert found("numpy", wanted, GPU) == ()
