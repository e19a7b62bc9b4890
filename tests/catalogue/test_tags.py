import pytest

from byoc_kit.catalogue.tags import moves, parse_tag, version_key


def test_old_grammar() -> None:
    tag = parse_tag("2.8.0-transformers4.56.2-gpu-py312-cu129-ubuntu22.04-sagemaker-v1.5")
    assert (tag.version, tag.device, tag.python, tag.cuda) == ("2.8.0", "gpu", "3.12", "12.9")
    assert (tag.os, tag.variant, tag.release) == ("ubuntu22.04", "sagemaker", "1.5")
    assert tag.parts == {"transformers": "4.56.2"}


def test_new_grammar_has_no_word_for_the_device() -> None:
    tag = parse_tag("2.13.0-cu133-amzn2023-sagemaker")
    assert (tag.device, tag.cuda, tag.os) == ("gpu", "13.3", "amzn2023")


def test_words_of_servers() -> None:
    tag = parse_tag("server-sagemaker-cuda-v2.3")
    assert tag.words == {"server"}
    assert (tag.device, tag.variant, tag.release) == ("gpu", "sagemaker", "2.3")


@pytest.mark.parametrize(
    ("part", "whole", "fits"),
    [
        ("2.8-gpu", "2.8.0-gpu-py312-cu129-ubuntu22.04-sagemaker", True),
        ("2-gpu-cu129", "2.8.0-gpu-py312-cu129-ubuntu22.04-sagemaker", True),
        ("2.1-gpu", "2.10.0-gpu-py313-cu130-ubuntu22.04-sagemaker", False),
        ("2.8-cpu", "2.8.0-gpu-py312-cu129-ubuntu22.04-sagemaker", False),
        ("2.8-gpu-py311", "2.8.0-gpu-py312-cu129-ubuntu22.04-sagemaker", False),
        ("transformers4.56", "2.8.0-transformers4.56.2-gpu-py312", True),
        ("transformers4.5", "2.8.0-transformers4.56.2-gpu-py312", False),
        ("server", "omni-sagemaker-cuda-v1.8", False),
    ],
)
def test_parts_of_a_tag_fit_by_component(part: str, whole: str, fits: bool) -> None:
    assert parse_tag(part).fits(parse_tag(whole)) is fits


@pytest.mark.parametrize(
    ("tag", "moving"),
    [
        ("2.8.0-gpu-py312", True),
        ("2.8-gpu-py312-cu129-ubuntu22.04-sagemaker-v1", True),
        ("2.8-gpu-py312-cu129-ubuntu22.04-sagemaker-v1.5", False),
        ("2.8.0-gpu-py312-cu129-ubuntu22.04-sagemaker-v1.5-2025-09-01-10-10-10", False),
        ("server-sagemaker-cuda-v2.3", False),
        ("1.7-1", True),
    ],
)
def test_only_releases_stay_where_they_are(tag: str, moving: bool) -> None:
    assert moves(tag) is moving


def test_versions_are_ordered_by_number() -> None:
    assert sorted(["2.10.0", "2.9.1", "2.9"], key=version_key) == ["2.9", "2.9.1", "2.10.0"]
