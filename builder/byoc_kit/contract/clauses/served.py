"""What predicates of hosting ask of a server's run: whether it came up, and which clause says why not."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from byoc_kit.contract.audience import SINGLE
from byoc_kit.contract.clauses.verdicts import broken, unseen
from byoc_kit.contract.evidence import Container, Exchange, Ping, Run
from byoc_kit.contract.types import Evidence, Verdict

__all__ = [
    "CONNECT",
    "FORGIVEN",
    "GUIDE",
    "HINT",
    "LATE",
    "MODEL",
    "SINGLE",
    "asked",
    "bad_pings",
    "blame",
    "called",
    "compared",
    "failed",
    "good",
    "last_words",
    "late",
    "left_out",
    "ports",
    "slow_to_connect",
    "unready",
    "wants_model",
]

LATE: Final = 2.0
"""Seconds one ping may take (INF-02)."""
CONNECT: Final = 0.25
"""Seconds until a connection must stand (INF-03)."""
FORGIVEN: Final = 1
"""How many pings of a run may be late before anything is said: the margin of all clauses on pings."""
GUIDE: Final = "SageMaker Developer Guide, Use Your Own Inference Code with Hosting Services"
AMPLE, SPARE = 4, 10.0
"""How many times longer than in ``serve``, and how many seconds more, a server may take to come up."""
MODEL: Final = "/opt/ml/model"
HINT: Final = "give a request that it answers: --request FILE --content-type TYPE"
NO_NETWORK: Final = re.compile(
    r"name resolution|name or service not known|nodename nor servname|getaddrinfo|could not resolve"
    r"|network is unreachable|no route to host|max retries exceeded|newconnectionerror|unknownhostexception"
    r"|failed to resolve|unable to locate credentials|nocredentialserror|no address associated",
    re.IGNORECASE,
)
"""What programs say when they find no network or no credentials."""
NO_MODEL: Final = re.compile(r"/opt/ml/model|no model|model.{0,40}not (be )?found", re.IGNORECASE)
"""What programs say when there is no model for them."""


def blame(run: Run) -> str:
    """The id of the clause that says why the server never answered /ping with 200; empty where it did."""
    first = run.one
    if first.ready is not None:
        return ""
    if any(other.ready is not None for other in run.containers[1:] if other.name == "model-writable"):
        return "INF-14"
    if wants_model(first):
        return "INF-04"
    return "INF-24" if NO_NETWORK.search(first.log) else _unheard(first)


def _unheard(first: Container) -> str:
    """By what was seen of its port: pings that were answered, ports elsewhere, or nothing."""
    open_here = ports(first)
    elsewhere = bool(open_here) and open_here.get(8080, True)
    if any(ping.status is not None for ping in first.pings):
        return "INF-02"
    if elsewhere:
        return "INF-01"
    return "INF-02" if any(ping.connect is not None for ping in first.pings) else "INF-04"


def wants_model(box: Container) -> bool:
    """Whether it did not come up since nobody gave it a model, as far as its own words tell."""
    return box.ready is None and box.facts.get("model") is False and bool(NO_MODEL.search(box.log))


def unready(seen: Evidence, scenario: str) -> Verdict | None:
    """That nothing can be said, since the server of *scenario* did not come up; None: it did."""
    box = seen.runs[scenario].one
    if box.ready is not None:
        return None
    first = seen.runs.get("serve")
    cause = blame(first) if first else ""
    if first and not cause:
        return unseen(f"it came up in the scenario serve, and not here, within {box.seconds:.0f} s")
    return unseen(f"the server never answered GET /ping with 200: see {cause or 'INF-04'}")


def compared(seen: Evidence, box: Container, text: str) -> Verdict | None:
    """What to say of a server that came up in ``serve``, and not as *box*; None: it came up.

    It is broken, as *text* has it, if it ended, or had ample time by what ``serve`` took: on a busy machine a
    good one may need longer than there was.
    """
    if box.ready is not None:
        return None
    first = seen.runs["serve"].one.ready
    if first is None:
        return unready(seen, "serve")
    if box.exit_code is not None or box.out_of_memory or box.seconds > AMPLE * first + SPARE:
        return broken(f"{text}{last_words(box)}")
    return unseen(f"it had {box.seconds:.0f} s to come up, of which serve took {first:.0f}: a busy machine")


def asked(seen: Evidence, scenario: str, name: str) -> Exchange | Verdict:
    """The exchange *name* of *scenario*; else why it is not there."""
    if (verdict := unready(seen, scenario)) is not None:
        return verdict
    found = seen.runs[scenario].one.exchanges.get(name)
    return found or unseen(f"the scenario {scenario} did not get so far as to ask this")


def called(exchange: Exchange) -> str:
    """What came back, in a few words."""
    if exchange.status is None:
        return f"no answer ({exchange.error})"
    return f"status {exchange.status} after {exchange.seconds:.2f} s"


def late(pings: Iterable[Ping]) -> list[Ping]:
    """The pings that were not answered in time, whatever the answer."""
    return [ping for ping in pings if ping.status is None or ping.seconds > LATE]


def bad_pings(pings: Iterable[Ping]) -> list[Ping]:
    """The pings that were answered, but not with 200."""
    return [ping for ping in pings if ping.status not in {None, 200}]


def slow_to_connect(pings: Iterable[Ping]) -> list[Ping]:
    """The pings for which no connection stood in time."""
    return [ping for ping in pings if ping.connect is None or ping.connect > CONNECT]


def ports(box: Container) -> Mapping[int, bool]:
    """The ports it listened on, and whether from inside only; empty where nobody could look."""
    text = box.facts.get("ports")
    words = text.split() if isinstance(text, str) else []
    return {int(word.partition("@")[0]): word.endswith("@loopback") for word in words}


def left_out(box: Container) -> str:
    """That pings were not counted, for the evidence; empty where all were."""
    number = box.facts.get("left_out")
    return f"; {number} not counted: this machine stood still" if number else ""


def good(exchange: Exchange) -> bool:
    """Whether it was answered with success."""
    return exchange.status is not None and 200 <= exchange.status < 300


def failed(exchange: Exchange) -> bool:
    """Whether it was not answered, or with a fault of the server."""
    return exchange.status is None or exchange.status >= 500


def last_words(box: Container) -> str:
    """The last line it printed, for the evidence; empty where there is none."""
    lines = [line.strip() for line in box.log.splitlines() if line.strip()]
    return f"; it said: {lines[-1][:200]}" if lines else ""
