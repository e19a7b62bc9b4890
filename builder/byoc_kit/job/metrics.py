"""Metrics: the numbers that a job's regular expressions find in its log (clauses TRN-13, TRN-14, HPO-02)."""

import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from byoc_kit.errors import UsageError

__all__ = ["Metric", "Point", "Series", "metrics", "pick"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of MetricDefinitions."""

    name: str
    pattern: re.Pattern[str]
    """Its first group is the number (TRN-13)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One number that was found."""

    seconds: float
    """Since the job's containers were started."""
    host: str
    name: str
    value: float


@dataclass(slots=True)
class Series:
    """The numbers of one metric so far, in the order in which they were printed."""

    values: list[float] = field(default_factory=list)

    @property
    def last(self) -> float:
        """What a tuning job takes: the last value (HPO-02)."""
        return self.values[-1]

    def __str__(self) -> str:
        if len(self.values) == 1:
            return f"{self.last:g}"
        return f"{self.last:g} (last of {len(self.values)}, {min(self.values):g} to {max(self.values):g})"


def metrics(definitions: Mapping[str, str]) -> tuple[Metric, ...]:
    """Name to expression as metrics. Raises UsageError for what cannot find a number (TRN-13)."""
    problems = [f"{name}: {why}" for name, regex in definitions.items() if (why := _fault(regex))]
    if problems:
        raise UsageError(
            f"{len(problems)} of the job's metric definitions find no number",
            why="the first group (...) of the expression is the number (TRN-13)",
            fix="mend the expressions named above, for example loss=([0-9.]+)",
            id="BYOC-E447",
            details=problems,
        )
    return tuple(Metric(name, re.compile(regex)) for name, regex in definitions.items())


def _fault(regex: str) -> str | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python's own grammar; the service has another one
        try:
            groups = re.compile(regex).groups
        except (re.error, RecursionError, OverflowError) as error:
            return f"{regex!r} is not a regular expression: {error}"
    return None if groups else f"{regex!r} has no group"


def pick(wanted: Sequence[Metric], line: str) -> Iterator[tuple[str, float]]:
    """Each metric's name and number in *line*, as often as it is there; nothing but finite numbers."""
    for metric in wanted:
        for found in metric.pattern.finditer(line):
            try:
                value = float(found[1])
            except (TypeError, ValueError):  # the group took no part, or took too much
                continue
            if math.isfinite(value):
                yield metric.name, value
