"""How long a broken transfer waits, and when it is given up."""

import pytest

from byoc_kit.images.answer import Answer
from byoc_kit.images.http import Backoff
from byoc_kit.images.patience import Patience
from byoc_kit.images.session import BrokenError


def asking(seconds: str) -> BrokenError:
    return BrokenError("busy", Answer("", 429, {"Retry-After": seconds}, b""))


def waits(*errors: BrokenError, factor: float = 0.25) -> list[float]:
    slept: list[float] = []
    patience = Patience(Backoff.standard(factor), slept.append)
    for error in errors:
        patience.failed(error)
    return slept


def test_waits_grow_and_are_never_the_same() -> None:
    broken = BrokenError("line")
    first, second, third, fourth = waits(*[broken] * 4)
    assert first == 0
    assert 0.25 <= second <= 0.5 <= third <= 1.0 <= fourth <= 2.0
    assert waits(*[broken] * 4) != [first, second, third, fourth]


def test_what_the_registry_asks_for_is_waited_but_not_for_ever() -> None:
    assert waits(asking("7")) == [7]
    assert waits(asking("3600")) == [30]
    assert waits(asking("soon")) == [0]


def test_too_often_is_too_often_unless_there_was_progress() -> None:
    broken = BrokenError("line")
    with pytest.raises(BrokenError):
        waits(*[broken] * 6)
    patience = Patience(Backoff.standard(), lambda seconds: None)
    for _ in range(20):
        patience.failed(broken)
        patience.moved()
