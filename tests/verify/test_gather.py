"""Scenarios at the same time, alone, too slow, refused, and stopped."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from byoc_kit.contract.evidence import Depth, Run
from byoc_kit.contract.scenarios import Scenario
from byoc_kit.errors import ByocError
from byoc_kit.work.gather import play_all, width

QUICK = Depth.QUICK


def scenario(name: str, *, heavy: bool = False, seconds: float = 30) -> Scenario:
    return Scenario(
        name=name,
        says=name,
        targets=frozenset(),
        heavy=heavy,
        seconds={QUICK: seconds, Depth.SERVICE: seconds},
    )


class Actors:
    """Plays by calling a function; what is given up is told to it by an event."""

    def __init__(self, act: Callable[[str, threading.Event], None]) -> None:
        self.act = act
        self.gone: dict[str, threading.Event] = {}
        self.now: set[str] = set()
        self.together: list[set[str]] = []

    def play(self, scenario: Scenario) -> Run:
        gone = self.gone.setdefault(scenario.name, threading.Event())
        self.now.add(scenario.name)
        self.together.append({*self.now})
        try:
            self.act(scenario.name, gone)
        finally:
            self.now.discard(scenario.name)
        return Run(scenario=scenario.name, seconds=1.0)

    def give_up(self, scenario: Scenario) -> None:
        self.gone.setdefault(scenario.name, threading.Event()).set()


def at_ease(name: str, gone: threading.Event) -> None:
    gone.wait(0.15)


def at_length(name: str, gone: threading.Event) -> None:
    gone.wait(0.8)


def for_ever(name: str, gone: threading.Event) -> None:
    gone.wait(30)


def test_a_few_at_once_and_heavy_ones_alone_at_the_end() -> None:
    actors = Actors(at_ease)
    names = [scenario("h1", heavy=True), *map(scenario, "abcd"), scenario("h2", heavy=True)]
    heard: list[str] = []

    def hear(run: Run) -> bool:
        heard.append(run.scenario)
        return True

    played = play_all(names, actors, depth=QUICK, hear=hear, at_once=2)
    assert set(played) == set(heard) == {"a", "b", "c", "d", "h1", "h2"}
    assert max(map(len, actors.together)) == 2
    assert [each for each in actors.together if each & {"h1", "h2"}] == [{"h1"}, {"h2"}]
    assert heard[-2:] == ["h1", "h2"]


def test_what_comes_after_another_waits_for_it_if_that_is_played() -> None:
    actors = Actors(at_ease)
    scenarios = [replace(scenario("b"), after="a"), replace(scenario("c"), after="x"), scenario("a")]
    heard: list[str] = []

    def hear(run: Run) -> bool:
        heard.append(run.scenario)
        return True

    assert len(play_all(scenarios, actors, depth=QUICK, hear=hear, at_once=3)) == 3
    assert set(heard[:2]) == {"a", "c"}
    assert not any({"a", "b"} <= each for each in actors.together)


def test_what_takes_too_long_is_given_up_and_says_so() -> None:
    actors = Actors(lambda name, gone: for_ever(name, gone) if name == "slow" else None)
    played = play_all(
        [scenario("slow", seconds=0.3), scenario("b")], actors, depth=QUICK, hear=lambda _: True, at_once=2
    )
    assert played["slow"].problem == "it did not end within 0 s and was given up"
    assert played["slow"].seconds >= 0.3
    assert played["b"].problem == ""
    assert actors.gone["slow"].is_set()


class Deaf(Actors):
    """Does not end although everything was taken away."""

    def give_up(self, scenario: Scenario) -> None:
        raise ByocError("the engine is gone", why="it was stopped", fix="start it", id="BYOC-E403")


def test_not_even_a_play_that_never_returns_holds_it() -> None:
    begun = time.monotonic()
    played = play_all(
        [scenario("slow", seconds=0.2)],
        Deaf(for_ever),
        depth=QUICK,
        hear=lambda _: True,
        at_once=1,
        patience=0.3,
    )
    assert "given up" in played["slow"].problem
    assert time.monotonic() - begun < 10


def test_trouble_with_the_engine_is_the_runs_problem() -> None:
    def refuse(name: str, gone: threading.Event) -> None:
        raise ByocError("the engine refused a network", why="there are too many", fix="x", id="BYOC-E403")

    played = play_all([scenario("a")], Actors(refuse), depth=QUICK, hear=lambda _: True, at_once=1)
    assert played["a"].problem == "the engine refused a network: there are too many"


def test_a_bug_is_not_hidden_and_what_runs_is_taken_away() -> None:
    def act(name: str, gone: threading.Event) -> None:
        if name == "bug":
            gone.wait(0.2)
            raise KeyError(name)
        for_ever(name, gone)

    actors = Actors(act)
    with pytest.raises(KeyError, match="bug"):
        play_all([scenario("bug"), scenario("b")], actors, depth=QUICK, hear=lambda _: True, at_once=2)
    assert actors.gone["b"].is_set()
    assert not actors.now


def test_who_has_seen_enough_stops_the_rest() -> None:
    def act(name: str, gone: threading.Event) -> None:
        (at_ease if name == "a" else for_ever)(name, gone)

    actors = Actors(act)
    scenarios = [*map(scenario, "abc"), scenario("h", heavy=True)]
    played = play_all(scenarios, actors, depth=QUICK, hear=lambda _: False, at_once=2)
    assert set(played) == {"a"}
    assert actors.gone["b"].is_set()
    assert "c" not in actors.gone
    assert not actors.now


def test_ctrl_c_takes_everything_away_first() -> None:
    def interrupt(run: Run) -> bool:
        raise KeyboardInterrupt

    actors = Actors(lambda name, gone: at_ease(name, gone) if name == "a" else for_ever(name, gone))
    with pytest.raises(KeyboardInterrupt):
        play_all([*map(scenario, "ab")], actors, depth=QUICK, hear=interrupt, at_once=2)
    assert actors.gone["b"].is_set()
    assert not actors.now


@pytest.mark.parametrize(("cpus", "at_once"), [(1, 2), (2, 3), (64, 8)])
def test_width(cpus: int, at_once: int) -> None:
    assert width(cpus) == at_once


def test_each_depth_has_its_own_time() -> None:
    slow = replace(scenario("slow"), seconds={QUICK: 0.2, Depth.SERVICE: 30})
    actors = Actors(at_length)
    played = play_all([slow], actors, depth=Depth.SERVICE, hear=lambda _: True, at_once=1)
    assert played["slow"].problem == ""
