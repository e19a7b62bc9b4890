"""Paths of InputFilter and OutputFilter: what they choose, and what is refused."""

import re
from typing import Any

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.job.jsonpath import WHOLE, parse

ROW = ["id-1", "5.1", "3.5", "1.4", "0.2"]
RECORD = {"id": 7, "x": {"a": [1, 2, 3], "b": "t"}, "SageMakerOutput": {"score": 0.5}, "with space": 1}


@pytest.mark.parametrize(
    ("text", "value", "chosen"),
    [
        ("$", RECORD, RECORD),
        ("$[1:]", ROW, ROW[1:]),
        ("$[:-1]", ROW, ROW[:-1]),
        ("$[0,-1]", ROW, ["id-1", "0.2"]),
        ("$[-1]", ROW, "0.2"),
        ("$.x.a[1]", RECORD, 2),
        ("$.SageMakerOutput", RECORD, {"score": 0.5}),
        ("$['id','SageMakerOutput']", RECORD, {"id": 7, "SageMakerOutput": {"score": 0.5}}),
        ("$.x.['a', 'b']", RECORD, {"a": [1, 2, 3], "b": "t"}),
        ("$['with space']", RECORD, 1),
        ("$.x.*", RECORD, [[1, 2, 3], "t"]),
        ("$[*].n", [{"n": 1}, {"n": 2}], [1, 2]),
        ("$[0:1].n", [{"n": 1}, {"n": 2}], [1]),
    ],
)
def test_what_a_path_chooses(text: str, value: Any, chosen: Any) -> None:
    assert parse(text, option="--input-filter").select(value) == chosen


def test_the_whole_is_the_default() -> None:
    assert parse("$", option="--input-filter") == WHOLE


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x", "does not start with $"),
        ("$..x", "and no more"),
        ("$[?(@.a > 1)]", "and no more"),
        ("$.a[", "and no more"),
        ("$['a','b'].c", "only stand at its end"),
        ("$." + "x" * 62, "64 characters long; 63 are allowed"),
    ],
)
def test_what_the_service_does_not_take_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError, match="--output-filter") as caught:
        parse(text, option="--output-filter")
    assert why in caught.value.why
    assert caught.value.id == "BYOC-E461"


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("$.y", {"x": 1}, "no member 'y'; it has 'x'"),
        ("$.y", [1], "no member 'y' in an array"),
        ("$[5]", [1], "no element 5 in an array of 1"),
        ("$[0]", "text", 'no elements in "text"'),
    ],
)
def test_a_record_without_the_place_is_told(text: str, value: Any, said: str) -> None:
    with pytest.raises(LookupError, match=re.escape(said)):
        parse(text, option="--input-filter").select(value)
