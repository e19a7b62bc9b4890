"""What people type for a job."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc_kit.errors import UsageError
from byoc_kit.job.arguments import ChannelArgument, channel, group, hyperparameter, pairs, size


def test_a_value_may_hold_equals_signs_and_nothing() -> None:
    assert pairs(["a=b=c", "empty="], option="--hp") == {"a": "b=c", "empty": ""}


@pytest.mark.parametrize("text", ["epochs", "=3", ""])
def test_what_is_no_pair_says_how_to_write_it(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        pairs([text], option="--hp")
    assert str(caught.value).splitlines() == [
        f"--hp {text!r} is not NAME=VALUE",
        "  why: a name, an equals sign and a value are needed, without spaces around the sign",
        "  fix: write it as --hp NAME=VALUE; quote the whole for the shell if the value has spaces",
    ]


def test_a_name_given_twice_is_not_guessed() -> None:
    with pytest.raises(UsageError, match="--hp gives lr twice"):
        pairs(["lr=1", "lr=2"], option="--hp")


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("adam", "adam"),
        ("0.1", "0.1"),
        (True, "true"),
        (3, "3"),
        (0.01, "0.01"),
        ([64, 32], "[64, 32]"),
        ({"a": 1}, '{"a": 1}'),
        (None, "null"),
        (date(2026, 1, 2), '"2026-01-02"'),
    ],
)
def test_hyperparameters_are_sent_as_typed(value: object, sent: str) -> None:
    assert hyperparameter(value) == sent


@pytest.mark.parametrize(
    ("value", "sent"),
    [("adam", '"adam"'), ("0.1", "0.1"), ("[64, 32]", "[64, 32]"), (True, "true"), ("True", '"True"')],
)
def test_the_sdk_encodes_as_json(value: object, sent: str) -> None:
    """CFG-02."""
    assert hyperparameter(value, sdk=True) == sent


@given(st.text())
def test_what_the_sdk_sends_is_always_json(text: str) -> None:
    json.loads(hyperparameter(text, sdk=True))


def test_a_channel_has_a_path_a_mode_and_a_type() -> None:
    assert channel("train", "data/train") == ChannelArgument("data/train")
    said = {"mode": "FastFile", "type": "text/csv"}
    assert channel("train", "x,mode=FastFile,type=text/csv") == ChannelArgument("x", said)
    assert channel("train", "s3://b/x,shuffle=7").path == "s3://b/x"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "data,mode=Fast",
            "there is no input mode 'Fast': File, FastFile, Pipe are known (CHN-01 to CHN-06)",
        ),
        ("data,kind=x", "there is no setting 'kind'"),
        (",mode=File", "the path is empty"),
        ("data,shuffle=x", "the seed of shuffle, 'x', is no whole number"),
    ],
)
def test_a_channel_that_cannot_be_read_says_why(text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        channel("train", text)
    assert caught.value.why == why


def test_a_group_has_a_name_a_type_and_a_count() -> None:
    assert group("gpu=ml.g5.xlarge:2") == ("gpu", "ml.g5.xlarge", 2)


@pytest.mark.parametrize("text", ["gpu", "gpu=", "gpu=ml.g5.xlarge", "gpu=t:0", "gpu=t:-1", "=t:1", "gpu=:1"])
def test_a_group_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        group(text)
    assert caught.value.id == "BYOC-E422"


@pytest.mark.parametrize(("text", "amount"), [("64m", 64 << 20), ("2G", 2 << 30), ("512", 512)])
def test_sizes_are_dockers(text: str, amount: int) -> None:
    assert size(text, option="--shm-size") == amount


@pytest.mark.parametrize("text", ["1kB", "m", "", "-1m", "1.5g", "64 m"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a size"):
        size(text, option="--shm-size")
