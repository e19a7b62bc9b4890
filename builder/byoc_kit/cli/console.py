"""The two voices of the command line: plain lines, and bars on a terminal. Both speak on stderr only."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from byoc_kit.talk import Talk

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from byoc_kit.cli.chart import Chart
    from byoc_kit.job.metrics import Point

__all__ = ["Lines", "Terminal", "console"]

EVERY = 5.0  # seconds between two plain lines about the same transfer


def console(stream: TextIO = sys.stderr, environ: Mapping[str, str] = os.environ) -> "Lines":
    """Bars where somebody looks at a terminal; plain lines in CI, in a pipe, or with TERM=dumb."""
    if stream.isatty() and not environ.get("CI") and environ.get("TERM") != "dumb":
        return Terminal(stream)
    return Lines(stream)


class Lines:
    """Plain lines, understandable without colour, each complete when it is written."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._started: dict[str, float] = {}
        self._told: dict[str, float] = {}

    def say(self, text: str) -> None:
        """One line."""
        self._write(text)

    def note(self, text: str) -> None:
        """One line, marked as a note."""
        self._write(f"note: {text}")

    def warn(self, text: str) -> None:
        """One line, marked as a warning."""
        self._write(f"warning: {text}")

    def output(self, text: str) -> None:
        """A program's own line."""
        self._write(text)

    def progress(self, task: str, done: int, total: int | None) -> None:
        """At most one line every few seconds, and always the last."""
        now = self._clock()
        start = self._started.setdefault(task, now)
        finished = total is not None and done >= total
        if not finished and now - self._told.get(task, start) < EVERY:
            return
        self._told[task] = now
        self._write(describe(task, done, total, now - start))
        if finished:
            self._started.pop(task, None)
            self._told.pop(task, None)

    @contextmanager
    def chart(self) -> "Iterator[Callable[[Point], None] | None]":
        """What takes metrics as they come, to be drawn; None where lines are all there is."""
        yield None

    def _write(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


def describe(task: str, done: int, total: int | None, seconds: float) -> str:
    """One line about a transfer: amount, rate and time left; *done* and *total* in bytes."""
    rate = done / seconds if seconds > 0 else 0.0
    parts = [f"{task}: {done / 1e6:,.1f} MB" + (f" of {total / 1e6:,.1f} MB" if total else "")]
    if rate:
        parts.append(f"{rate / 1e6:,.1f} MB/s" if rate >= 1e5 else f"{rate / 1e3:,.1f} kB/s")
        if total and done < total:
            parts.append(f"{(total - done) / rate:,.0f} s left")
    return ", ".join(parts)


class Terminal(Lines):
    """Colours and one bar per transfer, with rate and time left."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._chart: Chart | None = None

    def note(self, text: str) -> None:
        """One line, marked in blue."""
        self._styled("note:", "blue", text)

    def warn(self, text: str) -> None:
        """One line, marked in yellow."""
        self._styled("warning:", "yellow", text)

    def progress(self, task: str, done: int, total: int | None) -> None:
        """Move the bar of *task*; the bars go when all transfers are done."""
        bars = self._open()
        if task not in self._tasks:
            self._tasks[task] = bars.add_task(task, total=total)
        bars.update(self._tasks[task], completed=done, total=total)
        if bars.finished:
            bars.stop()
            self._bars = None
            self._tasks.clear()

    @contextmanager
    def chart(self) -> "Iterator[Callable[[Point], None] | None]":
        """A curve for each metric at the foot of the screen; its last state stays there."""
        from byoc_kit.cli.chart import Chart

        self._chart = chart = Chart(self._stream)
        try:
            yield chart.add
        finally:
            self._chart = None
            chart.stop()

    def _open(self) -> "Progress":
        if self._bars is None:
            if self._chart is not None:  # of the two only one can be at the foot
                self._chart.stop()
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                DownloadColumn,
                Progress,
                TimeRemainingColumn,
                TransferSpeedColumn,
            )

            self._bars = Progress(
                "{task.description}",
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=Console(file=self._stream),
            )
            self._bars.start()
        return self._bars

    def _styled(self, mark: str, colour: str, text: str) -> None:
        import click

        self._write(f"{click.style(mark, fg=colour)} {text}")

    def _write(self, text: str) -> None:
        if self._bars is not None:
            self._bars.console.print(text, markup=False, highlight=False)
        elif self._chart is None or not self._chart.write(text):
            super()._write(text)


_: type[Talk] = Lines
