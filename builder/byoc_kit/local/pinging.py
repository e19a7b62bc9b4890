"""Pings at a steady pace, whether or not earlier ones are answered, and knows when the machine stood still.

The pace is kept by a thread that also watches itself: where it wakes up much later than it wanted, this
machine had no time for anybody, and a ping of that moment that went badly says nothing about the image. It is
left out, and counted.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from byoc_kit.contract.evidence import Ping
from byoc_kit.local.asking import Asker

__all__ = ["CONNECT", "LATE", "STALL", "Pinger", "Stall", "counted"]

LATE = 2.0  # seconds one ping may take (INF-02)
CONNECT = 0.25  # seconds until a connection must stand (INF-03)
STALL = 0.15  # seconds by which a wake-up may be late before nothing of that moment counts
TICK = 0.05  # seconds between two looks at the clock
MOST = 64  # pings under way at once


@dataclass(frozen=True, slots=True)
class Stall:
    """A time in which this machine did not run who wanted to run."""

    start: float
    end: float

    def during(self, ping: Ping) -> bool:
        """Whether *ping* was under way then."""
        return ping.at < self.end and self.start < ping.at + ping.seconds


def counted(pings: Sequence[Ping], stalls: Sequence[Stall]) -> tuple[Ping, ...]:
    """The pings that say something: all good ones, and bad ones outside *stalls*; by time."""
    fair = [ping for ping in pings if _good(ping) or not any(stall.during(ping) for stall in stalls)]
    return tuple(sorted(fair, key=lambda ping: ping.at))


def _good(ping: Ping) -> bool:
    quick = ping.connect is not None and ping.connect <= CONNECT and ping.seconds <= LATE
    return ping.status == 200 and quick


class Pinger:
    """A context in which a server is pinged every *every* seconds; *limit* seconds are given to each ping."""

    def __init__(self, asker: Asker, *, every: float, limit: float) -> None:
        self._asker, self._every, self._limit = asker, every, limit
        self._pool = ThreadPoolExecutor(MOST, thread_name_prefix="ping")
        self._asked, self._stalls = list[Future[Ping]](), list[Stall]()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Pinger":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, and wait for the answers that are still to come."""
        self._ended.set()
        self._thread.join()
        self._pool.shutdown(wait=True)

    @property
    def pings(self) -> tuple[Ping, ...]:
        """Those that count; all of them after the context."""
        return counted([asked.result() for asked in self._asked if asked.done()], self._stalls)

    @property
    def left_out(self) -> int:
        """How many do not count, because this machine stood still."""
        return sum(asked.done() for asked in self._asked) - len(self.pings)

    def _run(self) -> None:
        next_ping = woken = time.monotonic()
        while not self._ended.is_set():
            if woken >= next_ping:
                self._asked.append(self._pool.submit(self._asker.ping, self._limit))
                next_ping = max(next_ping + self._every, woken)
            time.sleep(TICK)
            before, woken = woken, time.monotonic()
            if woken - before > TICK + STALL:
                now = self._asker.clock()
                self._stalls.append(Stall(now - (woken - before), now))
