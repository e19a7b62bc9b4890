"""What the SageMaker SDK's ``image_uris.retrieve`` answers, ours answers: asked side by side, all of it."""

import dataclasses
import json
import subprocess
from collections.abc import ItemsView, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from byoc_kit.catalogue.question import Question, RefusedError
from byoc_kit.catalogue.retrieve import Located, locate
from byoc_kit.errors import ByocError
from catalogue.known import known
from rig.machine import Missing
from rig.sdk import sdk_python

WALK = Path(__file__).with_name("walk.py")
FEWEST = 500_000  # URIs that SDK 3.27.0 gives (530,695); far fewer would mean that the walk is broken

EXTRAS: Mapping[str, Mapping[str, Any]] = {
    "accelerator": {"accelerator_type": "ml.eia2.medium"},
    "container": {"container_version": "cu110-ubuntu18.04"},
    "neuronx": {"inference_tool": "neuronx"},
    "sdk": {"sdk_version": "sdk2.9.1"},
    "compiler": {"training_compiler": True},
    "serverless": {"serverless": True},
    "smdistributed": {"smdistributed": True},
}
"""Our words for what the walk adds to questions."""

DIFFERENCES = {
    "huggingface": "an alias of the version (4.26) stays in the tag of 2.257.7; 3.27.0 has 4.26.0 in it",
    "huggingface-vllm-neuronx": "2.257.7 says inf2 for the hardware where 3.27.0 says neuronx",
}
"""Where both SDKs answer a question that names a version, and not the same."""


def asked_of(major: int, mode: str) -> Iterator[tuple[Question, dict[str, str | None]]]:
    """Each question that the SDK was asked, and its answer in every region; None: it refuses."""
    try:
        python = sdk_python(major)
    except Missing as reason:
        pytest.fail(str(reason), pytrace=False)
    command = [str(python), "-W", "ignore", str(WALK), mode]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as walk:
        assert walk.stdout
        for line in walk.stdout:
            framework, version, py_version, scope, base, instance, extra, told = json.loads(line)
            question = Question(
                framework=framework,
                region="",
                version=version,
                py_version=py_version,
                image_scope=scope,
                base_framework_version=base,
                instance_type=instance,
                **EXTRAS.get(extra, {}),
            )
            yield question, dict.fromkeys(told) if isinstance(told, list) else told
    assert walk.returncode == 0


def ours(question: Question) -> Located | None:
    try:
        return locate(known().tables, question)
    except RefusedError:
        return None


def in_region(found: Located | None, region: str) -> str | None:
    try:
        return found.uri(region, known().regions) if found else None
    except RefusedError:
        return None


@pytest.mark.setup
@pytest.mark.timeout(300)
def test_every_answer_of_the_sdk_is_ours() -> None:
    right, wrong = 0, []
    for question, told in asked_of(3, "all"):
        found = ours(question)
        for region, uri in told.items():
            own = in_region(found, region)
            right += uri is not None and own == uri
            if own != uri:
                wrong.append((question, region, uri, own))
        if found and any(told.values()):  # where the SDK refuses a region, ours does too
            assert set(found.accounts) == set(told), question
    assert not wrong[:3], len(wrong)
    assert right > FEWEST


@pytest.mark.setup
@pytest.mark.timeout(300)
def test_the_two_differences_from_sdk_2() -> None:
    newer = {question: told for question, told in asked_of(3, "one") if question.version}
    differing = {
        question.framework
        for question, told in asked_of(2, "one")
        for region, uri in told.items()
        if uri and newer.get(question, {}).get(region, uri) not in {uri, None}
    }
    assert differing == set(DIFFERENCES)


@pytest.mark.setup
@pytest.mark.timeout(300)
def test_further_arguments_mean_the_same() -> None:
    right, wrong = dict.fromkeys(EXTRAS, 0), []
    for question, told in asked_of(3, "extras"):
        found = ours(question)
        for region, uri in told.items():
            if uri != in_region(found, region):
                wrong.append((question, region, uri, in_region(found, region)))
            elif uri:
                name = next(name for name, extra in EXTRAS.items() if extra.items() <= fields(question))
                right[name] += 1
    assert not wrong[:3], len(wrong)
    assert min(right.values()) > 0, right


def fields(question: Question) -> ItemsView[str, Any]:
    return dataclasses.asdict(question).items()


def test_a_question_is_refused_with_what_there_is() -> None:
    from byoc_kit.work.bases import ask

    found = ask(Question(framework="pytorch", region="eu-west-1", version="9", image_scope="training"))
    with pytest.raises(ByocError) as caught:
        found.expect()
    assert caught.value.id == "BYOC-E845"
    assert "2.8" in caught.value.why
