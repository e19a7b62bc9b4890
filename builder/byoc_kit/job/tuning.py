"""Ranges of hyperparameters and sets of values from them, encoded as a tuning job does (HPO-01 to HPO-03).

The values spread evenly over each range, in an order that a seed decides; both ends are among them. It is to
try an image under tuning: the search proper (Bayesian, Hyperband) is the service's.
"""

import itertools
import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from byoc_kit.errors import UsageError

__all__ = [
    "OBJECTIVE_KEY",
    "Choice",
    "Goal",
    "Interval",
    "Range",
    "Scaling",
    "hyperparameter_sets",
    "range_of",
]

OBJECTIVE_KEY = "_tuning_objective_metric"  # a hyperparameter that every tuned job gets (HPO-01)
WIDE = 100  # Auto: from this ratio of the ends on, values spread by their logarithm

Goal = Literal["Maximize", "Minimize"]
Scaling = Literal["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]
SCALINGS: Mapping[str, Scaling] = {
    "linear": "Linear",
    "log": "Logarithmic",
    "reverse-log": "ReverseLogarithmic",
}
"""What ``--range`` calls them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A ContinuousParameterRange, or an IntegerParameterRange."""

    name: str
    low: float
    high: float
    scaling: Scaling = "Auto"
    whole: bool = False
    """Whether only whole numbers are meant."""

    def value(self, place: float) -> str:
        """The value at *place*, 0 (low) to 1 (high), as the service would send it (HPO-03)."""
        found = min(max(self._at(place), self.low), self.high)
        return str(round(found)) if self.whole else repr(found)

    def _at(self, place: float) -> float:
        scaling = self.scaling
        if scaling == "Auto":
            scaling = "Logarithmic" if 0 < self.low * WIDE <= self.high else "Linear"
        if scaling == "Logarithmic":
            return math.exp(_between(math.log(self.low), math.log(self.high), place))
        if scaling == "ReverseLogarithmic":
            return 1 - math.exp(_between(math.log(1 - self.low), math.log(1 - self.high), place))
        return _between(self.low, self.high, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A CategoricalParameterRange."""

    name: str
    values: tuple[str, ...]

    def value(self, place: float) -> str:
        """The value at *place*, 0 (the first) to 1 (the last)."""
        return self.values[min(int(place * len(self.values)), len(self.values) - 1)]


Range = Interval | Choice


def _between(low: float, high: float, place: float) -> float:
    return low + (high - low) * place


def range_of(name: str, text: str) -> Range:
    """``LOW:HIGH[:linear|log|reverse-log]`` or ``A,B,C`` of ``--range NAME=``. Raises UsageError."""
    low, colon, rest = text.partition(":")
    if not colon:
        return choice(name, tuple(text.split(",")))
    high, _, scaling = rest.partition(":")
    if scaling and scaling not in SCALINGS:
        raise _wrong(name, text, f"there is no scaling {scaling!r}; there are {', '.join(SCALINGS)}")
    return interval(name, low, high, SCALINGS.get(scaling, "Auto"), whole=_is_whole(low) and _is_whole(high))


def choice(name: str, values: tuple[str, ...]) -> Choice:
    """A range of words. Raises UsageError."""
    if not all(values) or len(set(values)) < len(values):
        raise _wrong(name, ",".join(values), "each value has to be there once, and none may be empty")
    return Choice(name=name, values=values)


def interval(name: str, low: str, high: str, scaling: Scaling, *, whole: bool) -> Interval:
    """A range of numbers. Raises UsageError for what the service refuses."""
    text = f"{low}:{high}"
    try:
        ends = float(low), float(high)
    except ValueError as error:
        raise _wrong(name, text, "the ends of a range are numbers") from error
    if not ends[0] < ends[1] < math.inf:
        raise _wrong(name, text, "the first number has to be below the second")
    if scaling == "Logarithmic" and ends[0] <= 0:
        raise _wrong(name, text, "a logarithmic range lies above 0")
    if scaling == "ReverseLogarithmic" and not 0 <= ends[0] < ends[1] < 1:
        raise _wrong(name, text, "a reverse-logarithmic range lies between 0 and 1, without 1")
    return Interval(name=name, low=ends[0], high=ends[1], scaling=scaling, whole=whole)


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdigit()


def _wrong(name: str, text: str, why: str) -> UsageError:
    return UsageError(
        f"--range {name}={text} is not a range",
        why=why,
        fix=f"for example --range {name}=0.001:0.1:log, --range {name}=10:200 or --range {name}=adam,sgd",
        id="BYOC-E448",
    )


def hyperparameter_sets(
    ranges: Sequence[Range], count: int, *, seed: int = 0, sdk: bool = False
) -> tuple[dict[str, str], ...]:
    """At most *count* sets; fewer where there are not so many different ones.

    With *sdk* words are encoded as the SageMaker SDK does it for its own estimators: in quotes (HPO-03).
    """
    chance = random.Random(seed)  # noqa: S311 - the same sets each time, not secrets
    rows = _all_choices(ranges, count, chance) or _spread(ranges, count, chance)
    found = [dict(zip([each.name for each in ranges], row, strict=True)) for row in rows]
    if sdk:
        words = {each.name for each in ranges if isinstance(each, Choice)}
        found = [{k: json.dumps(v) if k in words else v for k, v in row.items()} for row in found]
    return tuple(found)


def _all_choices(ranges: Sequence[Range], count: int, chance: random.Random) -> list[tuple[str, ...]]:
    """Every combination, or *count* of them, where all ranges are of words; else nothing."""
    values = [each.values for each in ranges if isinstance(each, Choice)]
    if len(values) < len(ranges):
        return []
    rows = list(itertools.product(*values))
    return rows if len(rows) <= count else chance.sample(rows, count)


def _spread(ranges: Sequence[Range], count: int, chance: random.Random) -> list[tuple[str, ...]]:
    places = [number / (count - 1) for number in range(count)] if count > 1 else [0.5]
    columns = [[each.value(place) for place in chance.sample(places, count)] for each in ranges]
    return list(dict.fromkeys(zip(*columns, strict=True)))
