"""Plays in which a server has a hard time: many requests, slow ones, crashes; batch and async jobs."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePath
from typing import Final

from byoc_kit.contract.evidence import Depth, Run
from byoc_kit.local.endpoint import Endpoint, Setting
from byoc_kit.local.processes import Process, kill
from byoc_kit.local.smoke import first_taken, lined
from byoc_kit.local.stage import Plays, Stage

__all__ = ["PLAYS"]

AT_ONCE: Final = 50
"""Requests (INF-22)."""
OFTEN: Final = 0.1
"""Seconds between two pings under load (INF-03)."""
WELL: Final = 3
"""Good pings in a row after which a server is well again (INF-20)."""
VICTIMS: Final = 4
"""Processes that are killed, one after the other."""
BATCH: Final = {
    "SAGEMAKER_BATCH": "true",
    "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD",
    "SAGEMAKER_MAX_PAYLOAD_IN_MB": "100",
    "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "1",
}
COUNTS: Final = (1, 10, 1000)
MEGABYTE: Final = 10**6
SLOW_JOB: Final = {Depth.QUICK: 3.0, Depth.SERVICE: 90.0}
"""Seconds that a request of an asynchronous endpoint takes to arrive (ASY-02)."""
LARGE_JOB: Final = {Depth.QUICK: 100 * MEGABYTE, Depth.SERVICE: 10**9}
"""Bytes of one (ASY-01)."""
RECOVERY: Final = {Depth.QUICK: 10.0, Depth.SERVICE: 60.0}
"""Seconds in which a server must be well again, or have ended (INF-20); or twice its start."""


def load(stage: Stage) -> Run:
    """A slow request, then 50 at once, while it is pinged all the time."""
    server = Endpoint(stage)
    if server.come_up():
        server.find_request("invoke")
        with server.pinging(OFTEN) as pinger:
            slow = stage.timing.slow_call
            server.post("slow", body=server.request.drawn_out(), pause=slow, limit=slow + server.limit)
            _all_at_once(server)
        server.keep(pinger)
        server.actor.note("load is over")
    return Run(scenario="serve-load", containers=(server.done("model"),))


def _all_at_once(server: Endpoint) -> None:
    server.actor.note(f"{AT_ONCE} requests at once")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number in range(1, AT_ONCE + 1):
            pool.submit(server.post, f"parallel-{number:02d}")


def crash(stage: Stage) -> Run:
    """Each of its processes but the first is killed. A new container is started where one has ended.

    Facts of the first: ``processes``; ``killed NAME`` of each: ``ended CODE``, ``well`` or ``lame``.
    """
    servers, names = [Endpoint(stage)], set[str]()
    up = servers[0].come_up()
    while up and len(names) < VICTIMS:
        servers[-1].find_request("invoke")
        victim = _next_victim(servers[-1], names)
        if victim is None:
            break
        names.add(_name(victim))
        fate = _fate(servers[-1], victim)
        if fate == "gone":
            continue
        servers[0].actor.tell(**{f"killed {_name(victim)}": fate})
        up = fate == "well"
        if fate.startswith("ended") and len(names) < VICTIMS:
            servers.append(Endpoint(stage))
            up = servers[-1].come_up()
    boxes = [server.done(f"model-{number}") for number, server in enumerate(servers, start=1)]
    return Run(scenario="serve-crash", containers=tuple(boxes))


def _next_victim(server: Endpoint, names: set[str]) -> Process | None:
    """A process whose like was not killed yet; those that others have started first."""
    found = server.inhabitants()
    if found is None:
        server.actor.tell(processes=None)
        return None
    others = [each for each in found[1:] if _name(each) not in names]
    return max(others, key=lambda each: each.pid, default=None)


def _name(process: Process) -> str:
    """The program, and what it was told, in a few words."""
    words = [PurePath(process.command[0]).name, *process.command[1:]] if process.command else ["?"]
    return " ".join(words)[:60]


def _fate(server: Endpoint, victim: Process) -> str:
    """What becomes of the server when *victim* is killed; ``gone``: it had ended by itself before that."""
    running = server.actor.running
    if running is None or not kill(victim, running.pid, running.id):
        return "gone"
    server.actor.note(f"killed {_name(victim)}")
    before = server.actor.exchanges["invoke"].status
    end, good = time.monotonic() + max(RECOVERY[server.stage.depth], 2 * server.slowness), 0
    while time.monotonic() < end:
        ended = server.actor.wait(0.2)
        if ended is not None:
            return f"ended {ended.code}"
        good = good + 1 if server.asker.ping(2).status == 200 else 0
        if good >= WELL and server.asker.ask(server.request.question(5)).status == before:
            return "well"
    return "lame"


def batch(stage: Stage) -> Run:
    """With the variables of a batch transform: parameters, the same body again and in chunks, many lines."""
    server = Endpoint(stage, Setting(environment=BATCH))
    if server.come_up():
        server.find_request("invoke")
        server.quiet(min(2.0, stage.timing.ping_for), stage.timing.ping_every)
        server.get("parameters", "/execution-parameters")
        server.post("again")
        server.post("chunked", chunked=True)
        server.post("100MB", body=server.request.padded(100 * MEGABYTE), chunked=True)
        _ask_lines(server)
    return Run(scenario="batch", containers=(server.done("model"),))


def _ask_lines(server: Endpoint) -> None:
    """Requests of 1, 10 and 1000 lines of a kind that it takes, and one with an empty line at its end."""
    candidates = lined(server.stage.case)
    if not candidates:
        return

    def accepted(kind: str) -> dict[str, str]:
        return {"Content-Type": kind, "Accept": kind}

    def asked(count: int, name: str) -> None:
        many = server.request.lines(count)
        question = many.question(server.limit, headers=accepted(many.content_type))
        server.ask(name, question)

    usual = server.request
    server.request = first_taken(candidates, lambda each: server.asker.ask(each.question(server.limit)))[0]
    for count in COUNTS:
        asked(count, f"lines-{count}")
    one = server.request.lines(1)
    server.ask(
        "trailing",
        one.question(server.limit, body=one.body + b"\n", headers=accepted(one.content_type)),
    )
    server.request = usual


def asynchronous(stage: Stage) -> Run:
    """A very large body, a request that takes its time, and SIGTERM while one is under way."""
    server = Endpoint(stage)
    if server.come_up():
        server.find_request("invoke")
        server.look()
        server.post("large", body=server.request.padded(LARGE_JOB[stage.depth]), limit=10 * server.limit)
        slow = SLOW_JOB[stage.depth]
        server.post("slow", body=server.request.drawn_out(), pause=slow, limit=slow + server.limit)
        server.stop_with_request()
    return Run(scenario="async", containers=(server.done("model"),))


PLAYS: Final[Plays] = {
    "serve-load": load,
    "serve-crash": crash,
    "batch": batch,
    "async": asynchronous,
}
