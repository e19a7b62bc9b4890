"""Containers of every kind of endpoint, as values."""

from pathlib import Path, PurePosixPath

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.job.container import ContainerPlan, Mount, Port, docker_run, serving_container
from byoc_kit.job.types import ServeJob
from byoc_kit.job.variants import VARIANTS, bound, multi_model, pipeline, serverless, variant
from byoc_kit.spec.types import Target

MODEL = Mount(Path("/here/model"), PurePosixPath("/opt/ml/model"), read_only=True)


def plan(network: str = "byoc-net") -> ContainerPlan:
    job = ServeJob(name="e-1", model=None)
    return serving_container(job, image="i", mounts=(MODEL,), network=network, port=0)


def test_a_bound_server_is_told_its_port() -> None:
    """PIP-01."""
    made = bound(plan(), 9000, published=8080)
    assert (made.env["SAGEMAKER_BIND_TO_PORT"], made.ports) == ("9000", (Port(9000, 8080),))


def test_a_serverless_container_is_narrow() -> None:
    """SLS-01, SLS-03, SLS-04."""
    words = " ".join(docker_run(serverless(plan(), 4096), interactive=False))
    assert "--memory 4294967296 --memory-swap 4294967296" in words
    assert "--cpus 2 " in words
    assert "--user 65534:65534 --read-only --tmpfs /tmp:size=536870912" in words


@pytest.mark.parametrize("memory", [0, 512, 1000, 6145, 7168])
def test_memory_goes_in_steps(memory: int) -> None:
    with pytest.raises(UsageError, match=f"cannot have {memory} MB"):
        serverless(plan(), memory)


def test_a_multi_model_endpoint_starts_without_a_model() -> None:
    """MME-08, MME-09."""
    one = Mount(Path("/here/a"), PurePosixPath("/opt/ml/models/x/model"), read_only=True)
    made = multi_model(plan(), (one,))
    assert (made.env["SAGEMAKER_MULTI_MODEL"], made.mounts) == ("true", (one,))


def test_containers_of_a_pipeline_share_a_network_and_have_ports_of_their_own() -> None:
    """PIP-01, PIP-02."""
    first, second, third = pipeline([plan("byoc-a"), plan("byoc-b"), plan("byoc-c")], published=8080)
    assert [each.env["SAGEMAKER_BIND_TO_PORT"] for each in (first, second, third)] == ["8081", "8082", "8083"]
    assert [each.network for each in (first, second, third)] == ["byoc-a"] * 3
    assert [each.beside for each in (first, second, third)] == [None, first.name, first.name]
    assert first.ports == (Port(8081, 8080), Port(8082, 0), Port(8083, 0))
    assert (second.ports, len({each.name for each in (first, second, third)})) == ((Port(8082, 0),), 3)


@pytest.mark.parametrize("count", [0, 1, 16])
def test_a_pipeline_has_2_to_15_containers(count: int) -> None:
    """PIP-03."""
    with pytest.raises(UsageError, match=f"cannot have {count} container"):
        pipeline([plan()] * count, published=0)


def test_every_target_that_serves_is_a_variant() -> None:
    assert set(VARIANTS) == {target for target in Target if target.serves}
    assert variant("async") is Target.ASYNC
