"""Scenarios played at the same time: a few at once, those that disturb others alone, each within its time."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Protocol

from byoc_kit.contract.evidence import Depth, Run
from byoc_kit.contract.scenarios import Scenario
from byoc_kit.errors import ByocError

__all__ = ["Player", "play_all", "width"]

LOOK_EVERY = 0.2  # seconds between two looks at the clock
LAST_WORD = 20.0  # seconds that a play has to return after all its containers were taken away


class Player(Protocol):
    """Who can run an image."""

    def play(self, scenario: Scenario) -> Run:
        """Play it, whatever the image does. Raises ByocError for trouble that is not the image's."""

    def give_up(self, scenario: Scenario) -> None:
        """Take away what *scenario* has in the engine; its play ends soon after."""


Hear = Callable[[Run], bool]
"""Told of each run when it has ended; False: enough was seen, play no more."""


def width(cpus: int | None = None) -> int:
    """How many scenarios to play at once. Containers wait more than they work: one more than CPUs."""
    return min((cpus or os.cpu_count() or 1) + 1, 8)


def play_all(
    scenarios: Sequence[Scenario],
    player: Player,
    *,
    depth: Depth,
    hear: Hear,
    at_once: int,
    patience: float = LAST_WORD,
) -> dict[str, Run]:
    """Play *scenarios*: *at_once* of them together, then the heavy ones, one after the other.

    One that comes after another waits for that. A scenario that takes longer than its time is given up, and
    says so as its problem. Whatever ends this early, such as Ctrl-C, takes away what is still running first.
    Nobody waits longer than *patience* seconds for a play whose containers are gone.
    """
    light = [each for each in scenarios if not each.heavy]
    heavy = [each for each in scenarios if each.heavy]
    stage = _Floor(player, depth, hear, patience)
    try:
        stage.fill(light, at_once)
        stage.fill(heavy, 1)
    finally:
        stage.clear()
    return stage.ended


@dataclass(slots=True)
class _Playing:
    """One scenario that is being played."""

    scenario: Scenario
    since: float
    given_up: float | None = None


@dataclass(slots=True)
class _Floor:
    """What is being played now, and what has ended."""

    player: Player
    depth: Depth
    hear: Hear
    patience: float
    ended: dict[str, Run] = field(default_factory=dict)
    _running: dict[str, _Playing] = field(default_factory=dict)
    _results: "SimpleQueue[tuple[str, Run | Exception]]" = field(default_factory=SimpleQueue)
    _enough: bool = False
    _closing: bool = False

    def fill(self, scenarios: Sequence[Scenario], at_once: int) -> None:
        """Play all of *scenarios*, unless somebody has seen enough."""
        waiting = list(scenarios)
        while (waiting or self._running) and not self._enough:
            ready = [each for each in waiting if not self._must_wait(each, waiting)]
            for scenario in ready[: at_once - len(self._running)]:
                waiting.remove(scenario)
                self._start(scenario)
            self._take()

    def _must_wait(self, scenario: Scenario, waiting: Sequence[Scenario]) -> bool:
        """Whether what it comes after is still to be played, or being played."""
        return scenario.after in self._running or any(each.name == scenario.after for each in waiting)

    def clear(self) -> None:
        """Take away what still runs, and wait until it has gone; nobody is told of it any more."""
        self._closing = True
        for playing in self._running.values():
            self._give_up(playing)
        while self._running:
            with contextlib.suppress(Exception):  # a second bug does not hide the first
                self._take()

    def _start(self, scenario: Scenario) -> None:
        self._running[scenario.name] = _Playing(scenario, time.monotonic())
        threading.Thread(target=self._play, args=(scenario,), daemon=True).start()

    def _play(self, scenario: Scenario) -> None:
        try:
            self._results.put((scenario.name, self.player.play(scenario)))
        except ByocError as error:
            self._results.put((scenario.name, _problem(scenario, f"{error.what}: {error.why}")))
        except Exception as error:  # a bug of ours: told by the thread that can raise it
            self._results.put((scenario.name, error))

    def _take(self) -> None:
        """The next result, if there is one soon; what takes too long is given up meanwhile."""
        try:
            name, run = self._results.get(timeout=LOOK_EVERY)
        except Empty:
            self._look_at_the_clock()
            return
        playing = self._running.pop(name, None)
        if isinstance(run, Exception):
            raise run
        if playing is not None:
            self._end(playing, run if playing.given_up is None else _overdue(playing, self.depth))

    def _end(self, playing: _Playing, run: Run) -> None:
        if not self._closing:
            self.ended[run.scenario] = run
            self._enough = not self.hear(run)

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        for playing in [*self._running.values()]:
            if playing.given_up is None and now - playing.since > playing.scenario.seconds[self.depth]:
                self._give_up(playing)
            elif playing.given_up is not None and now - playing.given_up > self.patience:
                del self._running[playing.scenario.name]
                self._end(playing, _overdue(playing, self.depth))

    def _give_up(self, playing: _Playing) -> None:
        if playing.given_up is None:
            playing.given_up = time.monotonic()
            with contextlib.suppress(ByocError):
                self.player.give_up(playing.scenario)


def _overdue(playing: _Playing, depth: Depth) -> Run:
    limit = playing.scenario.seconds[depth]
    taken = time.monotonic() - playing.since
    return _problem(playing.scenario, f"it did not end within {limit:.0f} s and was given up", taken)


def _problem(scenario: Scenario, text: str, seconds: float = 0.0) -> Run:
    return Run(scenario=scenario.name, problem=text, seconds=seconds)
