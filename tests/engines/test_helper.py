"""Containers for a moment: whose they are can be told, and nothing that ends their use leaves them behind."""

import signal
import threading
import time
from collections.abc import Callable

import docker
import pytest

from byoc_kit.docker_helper import OWNER, RUN, helper, in_one_piece, owner, uninterrupted


def interrupt_after(seconds: float) -> None:
    """Do to this process what Ctrl-C does."""
    main = threading.main_thread().ident or 0
    threading.Timer(seconds, signal.pthread_kill, (main, signal.SIGINT)).start()


def interrupted(seconds: float, work: Callable[[], object]) -> None:
    """Do *work* in one piece, with Ctrl-C after *seconds*."""
    interrupt_after(seconds)
    in_one_piece(work)


def test_what_is_in_one_piece_gives_its_value_and_raises_its_errors() -> None:
    assert in_one_piece(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        in_one_piece(lambda: 1 // 0)


def test_ctrl_c_waits_for_what_is_in_one_piece() -> None:
    made: list[int] = []

    def make() -> None:
        time.sleep(1)
        made.append(1)

    with pytest.raises(KeyboardInterrupt):
        interrupted(0.1, make)
    assert made == [1]


def test_a_second_ctrl_c_does_not_wait() -> None:
    goes_on = threading.Event()
    begun = time.monotonic()
    interrupt_after(0.4)
    with pytest.raises(KeyboardInterrupt):
        interrupted(0.1, lambda: goes_on.wait(30))
    assert time.monotonic() - begun < 10
    goes_on.set()


def test_what_is_uninterrupted_ends_and_hides_ctrl_c_and_its_errors() -> None:
    made: list[int] = []

    def make_and_fail() -> None:
        time.sleep(0.5)
        made.append(1)
        _ = 1 // 0

    interrupt_after(0.1)
    uninterrupted(make_and_fail)
    assert made == [1]


@pytest.mark.engine
def test_a_helper_tells_whose_it_is_and_goes_whatever_happens(engine: docker.DockerClient, base: str) -> None:
    seen: dict[str, str] = {}

    def fail() -> None:
        with helper(engine, base, command=["true"]) as container:
            seen.update(container.labels)
            assert made(engine, seen[RUN]) == [container]
            _ = 1 // 0

    with pytest.raises(ZeroDivisionError):
        fail()
    assert seen[OWNER] == owner()
    assert not made(engine, seen[RUN])


def made(engine: docker.DockerClient, run: str) -> list[object]:
    """Containers of *run*."""
    return [*engine.containers.list(all=True, filters={"label": f"{RUN}={run}"})]


@pytest.mark.engine
def test_ctrl_c_while_the_engine_makes_a_helper_leaves_none(engine: docker.DockerClient, base: str) -> None:
    def use(wait: float) -> None:
        interrupt_after(wait)
        with helper(engine, base, command=["true"]):
            time.sleep(5)

    mine: dict[str, str | list[str] | bool] = {"label": f"{OWNER}={owner()}"}
    for wait in (*(number / 1000 for number in range(20)), 0.04, 0.08):
        with pytest.raises(KeyboardInterrupt):
            use(wait)
        assert not engine.containers.list(all=True, filters=mine), f"interrupted after {wait} s"
