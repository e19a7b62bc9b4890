"""Answers that come piece by piece (INF-30), and WebSockets (BID)."""

from typing import Final

from byoc_kit.contract.clauses.served import GUIDE, HINT, SINGLE, asked, called, good, unready
from byoc_kit.contract.clauses.verdicts import apart, broken, kept, unseen
from byoc_kit.contract.evidence import Container, Exchange
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict
from byoc_kit.spec.types import Target

__all__ = ["BIDIRECTIONAL", "PART"]

STREAMING: Final = frozenset({Target.STREAMING})
BIDIRECTIONAL: Final = "com.amazonaws.sagemaker.capabilities.bidirectional-streaming"
LONG: Final = 0.5
"""Seconds that an answer must take before it can be seen whether it came in pieces."""
AT_THE_END: Final = 0.9
"""The share of an answer's time after which a first byte means that all of it was held back."""
PONG: Final = 5.0
"""Seconds in which a Ping frame must be answered; the service sends one a minute (BID-02)."""


def streams(seen: Evidence) -> Verdict:
    """INF-30."""
    exchange = asked(seen, "stream", "invoke")
    if isinstance(exchange, Verdict):
        return exchange
    if not good(exchange):
        return unseen(f"the request got {called(exchange)}: {HINT}")
    if exchange.headers.get("transfer-encoding", "").lower() != "chunked":
        return _whole(exchange, given=seen.case.request is not None)
    first = exchange.first_byte
    if first is None:
        return unseen("the answer is empty")
    if exchange.seconds > LONG and first > AT_THE_END * exchange.seconds:
        return broken(f"the first byte of the answer came after {first:.2f} of {exchange.seconds:.2f} s")
    return kept(f"chunked; first byte after {first:.2f} s, the last after {exchange.seconds:.2f} s")


def _whole(exchange: Exchange, *, given: bool) -> Verdict:
    """An answer that came whole: that is right for a short one that nobody has asked to be streamed."""
    text = f"the answer has no Transfer-Encoding: chunked; it came whole after {exchange.seconds:.2f} s"
    if given or exchange.seconds > LONG:
        return broken(text)
    return unseen(f"{text}: give a request whose answer streams: --request FILE --content-type TYPE")


def _socket(seen: Evidence) -> Container | Verdict:
    """The container of the scenario bidirectional; else why nothing can be said."""
    if seen.config.labels.get(BIDIRECTIONAL) != "true":
        return apart(f"the label {BIDIRECTIONAL} is not set to true")
    run = seen.runs["bidirectional"]
    if (verdict := unready(seen, "bidirectional")) is not None:
        return verdict
    return run.one


def shakes_hands(seen: Evidence) -> Verdict:
    """BID-01."""
    box = _socket(seen)
    if isinstance(box, Verdict):
        return box
    status = box.facts.get("handshake")
    if status == 101:
        return kept("a WebSocket opens at /invocations-bidirectional-stream")
    return broken(f"the handshake at /invocations-bidirectional-stream got {status or 'no answer'}")


def answers_ping_frames(seen: Evidence) -> Verdict:
    """BID-02. Margin: the service waits for five minutes, we for five seconds."""
    box = _opened(seen)
    if isinstance(box, Verdict):
        return box
    pong = box.facts.get("pong")
    if not isinstance(pong, float) or pong > PONG:
        return broken(f"a Ping frame was not answered with a Pong within {PONG:.0f} s")
    return kept(f"a Ping frame was answered after {pong:.3f} s")


def _opened(seen: Evidence) -> Container | Verdict:
    box = _socket(seen)
    if isinstance(box, Container) and box.facts.get("handshake") != 101:
        return unseen("no WebSocket opens: see BID-01")
    return box


def takes_frames(seen: Evidence) -> Verdict:
    """BID-03."""
    box = _opened(seen)
    if isinstance(box, Verdict):
        return box
    fates = {kind: box.facts.get(kind) for kind in ("text", "binary", "fragments")}
    text = ", ".join(f"{kind}: {fate}" for kind, fate in fates.items())
    lost = [kind for kind, fate in fates.items() if fate == "lost"]
    return broken(f"{text}: the connection breaks off without a Close frame") if lost else kept(text)


def stays_well(seen: Evidence) -> Verdict:
    """BID-04."""
    box = _opened(seen)
    if isinstance(box, Verdict):
        return box
    status = box.facts.get("ping_after")
    text = f"GET /ping is {status} while a WebSocket is open"
    return kept(text) if status == 200 else broken(text)


PART: Final = (
    Clause(
        id="INF-30",
        says="An answer is sent in chunks as it comes",
        severity=Severity.MUST,
        source="SageMaker Runtime API: InvokeEndpointWithResponseStream; " + GUIDE,
        fix="answer with Transfer-Encoding: chunked, and flush each piece; turn off buffering in a proxy",
        judge=streams,
        targets=STREAMING,
        needs=("stream",),
    ),
    Clause(
        id="BID-01",
        says="A WebSocket opens at /invocations-bidirectional-stream on 8080",
        severity=Severity.MUST,
        source=GUIDE + " (2025)",
        fix="serve a WebSocket at that path, or remove the label",
        judge=shakes_hands,
        targets=SINGLE,
        needs=("bidirectional",),
    ),
    Clause(
        id="BID-02",
        says="Ping frames are answered with Pong (margin: 5 s)",
        severity=Severity.MUST,
        source=GUIDE + " (2025)",
        fix="use a library that answers Ping frames, and let nothing block its loop",
        judge=answers_ping_frames,
        targets=SINGLE,
        needs=("bidirectional",),
    ),
    Clause(
        id="BID-03",
        says="Text, binary and fragmented messages are taken, or refused with a Close frame",
        severity=Severity.PLATFORM,
        source=GUIDE + " (2025)",
        fix="answer what you do not take with a Close frame that has a code and a reason",
        judge=takes_frames,
        targets=SINGLE,
        needs=("bidirectional",),
    ),
    Clause(
        id="BID-04",
        says="GET /ping is 200 while a WebSocket is open",
        severity=Severity.MUST,
        source=GUIDE + " (2025)",
        fix="see INF-02",
        judge=stays_well,
        targets=SINGLE,
        needs=("bidirectional",),
    ),
)
