"""Pings keep their pace whatever the server does, and what the machine itself delays does not count."""

import time

from byoc_kit.contract.evidence import Ping
from byoc_kit.local.asking import Asker
from byoc_kit.local.pinging import Pinger, Stall, counted
from verify.servers import after, serving


def ping(at: float, seconds: float = 0.01, status: int | None = 200, connect: float | None = 0.001) -> Ping:
    return Ping(at=at, status=status, seconds=seconds, connect=connect)


def pinged(talk_seconds: float, *, every: float, during: float) -> tuple[Ping, ...]:
    begun = time.monotonic()
    with (
        serving(after(talk_seconds)) as port,
        Pinger(Asker("127.0.0.1", port, lambda: time.monotonic() - begun), every=every, limit=4) as pinger,
    ):
        time.sleep(during)
    return pinger.pings


def test_a_slow_server_is_pinged_as_often_as_a_quick_one() -> None:
    slow, quick = pinged(0.8, every=0.1, during=1.2), pinged(0.0, every=0.1, during=1.2)
    assert len(slow) > 4
    assert len(quick) > 4
    assert {each.status for each in slow} == {200}
    assert min(each.seconds for each in slow) >= 0.8


def test_pings_come_in_their_order() -> None:
    starts = [each.at for each in pinged(0.1, every=0.05, during=0.6)]
    assert starts == sorted(starts)


def test_what_the_machine_delayed_does_not_count() -> None:
    stall = Stall(1.0, 2.0)
    late, good, elsewhere = ping(1.5, seconds=3.0), ping(1.6), ping(5.0, status=503)
    assert counted([elsewhere, late, good], [stall]) == (good, elsewhere)
    assert counted([late], []) == (late,)


def test_a_ping_that_a_stall_touches_is_left_out_and_others_are_not() -> None:
    stall = Stall(1.0, 2.0)
    before, into, behind = (ping(at, seconds=0.6, status=500) for at in (0.3, 0.5, 2.1))
    assert counted([before, into, behind], [stall]) == (before, behind)
    slow = ping(1.2, connect=0.4)
    assert counted([slow], [stall]) == ()
