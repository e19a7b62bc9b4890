"""A job's metrics while it runs: picked from the lines of its hosts, kept as CSV, told to whoever watches."""

import csv
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from byoc_kit.job.metrics import Metric, Point, Series, pick
from byoc_kit.local.journal import Hear
from byoc_kit.talk import Talk

__all__ = ["CSV", "Meter", "Watch", "metering"]

CSV = "metrics.csv"
HEAD = ("seconds", "host", "metric", "value")

Watch = Callable[[Point], None]
"""Is told each number as soon as it was printed."""


class Meter:
    """Takes lines of logs, one at a time, and remembers the numbers in them."""

    def __init__(
        self,
        wanted: Sequence[Metric],
        file: TextIO,
        watch: Watch | None = None,
        hear: Hear | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """*watch* is told the numbers, *hear* gets every line after that."""
        self.series: dict[str, Series] = {}
        self._next = hear
        self._wanted, self._file, self._watch, self._clock = wanted, file, watch, clock
        self._rows = csv.writer(file, lineterminator="\n")
        self._rows.writerow(HEAD)
        self._begun = clock()

    def hear(self, host: str, line: str) -> None:
        """Pick what is in *line*; a row is on the disk when this returns."""
        for name, value in pick(self._wanted, line):
            point = Point(seconds=self._clock() - self._begun, host=host, name=name, value=value)
            self.series.setdefault(name, Series()).values.append(value)
            self._rows.writerow((f"{point.seconds:.3f}", host, name, value))
            self._file.flush()
            if self._watch:
                self._watch(point)
        if self._next:
            self._next(host, line)

    @property
    def last(self) -> Mapping[str, float]:
        """Name to the last number of each metric that was found."""
        return {name: series.last for name, series in self.series.items()}

    def tell(self, talk: Talk) -> None:
        """Say what was found; warn of what never was, since the service would not see it either (TRN-13)."""
        for name, series in self.series.items():
            talk.say(f"metric {name}: {series}")
        for metric in self._wanted:
            if metric.name not in self.series:
                talk.warn(
                    f"metric {metric.name}: {metric.pattern.pattern!r} found no number in the log (TRN-13)"
                )


@contextmanager
def metering(
    folder: Path, wanted: Sequence[Metric], watch: Watch | None = None, hear: Hear | None = None
) -> Iterator[Meter]:
    """A meter that keeps its numbers in *folder*; nothing is written there if none are *wanted*."""
    if not wanted:
        yield Meter((), io.StringIO(), hear=hear)
        return
    with (folder / CSV).open("w", encoding="utf-8", newline="") as file:
        yield Meter(wanted, file, watch, hear)
