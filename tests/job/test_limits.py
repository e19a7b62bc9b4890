"""SageMaker's limits on a job, each just kept and just broken."""

from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc_kit.errors import UsageError
from byoc_kit.job.limits import JOB_NAME, check_endpoint, check_training, job_name
from byoc_kit.job.types import Channel, ServeJob, TrainingJob


def job(**changes: object) -> TrainingJob:
    usual: dict[str, object] = {"name": "job-1", "hyperparameters": {}, "channels": ()}
    return TrainingJob(**{**usual, **changes})  # type: ignore[arg-type]


def channels(*names: str) -> tuple[Channel, ...]:
    return tuple(Channel(name=name, source=PurePath("/d")) for name in names)


KEPT: list[dict[str, object]] = [
    {"name": "a" * 63},
    {"hyperparameters": {"k" * 256: "v" * 2500}},
    {"hyperparameters": {f"k{n}": "" for n in range(100)}},
    {"channels": channels("a.b-c_D", "x" * 64)},
    {"environment": {"_" + "k" * 511: "v" * 512}},
    {"entrypoint": ("x" * 256,), "arguments": ("x",) * 100},
]
BROKEN: list[tuple[dict[str, object], str]] = [
    ({"name": "a" * 64}, "job name"),
    ({"name": "a_b"}, "job name"),
    ({"hyperparameters": {"k" * 257: ""}}, "257 characters in a name, 1 to 256 allowed (CFG-01)"),
    ({"hyperparameters": {"": ""}}, "0 characters in a name"),
    (
        {"hyperparameters": {"k": "v" * 2501}},
        "hyperparameter 'k': 2501 characters, 2500 are allowed (CFG-01)",
    ),
    ({"hyperparameters": {f"k{n}": "" for n in range(101)}}, "hyperparameters: 101 of them"),
    ({"channels": channels("a/b")}, "channel 'a/b'"),
    ({"channels": channels("x" * 65)}, "1 to 64 of letters"),
    ({"channels": channels(*(f"c{n}" for n in range(21)))}, "channels: 21 of them, 20 are allowed (CFG-10)"),
    ({"environment": {"1K": "v"}}, "environment '1K'"),
    ({"environment": {"K": "v" * 513}}, "environment 'K': 513 characters, 512 are allowed (ENV-01)"),
    ({"environment": {f"K{n}": "" for n in range(101)}}, "environment: 101 variables"),
    ({"entrypoint": ()}, "entrypoint: 0 words, 1 to 100 are allowed (TRN-03)"),
    ({"arguments": ("x" * 257,)}, "257 characters, 256 are allowed (TRN-03)"),
]


@pytest.mark.parametrize("changes", KEPT, ids=lambda changes: next(iter(changes)))
def test_the_limit_itself_is_allowed(changes: dict[str, object]) -> None:
    check_training(job(**changes))


@pytest.mark.parametrize(("changes", "said"), BROKEN, ids=[said for _, said in BROKEN])
def test_one_more_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_training(job(**changes))
    assert len(caught.value.details) == 1
    assert said in caught.value.details[0]


def test_all_broken_limits_are_told_at_once() -> None:
    with pytest.raises(UsageError, match="breaks 3 of SageMaker's limits") as caught:
        check_training(job(name="-", channels=channels("a b"), environment={"A-B": ""}))
    assert len(caught.value.details) == 3


def test_an_endpoints_environment_is_at_most_32_kilobytes() -> None:
    """INF-17."""
    value = "v" * 1000
    kept = {f"K{n:03}": value for n in range(32)}
    check_endpoint(ServeJob(name="e", model=None, environment=kept))
    with pytest.raises(UsageError) as caught:
        check_endpoint(ServeJob(name="e", model=None, environment={**kept, "MORE": value}))
    assert "33132 bytes in all, 32768 are allowed (INF-17)" in caught.value.details[0]


@given(st.text(max_size=100))
def test_a_job_gets_a_valid_name_from_any_image(base: str) -> None:
    name = job_name(base, "2026-11-21-03-22-19-031")
    assert JOB_NAME.fullmatch(name)
    assert name.endswith("-2026-11-21-03-22-19-031")


def test_a_jobs_name_is_the_images_last_part() -> None:
    assert job_name("team/churn_v2", "1") == "churn-v2-1"
