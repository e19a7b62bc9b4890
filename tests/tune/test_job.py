"""Ranges, sets of values, and requests of tuning jobs."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc_kit.aws.job_file import read_job_file
from byoc_kit.errors import UsageError
from byoc_kit.job.tuning import Choice, Interval, hyperparameter_sets, range_of
from byoc_kit.job.tuning_request import read_tuning_request
from tune.requests import REQUEST


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10:200", Interval(name="x", low=10, high=200, whole=True)),
        ("0:1.5", Interval(name="x", low=0, high=1.5)),
        ("-3:3:linear", Interval(name="x", low=-3, high=3, scaling="Linear", whole=True)),
        ("1e-4:0.1:log", Interval(name="x", low=1e-4, high=0.1, scaling="Logarithmic")),
        ("0.5:0.99:reverse-log", Interval(name="x", low=0.5, high=0.99, scaling="ReverseLogarithmic")),
        ("adam,sgd", Choice(name="x", values=("adam", "sgd"))),
        ("adam", Choice(name="x", values=("adam",))),
    ],
)
def test_a_range_is_read(text: str, expected: Interval | Choice) -> None:
    assert range_of("x", text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("200:10", "has to be below"),
        ("a:b", "are numbers"),
        ("nan:1", "has to be below"),
        ("0:1:log", "lies above 0"),
        ("0.5:1:reverse-log", "without 1"),
        ("1:2:cubic", "no scaling 'cubic'"),
        ("", "none may be empty"),
        ("a,a", "there once"),
    ],
)
def test_what_is_no_range_says_why(text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        range_of("x", text)
    assert caught.value.id == "BYOC-E448"
    assert why in caught.value.why


def test_both_ends_are_tried_and_values_are_strings() -> None:
    """HPO-03."""
    sets = hyperparameter_sets([range_of("n", "1:9"), range_of("lr", "0.001:0.1:log")], 5)
    assert sorted(each["n"] for each in sets) == ["1", "3", "5", "7", "9"]
    assert sorted(float(each["lr"]) for each in sets) == pytest.approx(
        [0.001, 0.00316, 0.01, 0.0316, 0.1], rel=0.01
    )
    assert len({tuple(each.values()) for each in sets}) == 5


def test_wide_ranges_spread_by_their_logarithm() -> None:
    assert [each["x"] for each in sorted(hyperparameter_sets([range_of("x", "1:10000")], 3), key=str)] == [
        "1",
        "100",
        "10000",
    ]


def test_words_alone_are_combined() -> None:
    ranges = [range_of("a", "x,y"), range_of("b", "1,2,3")]
    assert len(hyperparameter_sets(ranges, 10)) == 6
    assert len({tuple(each.values()) for each in hyperparameter_sets(ranges, 4)}) == 4
    assert hyperparameter_sets([range_of("a", "x")], 4, sdk=True) == ({"a": '"x"'},)


def test_a_seed_decides_the_order() -> None:
    ranges = [range_of("a", "0:100"), range_of("b", "0:100")]
    assert hyperparameter_sets(ranges, 6) == hyperparameter_sets(ranges, 6)
    assert hyperparameter_sets(ranges, 6, seed=1) != hyperparameter_sets(ranges, 6)


@given(
    low=st.floats(-1e6, 1e6),
    width=st.floats(1e-3, 1e6),
    count=st.integers(1, 20),
    seed=st.integers(0, 5),
)
def test_no_value_leaves_its_range(low: float, width: float, count: int, seed: int) -> None:
    for each in hyperparameter_sets([Interval(name="x", low=low, high=low + width)], count, seed=seed):
        assert low <= float(each["x"]) <= low + width


def test_a_request_is_read_and_gives_training_requests(tmp_path: Path) -> None:
    file = tmp_path / "tune.json"
    file.write_text(json.dumps(REQUEST))
    read = read_tuning_request(read_job_file(file, "CreateHyperParameterTuningJob"), name="tune.json")
    assert [each.name for each in read.ranges] == ["x", "lr", "opt"]
    assert (read.objective, read.goal, read.jobs, read.parallel, read.seed) == ("loss", "Minimize", 20, 2, 7)
    file.write_text(json.dumps(read.training))
    assert read_job_file(file)["HyperParameters"] == {"epochs": "3"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"TrainingJobDefinition": None, "TrainingJobDefinitions": []}, "0 of them"),
        ({"HyperParameterTuningJobConfig": {"HyperParameterTuningJobObjective": None}}, "is not said"),
        (
            {
                "HyperParameterTuningJobConfig": {
                    "ParameterRanges": {"AutoParameters": [{"Name": "a", "ValueHint": "1"}]}
                }
            },
            "AutoParameters",
        ),
    ],
)
def test_what_cannot_be_tried_is_told(changes: dict[str, Any], said: str) -> None:
    document = json.loads(json.dumps(REQUEST))
    for key, value in changes.items():
        if isinstance(value, dict):
            document[key].update(value)
        else:
            document[key] = value
    document = {key: value for key, value in document.items() if value is not None}
    with pytest.raises(UsageError) as caught:
        read_tuning_request(document, name="tune.json")
    assert caught.value.id == "BYOC-E449"
    assert any(said in line for line in caught.value.details)
