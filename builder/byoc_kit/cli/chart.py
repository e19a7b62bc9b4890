"""Metrics as they come, at the foot of a terminal: one line for each, with the way it took so far."""

import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TextIO

from byoc_kit.job.metrics import Point, Series

if TYPE_CHECKING:
    from rich.live import Live

__all__ = ["Chart", "sparkline"]

BARS = "▁▂▃▄▅▆▇█"
PLAIN_BARS = "_.-:=+*#"  # where the terminal has no other letters
WIDTH = 40  # columns of a curve
MOST = 8  # lines that are shown
EVERY = 0.1  # seconds between two drawings


def sparkline(values: Sequence[float], width: int = WIDTH, bars: str = BARS) -> str:
    """*values* as a curve of at most *width* letters; each stands for the mean of its share of them."""
    count = min(width, len(values))
    edges = [len(values) * column // count for column in range(count + 1)] if count else []
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means, default=0.0), max(means, default=0.0)
    if low == high:
        return bars[len(bars) // 2] * count
    return "".join(bars[round((mean - low) / (high - low) * (len(bars) - 1))] for mean in means)


class Chart:
    """Draws while numbers come, and leaves its last state on the screen."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._bars = BARS if (stream.encoding or "").lower().startswith("utf") else PLAIN_BARS
        self._series: dict[tuple[str, str], Series] = {}
        self._lock = threading.Lock()
        self._live: Live | None = None
        self._drawn = 0.0

    def add(self, point: Point) -> None:
        """One number more."""
        with self._lock:
            self._series.setdefault((point.name, point.host), Series()).values.append(point.value)
            live = self._live or self._start()
            if self._clock() - self._drawn >= EVERY:
                self._drawn = self._clock()
                live.update(self.text(), refresh=True)

    def write(self, line: str) -> bool:
        """Write *line* above the chart; False if there is no chart to be above of."""
        with self._lock:
            if self._live is None:
                return False
            self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)
            return True

    def stop(self) -> None:
        """Draw for the last time, and give the terminal back."""
        with self._lock:
            if self._live is not None:
                self._live.update(self.text(), refresh=True)
                self._live.stop()
                self._live = None

    def text(self) -> str:
        """A line for each metric, of each host where there are several."""
        several = len({host for _, host in self._series}) > 1
        names = {key: f"{key[0]} {key[1]}" if several else key[0] for key in self._series}
        width = max(map(len, names.values()), default=0)
        lines = [
            f"{names[key]:<{width}}  {sparkline(series.values, bars=self._bars)}  {series}"
            for key, series in self._series.items()
        ]
        more = [f"{len(lines) - MOST} more, and:"] if len(lines) > MOST else []
        return "\n".join(more + lines[-MOST:])

    def _start(self) -> "Live":
        from rich.console import Console
        from rich.live import Live

        console = Console(file=self._stream, markup=False, highlight=False)
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._live.start()
        return self._live
