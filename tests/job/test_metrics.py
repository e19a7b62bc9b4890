"""Numbers in the lines of a log (TRN-13, TRN-14)."""

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.job.metrics import Series, metrics, pick

LOSS = metrics({"loss": r"loss=(\S+)", "acc": r"accuracy: ([0-9.]+)%?"})


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("epoch 1 loss=0.25", [("loss", 0.25)]),
        ("loss=1e-3 accuracy: 99.5%", [("loss", 0.001), ("acc", 99.5)]),
        ("loss=0.5 loss=0.4", [("loss", 0.5), ("loss", 0.4)]),
        ("loss=0.25\r", [("loss", 0.25)]),
        ("loss=nan", []),
        ("loss=-inf", []),
        ("loss=abc", []),
        ("nothing", []),
    ],
)
def test_numbers_are_picked(line: str, found: list[tuple[str, float]]) -> None:
    assert list(pick(LOSS, line)) == found


def test_a_group_that_took_no_part_is_no_number() -> None:
    assert list(pick(metrics({"m": r"a|b=(\d)"}), "a b=1")) == [("m", 1.0)]


def test_the_last_value_counts() -> None:
    """HPO-02."""
    assert Series([0.1, 0.5, 0.3]).last == 0.3


def test_what_finds_no_number_is_told_together() -> None:
    with pytest.raises(UsageError) as caught:
        metrics({"a": "loss=[0-9]", "b": "(", "c": "(.)"})
    assert caught.value.id == "BYOC-E447"
    assert [line.split(":")[0] for line in caught.value.details] == ["a", "b"]
