"""The SDK's question: three kinds of answer, and what the command makes of them."""

import dataclasses
import datetime
import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from byoc_kit.catalogue.answer import Answer, Kind, answer
from byoc_kit.catalogue.question import Question
from byoc_kit.errors import ByocError
from catalogue.known import known

Command = Callable[..., subprocess.CompletedProcess[str]]
DLC = "763104351884.dkr.ecr.eu-west-1.amazonaws.com"
GPU = Question(
    framework="pytorch",
    version="2.8",
    region="eu-west-1",
    instance_type="ml.g5.xlarge",
    image_scope="training",
)
BEFORE, AFTER = datetime.date(2026, 1, 1), datetime.date(2026, 8, 7)


def ask(question: Question, day: datetime.date = AFTER, **changes: Any) -> Answer:
    return answer(known(), dataclasses.replace(question, **changes), today=day)


def test_known() -> None:
    found = ask(GPU, BEFORE)
    assert (found.kind, found.expect()) == (Kind.KNOWN, f"{DLC}/pytorch-training:2.8-gpu-py312")
    assert found.image
    assert found.image.tag == "2.8.0-gpu-py312-cu129-ubuntu22.04-sagemaker"


def test_known_to_end_soon() -> None:
    found = ask(GPU, datetime.date(2026, 7, 7))
    assert (found.kind, found.why.endswith("end on 2026-08-06, in 30 days")) == (Kind.KNOWN, True)


def test_known_to_have_ended_keeps_its_uri() -> None:
    found = ask(GPU, AFTER)
    assert (found.kind, found.expect()) == (Kind.ENDED, f"{DLC}/pytorch-training:2.8-gpu-py312")
    assert "ended on 2026-08-06" in found.why


def test_old_lines_have_ended_although_nobody_lists_them() -> None:
    assert ask(GPU, version="1.8", py_version="py3").kind is Kind.ENDED


def test_known_to_be_no_more() -> None:
    found = ask(GPU, version="1.13", instance_type="ml.p2.xlarge")
    with pytest.raises(ByocError) as caught:
        found.expect()
    assert (found.kind, caught.value.id) == (Kind.ENDED, "BYOC-E846")


def test_what_only_documentation_knows_is_known() -> None:
    found = ask(GPU, version="2.13")
    assert (found.kind, found.expect()) == (Kind.KNOWN, f"{DLC}/pytorch:2.13.0-cu133-amzn2023-sagemaker")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": "9.9"}, "--version 9.9 is not in the tables"),
        ({"framework": "pytorhc"}, "near are pytorch"),
        ({"region": "mars-1"}, "--region mars-1"),
        ({"image_scope": "trainin"}, "near are training"),
        ({"py_version": "py27"}, "near are py312"),
        ({"instance_type": "ml.inf1.xlarge"}, "there are trn"),
        ({"instance_type": "m5"}, "--instance-type m5"),
        ({"framework": "huggingface", "version": "4.26"}, "--base-framework-version is missing"),
    ],
)
def test_not_in_our_facts_with_what_there_is(changes: dict[str, Any], said: str) -> None:
    found = ask(GPU, **changes)
    with pytest.raises(ByocError) as caught:
        found.expect()
    assert (found.kind, caught.value.id) == (Kind.UNKNOWN, "BYOC-E845")
    assert said in caught.value.why


def options(question: Question) -> list[str]:
    told = {"--framework": question.framework, "--version": question.version, "--region": question.region}
    told |= {"--instance-type": question.instance_type, "--scope": question.image_scope}
    return [word for name, value in told.items() for word in (name, str(value))]


def test_the_command_prints_the_uri_alone(byoc: Command) -> None:
    done = byoc("bases", "resolve", *options(GPU))
    assert done.stdout == f"{DLC}/pytorch-training:2.8-gpu-py312\n"
    assert "ended on 2026-08-06" in done.stderr


def test_for_programs_the_kind_stands_beside_it(byoc: Command) -> None:
    told = json.loads(byoc("bases", "resolve", *options(GPU), "--json").stdout)
    assert (told["schema"], told["kind"]) == ("byoc/base/1", "ended")
    assert told["patches_end"] == "2026-08-06"
    assert told["uri"].endswith("/pytorch-training:2.8-gpu-py312")


def test_for_programs_a_refusal_is_an_error_with_its_id(byoc: Command) -> None:
    done = byoc("bases", "resolve", *options(dataclasses.replace(GPU, version="9.9")), "--json", check=False)
    told = json.loads(done.stdout)
    assert (done.returncode, told["schema"], told["id"]) == (1, "byoc/error/1", "BYOC-E845")


@pytest.mark.parametrize(
    "words",
    [
        ("bases", "resolve"),
        ("bases", "resolve", "pytorch:2.13-gpu", "--framework", "pytorch"),
        ("bases", "resolve", "pytorch:2.13-gpu", "--version", "2.13"),
        ("bases", "resolve", "--framework", "pytorch"),
        ("bases", "search", "pytorch", "--python", "three"),
    ],
)
def test_what_makes_no_sense_is_a_mistake_of_usage(byoc: Command, words: tuple[str, ...]) -> None:
    assert byoc(*words, check=False).returncode == 2


def test_a_search_for_programs_has_all_and_for_people_a_page(byoc: Command) -> None:
    people = byoc("bases", "search", "vllm")
    programs = json.loads(byoc("bases", "search", "vllm", "--json").stdout)
    assert len(people.stdout.splitlines()) == 21
    assert f"{len(programs['images']) - 20} more" in people.stderr
    first = programs["images"][0]
    assert {"name", "targets", "accounts", "moves", "patches_end", "python", "cuda", "os"} <= set(first)


def test_nothing_found_is_said(byoc: Command) -> None:
    done = byoc("bases", "search", "pytorhc", "gpu")
    assert (done.stdout, "nothing fits" in done.stderr) == ("\n", True)
    assert "no image is described by 'pytorhc'; did you mean pytorch" in done.stderr
    assert "'gpu'" not in done.stderr


def test_bash_completes_names_with_colons(byoc: Command) -> None:
    script = byoc("completion", "bash").stdout
    done = subprocess.run(
        ["bash", "-c", f"COMP_WORDBREAKS=' :='\n{script}\nprintf '%s' \"$COMP_WORDBREAKS\""],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == " ="


def test_names_are_completed(byoc: Command) -> None:
    words = {"_BYOC_COMPLETE": "bash_complete", "COMP_CWORD": "3"}
    repository = byoc(env=words | {"COMP_WORDS": "byoc bases show dlc:pytorch-tr"}).stdout
    tag = byoc(env=words | {"COMP_WORDS": "byoc bases show pytorch-training:2.8.0-gpu-py312-cu"}).stdout
    region = byoc(env=words | {"COMP_CWORD": "5", "COMP_WORDS": "byoc bases show x --region eusc"}).stdout
    assert region == "plain,eusc-de-east-1\n"
    assert "plain,dlc:pytorch-training\n" in repository
    assert tag == (
        "plain,pytorch-training:2.8.0-gpu-py312-cu129-ubuntu22.04-sagemaker\n"
        "plain,pytorch-training:2.8.0-gpu-py312-cu129-ubuntu22.04-ec2\n"
    )
