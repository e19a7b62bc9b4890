"""Which engine is chosen, and what is said of the other."""

from pathlib import PurePosixPath

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.plan.choose import Circumstances, choose
from byoc_kit.plan.output import parse_output
from byoc_kit.plan.types import DockerfileStep, EngineChoice, Step, SystemStep

SYSTEM = SystemStep(packages=("libgomp1",), manager="apt-get")
OWN = DockerfileStep(path=PurePosixPath("Dockerfile"))


def chosen(*steps: Step, output: str | None = None, **given: object) -> EngineChoice:
    facts: dict[str, object] = {"asked": "auto", "daemon": True, **given}
    where = parse_output(output) if output else None
    return choose(steps, Circumstances(output=where, **facts))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("output", "daemon", "name"),
    [
        (None, True, "docker"),
        ("docker", True, "docker"),
        ("registry", True, "layer"),
        ("oci:image", True, "layer"),
        ("docker-archive:image.tar", True, "layer"),
        (None, False, "layer"),
        ("registry", False, "layer"),
    ],
)
def test_auto_goes_where_base_and_output_are(output: str | None, daemon: bool, name: str) -> None:
    choice = chosen(output=output, daemon=daemon)
    assert choice.name == name
    assert choice.why
    assert [other for other, _ in choice.rejected] == [{"docker": "layer", "layer": "docker"}[name]]


@pytest.mark.parametrize(
    ("step", "why"),
    [(SYSTEM, "libgomp1"), (OWN, "Dockerfile is built as it is")],
)
def test_what_has_to_run_needs_docker(step: Step, why: str) -> None:
    choice = chosen(step, output="registry")
    assert choice.name == "docker"
    assert why in choice.why
    assert why in dict(choice.rejected)["layer"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"own_templates": True}, "template"),
        ({"unresolved": "sagemaker-training has no wheel"}, "sagemaker-training has no wheel"),
    ],
)
def test_what_is_opaque_or_unlocked_needs_docker(given: dict[str, object], why: str) -> None:
    assert why in chosen(output="registry", **given).why


def test_a_base_outside_of_every_engine_is_for_layers() -> None:
    assert chosen(base_outside=True).name == "layer"


def test_what_is_asked_for_is_taken() -> None:
    assert chosen(output="registry", asked="docker").name == "docker"
    assert chosen(asked="layer").name == "layer"


def refused(*steps: Step, **given: object) -> UsageError:
    with pytest.raises(UsageError) as caught:
        chosen(*steps, **given)  # type: ignore[arg-type]
    assert caught.value.id == "BYOC-E217"
    return caught.value


def test_no_engine_at_all_is_told_with_every_reason() -> None:
    error = refused(SYSTEM, OWN, daemon=False)
    assert "no engine can build this image here" in str(error)
    assert [line.partition(":")[0] for line in error.details] == ["docker", "layer", "layer"]
    assert "byoc doctor" in error.fix


def test_the_wrong_engine_is_told_with_the_right_one() -> None:
    assert "leave out --engine layer" in refused(SYSTEM, asked="layer").fix
    assert "leave out --engine docker" in refused(asked="docker", daemon=False).fix


@pytest.mark.parametrize("text", ["oci:", "docker-archive", "docker:x", "tar:x", ""])
def test_an_output_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="is no output"):
        parse_output(text)
