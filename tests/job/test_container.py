"""Containers as values: what the service does around an image."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from byoc_kit.job.container import (
    ContainerPlan,
    Mount,
    Port,
    docker_run,
    serving_container,
    training_container,
    typed_command,
    with_shell,
)
from byoc_kit.job.types import ServeJob, TrainingJob

JOB = TrainingJob(name="job-1", hyperparameters={}, channels=(), environment={"K": "V"}, region="eu-west-1")


def plan(job: TrainingJob = JOB) -> ContainerPlan:
    return training_container(job, "algo-1", image="img", mounts=(), network="byoc-job-1")


def test_training_is_started_with_the_word_train() -> None:
    """HAR-01, HAR-04, HAR-05, HAR-06, HAR-07."""
    made = plan()
    assert (made.entrypoint, made.command) == (None, ("train",))
    assert (made.alias, made.network, made.name) == ("algo-1", "byoc-job-1", "byoc-job-1-algo-1")
    assert made.hostname.endswith(".ec2.internal")
    assert (made.shm_size, made.init) == (64 * 1024 * 1024, False)


@pytest.mark.parametrize(
    ("entrypoint", "arguments", "started"),
    [
        (None, None, (None, ("train",))),
        (("sh", "-c"), None, (("sh", "-c"), None)),
        (None, ("a", "b"), (None, ("a", "b"))),
        (("sh",), ("a",), (("sh",), ("a",))),
    ],
)
def test_entrypoint_and_arguments_replace_the_word(
    entrypoint: tuple[str, ...] | None, arguments: tuple[str, ...] | None, started: tuple[object, object]
) -> None:
    """HAR-02: an entrypoint alone drops the word and the image's CMD."""
    made = plan(replace(JOB, entrypoint=entrypoint, arguments=arguments))
    assert (made.entrypoint, made.command) == started


def test_training_has_the_documented_environment_and_no_credentials() -> None:
    """ENV-01, HAR-09."""
    assert plan().env == {
        "AWS_REGION": "eu-west-1",
        "NVIDIA_VISIBLE_DEVICES": "void",
        "TRAINING_JOB_NAME": "job-1",
        "TRAINING_JOB_ARN": "arn:aws:sagemaker:eu-west-1:111122223333:training-job/job-1",
        "K": "V",
    }


def test_serving_is_started_with_the_word_serve() -> None:
    """HAR-01, HAR-05, INF-01, INF-18."""
    job = ServeJob(name="e", model=None, environment={"K": "V"}, region="eu-west-1")
    made = serving_container(job, image="img", mounts=(), network="n", port=0)
    assert (made.entrypoint, made.command, made.ports) == (None, ("serve",), (Port(8080, 0),))
    assert made.hostname == "model.aws.local"
    assert made.env["AWS_DEFAULT_REGION"] == made.env["AWS_REGION"] == "eu-west-1"
    assert made.env["SAGEMAKER_SAFE_PORT_RANGE"] == "25000-25999"
    assert made.env["K"] == "V"


def test_the_same_container_as_a_command_line() -> None:
    made = replace(
        plan(),
        mounts=(Mount(Path("/a,b"), PurePosixPath("/opt/ml/input"), read_only=True),),
        secrets={"AWS_SECRET_ACCESS_KEY": "canary"},
        labels={"byoc.run": "r"},
        init=True,
    )
    words = docker_run(made, interactive=True)
    assert words[:4] == ("docker", "run", "--rm", "-it")
    assert words[-2:] == ("img", "train")
    line = " ".join(words)
    assert '--mount type=bind,"source=/a,b",target=/opt/ml/input,readonly' in line
    assert "--network byoc-job-1 --network-alias algo-1" in line
    assert "--init" in words
    assert "--label byoc.run=r" in line
    assert "--env TRAINING_JOB_NAME=job-1" in line
    assert "--env AWS_SECRET_ACCESS_KEY" in line
    assert "canary" not in line
    assert "canary" not in repr(made)


def test_a_shell_takes_the_place_of_the_program_only() -> None:
    shell = with_shell(plan())
    words = docker_run(shell, interactive=False)
    place = words.index("--entrypoint")
    assert words[place : place + 4] == ("--entrypoint", "sh", "img", "-c")
    assert words[2:4] == ("--rm", "-i")
    assert shell.env == plan().env


def test_what_the_service_would_start_is_told() -> None:
    own = ("python3", "-I", "/opt/byoc/entry")
    assert typed_command(plan(), own, ("train",)) == (*own, "train")
    assert typed_command(plan(replace(JOB, entrypoint=("sh", "x"))), own, ("train",)) == ("sh", "x")
    assert typed_command(replace(plan(), command=None), own, ("other",)) == (*own, "other")
