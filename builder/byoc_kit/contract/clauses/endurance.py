"""What a server stands (INF): load, slow requests, being stopped, crashes, a small share of a machine.

Margins: one late ping of a run is forgiven, and none counts while the machine that measures stood still.
"""

from typing import Final

from byoc_kit.contract.clauses.served import (
    FORGIVEN,
    GUIDE,
    LATE,
    SINGLE,
    bad_pings,
    called,
    compared,
    good,
    late,
    unready,
)
from byoc_kit.contract.clauses.verdicts import NOBODY, broken, kept, unseen
from byoc_kit.contract.evidence import Container
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict

__all__ = ["PART"]


def stops(seen: Evidence) -> Verdict:
    """INF-13, without an init, with one, and told twice; a request is under way."""
    if (verdict := unready(seen, "serve")) is not None:
        return verdict
    texts = list[str]()
    for name, how in (("serve", "SIGTERM"), ("serve-large", "SIGTERM twice, with an init")):
        box = seen.runs[name].one
        if box.ready is None or box.stopping is None:
            continue
        if box.killed or box.exit_code in {None, 137}:
            return broken(f"{how}: it was still there after {box.stopping:.0f} s, and was killed")
        texts.append(f"{how}: ended with {box.exit_code} after {box.stopping:.1f} s")
    if not texts:
        return unseen("it ended before it could be stopped")
    return _finished(seen, "; ".join(texts))


def _finished(seen: Evidence, text: str) -> Verdict:
    """What became of the request that was under way. A proxy that had not passed it on yet only warns.

    None was under way where the server had ended by itself before it was told to.
    """
    box = seen.runs["serve"].one
    exchange, before = box.exchanges.get("in-flight"), box.exchanges.get("invoke")
    if box.stopping is None or exchange is None or before is None or before.status is None:
        return kept(text)
    if exchange.status is None:
        return broken(f"the request that was under way was cut off ({exchange.error}); {text}")
    if exchange.status >= 500 > before.status:
        return broken(f"the request that was under way got {exchange.status}; {text}", NOBODY)
    return kept(f"the request that was under way got {exchange.status}; {text}")


def fits_its_cpus(seen: Evidence) -> Verdict:
    """INF-19."""
    if (verdict := unready(seen, "serve")) is not None:
        return verdict
    box = seen.runs["serve-copies"].one
    if box.out_of_memory:
        return broken("with one CPU and 2 GB of memory it runs out of memory")
    if (verdict := compared(seen, box, "with one CPU and 2 GB of memory it does not come up")) is not None:
        return verdict
    count = box.facts.get("processes")
    many = f", processes: {count}" if count is not None else ""
    return kept(f"with one CPU and 2 GB of memory /ping is 200 after {box.ready:.1f} s{many}")


def dies_as_a_whole(seen: Evidence) -> Verdict:
    """INF-20. Each of its processes is killed; then it ends, or is well again."""
    if (verdict := unready(seen, "serve-crash")) is not None:
        return verdict
    box = seen.runs["serve-crash"].one
    if box.facts.get("processes") is None:
        return unseen(
            "its processes cannot be reached from here: that needs an engine on this machine, and root"
        )
    fates = {name: str(fate) for name, fate in box.facts.items() if name.startswith("killed ")}
    if lame := [name for name, fate in fates.items() if fate == "lame"]:
        return broken(f"{lame[0]}: the container goes on, and GET /ping is not 200 again")
    if silent := [name for name, fate in fates.items() if fate == "ended 0"]:
        return broken(f"{silent[0]}: the container ends with exit code 0, as if it had been told to", NOBODY)
    if fates:
        return kept("; ".join(f"{name}: {fate}" for name, fate in fates.items()))
    return kept("it is one process: its end is that of the container")


def slow_call_blocks_no_ping(seen: Evidence) -> Verdict:
    """INF-21. A request that takes seconds to arrive stands for a slow one. Margin: one late ping."""
    if (verdict := unready(seen, "serve-load")) is not None:
        return verdict
    box = seen.runs["serve-load"].one
    during = [ping for ping in box.pings if _within(ping.at, box, "slow")]
    slow = [*late(during), *bad_pings(during)]
    if not during:
        return unseen("no ping fell into the slow request")
    if len(slow) > FORGIVEN:
        return broken(
            f"while a request was slow, {len(slow)} of {len(during)} pings were not 200 within {LATE:g} s"
        )
    return kept(
        f"{len(during)} pings while a request was slow, slowest {max(ping.seconds for ping in during):.3f} s"
    )


def _within(at: float, box: Container, name: str) -> bool:
    exchange = box.exchanges.get(name)
    return exchange is not None and exchange.at <= at <= exchange.at + exchange.seconds


def takes_many_at_once(seen: Evidence) -> Verdict:
    """INF-22. Margin: one late ping."""
    if (verdict := unready(seen, "serve-load")) is not None:
        return verdict
    box = seen.runs["serve-load"].one
    found = [each for name, each in box.exchanges.items() if name.startswith("parallel-")]
    if not found:
        return unseen("the scenario serve-load did not get so far as to ask this")
    one = box.exchanges.get("invoke")
    allowed = {429, 503} | ({one.status} if one is not None and one.status is not None else set())
    lost = [each for each in found if each.status is None]
    odd = [
        each for each in found if each.status is not None and each.status not in allowed and not good(each)
    ]
    begun = min(each.at for each in found)
    unhealthy = [ping for ping in box.pings if ping.at >= begun and ping.status != 200]
    longest = max(each.seconds for each in found)
    if lost or odd:
        worst = lost[0] if lost else odd[0]
        return broken(f"{len(lost) + len(odd)} of {len(found)} requests at once: {called(worst)}")
    if len(unhealthy) > FORGIVEN:
        return broken(f"{len(unhealthy)} pings were not 200 while {len(found)} requests came at once")
    return kept(f"{len(found)} requests at once were answered, the last after {longest:.2f} s")


def shares_its_instance(seen: Evidence) -> Verdict:
    """INF-31."""
    if (verdict := unready(seen, "serve")) is not None:
        return verdict
    boxes = seen.runs["serve-copies"].containers
    up = [box for box in boxes if box.ready is not None]
    text = f"{len(up)} of {len(boxes)} copies at once come up, with one CPU and 2 GB each"
    wrong = (compared(seen, box, text) for box in boxes)
    return next((verdict for verdict in wrong if verdict is not None), kept(text))


PART: Final = (
    Clause(
        id="INF-13",
        says="After SIGTERM it finishes what is under way and ends within 30 s, below an init too",
        severity=Severity.MUST,
        source=GUIDE,
        fix='handle SIGTERM in the first process, or exec the server so that it is the first: exec "$@"',
        judge=stops,
        targets=SINGLE,
        needs=("serve", "serve-large"),
    ),
    Clause(
        id="INF-19",
        says="It lives on the CPU and memory that it is given",
        severity=Severity.SHOULD,
        source="SageMaker Developer Guide, Troubleshoot Docker containers and deployments",
        fix="take the number of workers from the CPUs that are visible; bound a JVM's heap",
        judge=fits_its_cpus,
        targets=SINGLE,
        needs=("serve", "serve-copies"),
    ),
    Clause(
        id="INF-20",
        says="When one of its processes crashes, the container ends with a failure, or is well again",
        severity=Severity.MUST,
        source="deduced: only a container that ends or fails its pings is replaced",
        fix="let the first process watch the others: end when one has ended, or start it again",
        judge=dies_as_a_whole,
        targets=SINGLE,
        needs=("serve-crash",),
    ),
    Clause(
        id="INF-21",
        says="A slow request delays no /ping beyond 2 s (margin: one late ping is forgiven)",
        severity=Severity.SHOULD,
        source="deduced from INF-02",
        fix="serve with more than one thread or process, and keep one free for /ping",
        judge=slow_call_blocks_no_ping,
        targets=SINGLE,
        needs=("serve-load",),
    ),
    Clause(
        id="INF-22",
        says="50 requests at once are all answered, or refused with 429 or 503, while /ping stays 200",
        severity=Severity.SHOULD,
        source="deduced: the platform does not queue for a real-time endpoint",
        fix="queue requests, and refuse with 503 what cannot be answered in time",
        judge=takes_many_at_once,
        targets=SINGLE,
        needs=("serve-load",),
    ),
    Clause(
        id="INF-31",
        says="Two copies can run beside each other, each with its share of the machine",
        severity=Severity.SHOULD,
        source="SageMaker API: ComputeResourceRequirements (inference components)",
        fix="take only what the container can see; hold no lock outside it",
        judge=shares_its_instance,
        targets=SINGLE,
        needs=("serve", "serve-copies"),
    ),
)
