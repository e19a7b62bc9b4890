"""What a server says to requests (INF): good ones, bad ones, large ones."""

import re
from typing import Final

from byoc_kit.contract.clauses.served import GUIDE, HINT, SINGLE, asked, called, failed, good, unready
from byoc_kit.contract.clauses.verdicts import NOBODY, apart, broken, kept, listed, unseen
from byoc_kit.contract.evidence import Exchange
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict

__all__ = ["PART"]

ATTRIBUTES: Final = 1024
"""Characters of X-Amzn-SageMaker-Custom-Attributes."""
SESSION: Final = 256
"""Characters of a session's id (STS-01)."""


def answers(seen: Evidence) -> Verdict:
    """INF-07."""
    exchange = asked(seen, "serve", "invoke")
    if isinstance(exchange, Verdict):
        return exchange
    if exchange.status is None:
        return broken(f"POST /invocations: {exchange.error}")
    if good(exchange):
        return _expected(exchange, seen.case.expect)
    return _not_good(exchange, given=seen.case.request is not None)


def _not_good(exchange: Exchange, *, given: bool) -> Verdict:
    if exchange.status in {404, 405, 501}:
        return unseen(f"POST /invocations is {exchange.status}: see INF-08")
    if given:
        return broken(f"the request that was given got {called(exchange)}: {exchange.body[:120]!r}")
    if failed(exchange):
        return unseen(f"a made-up request got {called(exchange)}: {HINT}")
    return kept(f"a made-up request got {called(exchange)}; to judge more, {HINT}")


def _expected(exchange: Exchange, expect: str | None) -> Verdict:
    if expect is not None and not re.search(expect, exchange.body):
        return broken(f"the answer {exchange.body[:80]!r} does not hold what is expected, {expect!r}")
    return kept(f"POST /invocations: {called(exchange)}")


def routes(seen: Evidence) -> Verdict:
    """INF-08. A path that is not its own and is answered well only warns: nobody says that it harms."""
    exchange = asked(seen, "serve", "invoke")
    if isinstance(exchange, Verdict):
        return exchange
    if exchange.status in {404, 405, 501}:
        return broken(f"POST /invocations is {exchange.status}, on the port where GET /ping is 200")
    exchanges = seen.runs["serve"].one.exchanges
    others = {name: exchanges[name] for name in ("unknown", "models") if name in exchanges}
    for other in others.values():
        if other.status is None:
            return broken(f"GET {other.path}: {other.error}; it should be 404, at once")
        if other.status < 400:
            return broken(f"GET {other.path} is {other.status} where it should be 404", NOBODY)
    return kept("/ping and /invocations answer on 8080; other paths are refused")


def refuses_bad_input(seen: Evidence) -> Verdict:
    """INF-09. Only what hangs or ends the server breaks it: a 5xx reaches the caller as a ModelError too."""
    if (verdict := unready(seen, "serve")) is not None:
        return verdict
    exchanges = seen.runs["serve"].one.exchanges
    bad = {name: exchanges[name] for name in ("bad-json", "bad-type", "empty") if name in exchanges}
    if not bad:
        return unseen("the scenario serve did not get so far as to ask this")
    if silent := [name for name, each in bad.items() if each.status is None]:
        return broken(f"no answer to {listed(silent)}: {bad[silent[0]].error}")
    after = exchanges.get("ping-after-bad")
    if after is not None and after.status != 200:
        return broken(f"after bad requests GET /ping got {called(after)}")
    text = ", ".join(f"{name}: {each.status}" for name, each in bad.items())
    wrong = [name for name, each in bad.items() if each.status is not None and each.status >= 500]
    return broken(f"{text} (a 5xx looks like a fault of the model)", NOBODY) if wrong else kept(text)


def takes_large_bodies(seen: Evidence) -> Verdict:
    """INF-10. AWS contradicts itself above 6 MiB: there it only warns."""
    small, big = asked(seen, "serve-large", "6MiB"), asked(seen, "serve-large", "25MB")
    if isinstance(small, Verdict):
        return small
    if wrong := _too_large(small):
        return broken(f"a body of 6 MiB got {wrong}")
    if isinstance(big, Verdict):
        return big
    if wrong := _too_large(big):
        return broken(f"a body of 25 MB got {wrong}; the API says 6 MiB, the FAQ 25 MB", NOBODY)
    return kept(f"6 MiB: {small.status}, 25 MB: {big.status}")


def _too_large(exchange: Exchange) -> str:
    """What is wrong with the answer to a large body; empty where its size did not matter."""
    return called(exchange) if exchange.status in {None, 413} else ""


def ignores_headers(seen: Evidence) -> Verdict:
    """INF-11."""
    plain, more = asked(seen, "serve", "invoke"), asked(seen, "serve", "headers")
    if isinstance(plain, Verdict):
        return plain
    if isinstance(more, Verdict):
        return more
    text = f"{plain.status} without, {more.status} with headers of the platform"
    return kept(text) if plain.status == more.status else broken(text)


def returns_attributes(seen: Evidence) -> Verdict:
    """INF-12."""
    exchange = asked(seen, "serve", "headers")
    if isinstance(exchange, Verdict):
        return exchange
    value = exchange.headers.get("x-amzn-sagemaker-custom-attributes")
    if value is None:
        return apart("it answers no Custom-Attributes, as it may")
    if len(value) > ATTRIBUTES or not all(" " <= letter <= "~" for letter in value):
        return broken(f"Custom-Attributes of {len(value)} characters, not all visible US-ASCII")
    return kept(f"Custom-Attributes of {len(value)} characters")


def metrics_are_metrics(seen: Evidence) -> Verdict:
    """INF-23."""
    exchange = asked(seen, "serve", "metrics")
    if isinstance(exchange, Verdict):
        return exchange
    if exchange.status != 200:
        return apart("it offers no /metrics, as it may")
    lines = [line for line in exchange.body.splitlines()[:-1] if line and not line.startswith("#")]
    odd = [line for line in lines if not _is_metric(line)]
    return (
        broken(f"/metrics is 200, but not Prometheus text: {odd[0][:60]!r}")
        if odd
        else kept("/metrics is text")
    )


def _is_metric(line: str) -> bool:
    return re.fullmatch(r"[A-Za-z_:][\w:]*(\{.*\})?\s+[-+\w.]+(\s+-?\d+)?\s*", line) is not None


def opens_sessions(seen: Evidence) -> Verdict:
    """STS-01. Which header it is, AWS says in two ways: either will do."""
    exchange = asked(seen, "serve", "session")
    if isinstance(exchange, Verdict):
        return exchange
    found = session_of(exchange)
    if found is None:
        return apart("it opens no session, as it may")
    if not 0 < len(found) <= SESSION or not found.isprintable():
        return broken(f"a session id of {len(found)} characters")
    return kept(f"it opens a session, with an id of {len(found)} characters")


def session_of(exchange: Exchange) -> str | None:
    """The id of the session that *exchange* has opened; None: it has opened none."""
    names = ("x-amzn-sagemaker-new-session-id", "x-amzn-sagemaker-session-id")
    value = next((exchange.headers[name] for name in names if name in exchange.headers), None)
    return None if value is None or value == "NEW_SESSION" else value.partition(";")[0].strip()


def closes_sessions(seen: Evidence) -> Verdict:
    """STS-02. How a client asks to close a session is the image's own: only what is seen is judged."""
    opened = asked(seen, "serve", "session")
    if isinstance(opened, Verdict):
        return opened
    if session_of(opened) is None:
        return apart("it opens no session, as it may")
    exchange = asked(seen, "serve", "unknown-session")
    if isinstance(exchange, Verdict):
        return exchange
    if exchange.status is None or 200 <= exchange.status < 300:
        return broken(f"a request of a session that nobody has opened got {called(exchange)}")
    return kept(f"a request of a session that nobody has opened got {called(exchange)}")


PART: Final = (
    Clause(
        id="INF-07",
        says="POST /invocations is answered within 60 s",
        severity=Severity.MUST,
        source=GUIDE,
        fix="make prediction quicker, send less at once, or use an asynchronous endpoint",
        judge=answers,
        targets=SINGLE,
        needs=("serve",),
    ),
    Clause(
        id="INF-08",
        says="GET /ping and POST /invocations are on one port, and other paths are 404 at once",
        severity=Severity.MUST,
        source="deduced from " + GUIDE,
        fix="route POST /invocations to the prediction, and refuse paths that are not yours with 404",
        judge=routes,
        targets=SINGLE,
        needs=("serve",),
    ),
    Clause(
        id="INF-09",
        says="Bad input is answered, with 4xx, and does no harm to the server (5xx warns)",
        severity=Severity.MUST,
        source="SageMaker Runtime API: ModelError",
        fix="answer 400 or 415 where the body or its type cannot be read, and let no request end the server",
        judge=refuses_bad_input,
        targets=SINGLE,
        needs=("serve",),
    ),
    Clause(
        id="INF-10",
        says="Bodies of 6 MiB are taken (25 MB too: the API says 6 MiB, the FAQ 25 MB, so that only warns)",
        severity=Severity.MUST,
        source="SageMaker Runtime API: BodyBlob; SageMaker Hosting FAQs",
        fix="raise the limit (client_max_body_size in nginx, SAGEMAKER_MAX_PAYLOAD_IN_MB for the toolkit)",
        judge=takes_large_bodies,
        targets=SINGLE,
        needs=("serve-large",),
    ),
    Clause(
        id="INF-11",
        says="Headers that the platform adds change nothing",
        severity=Severity.PLATFORM,
        source=GUIDE,
        fix="ignore headers that you do not know",
        judge=ignores_headers,
        targets=SINGLE,
        needs=("serve",),
    ),
    Clause(
        id="INF-12",
        says="Custom-Attributes that it answers are at most 1024 visible US-ASCII characters",
        severity=Severity.SHOULD,
        source="SageMaker Runtime API: CustomAttributesHeader",
        fix="shorten the header, and encode what is not ASCII",
        judge=returns_attributes,
        targets=SINGLE,
        needs=("serve",),
    ),
    Clause(
        id="INF-23",
        says="/metrics, where there is one, is Prometheus text",
        severity=Severity.PLATFORM,
        source="SageMaker API: ContainerMetricsConfig",
        fix="write metrics in Prometheus' text format, or answer 404",
        judge=metrics_are_metrics,
        targets=SINGLE,
        needs=("serve",),
    ),
    Clause(
        id="STS-01",
        says="A session that it opens has an id of at most 256 characters",
        severity=Severity.MUST,
        source="SageMaker Developer Guide, Stateful sessions; SageMaker Runtime API: NewSessionId",
        fix="answer X-Amzn-SageMaker-New-Session-Id: ID; Expires=yyyy-mm-ddThh:mm:ssZ to NEW_SESSION",
        judge=opens_sessions,
        targets=SINGLE,
        needs=("serve",),
        contested="the guide prints X-Amzn-SageMaker-Session-Id, the API X-Amzn-SageMaker-New-Session-Id",
    ),
    Clause(
        id="STS-02",
        says="A request of a session that is not open is refused",
        severity=Severity.MUST,
        source="SageMaker Developer Guide, Stateful sessions",
        fix="answer 4xx with X-Amzn-SageMaker-Closed-Session-Id for a session that is not open",
        judge=closes_sessions,
        targets=SINGLE,
        needs=("serve",),
        contested="what an unknown session is answered with is not documented",
    ),
)
