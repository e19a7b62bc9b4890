"""Batch transform (BAT) and asynchronous endpoints (ASY): many lines, large bodies, long requests."""

import json
import re
from collections.abc import Mapping
from typing import Final

from byoc_kit.contract.clauses.served import HINT, asked, called, compared, good, unready
from byoc_kit.contract.clauses.verdicts import NOBODY, broken, kept, unseen
from byoc_kit.contract.evidence import Container, Exchange
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict
from byoc_kit.spec.types import Target

__all__ = ["PART"]

BATCH: Final = frozenset({Target.BATCH})
ASYNC: Final = frozenset({Target.ASYNC})
GUIDE: Final = "SageMaker Developer Guide, Use Your Own Inference Code with Batch Transform"
STRATEGIES: Final = {"MULTI_RECORD", "SINGLE_RECORD", "MultiRecord", "SingleRecord"}
MOST_MEGABYTES: Final = 100
"""What MaxPayloadInMB may be, and its product with MaxConcurrentTransforms (BAT-04)."""
LINES: Final = ("lines-1", "lines-10", "lines-1000")
LONGEST: Final = 900.0
"""Seconds of InvocationTimeoutSeconds unless a request says otherwise (ASY-01)."""
GUNICORN: Final = 30.0
"""Seconds after which gunicorn kills a worker unless it is told otherwise."""


def serves_batch(seen: Evidence) -> Verdict:
    """BAT-01."""
    text = "with SAGEMAKER_BATCH=true it does not come up"
    if (verdict := compared(seen, seen.runs["batch"].one, text)) is not None:
        return verdict
    exchange = asked(seen, "batch", "invoke")
    if isinstance(exchange, Verdict):
        return exchange
    if exchange.status is None or exchange.status in {404, 405}:
        return broken(f"with SAGEMAKER_BATCH=true POST /invocations got {called(exchange)}")
    return kept(f"with SAGEMAKER_BATCH=true /ping is 200, and a request got {exchange.status}")


def tells_parameters(seen: Evidence) -> Verdict:
    """BAT-02."""
    exchange = asked(seen, "batch", "parameters")
    if isinstance(exchange, Verdict):
        return exchange
    if exchange.status == 404:
        return kept("GET /execution-parameters is 404, so the service's defaults hold")
    if exchange.status != 200:
        return broken(f"GET /execution-parameters got {called(exchange)}; 200 or 404 are right")
    wrong = _wrong_parameters(exchange.body)
    return broken(f"GET /execution-parameters: {wrong}") if wrong else kept(exchange.body.strip()[:200])


def _wrong_parameters(text: str) -> str:
    try:
        found = json.loads(text)
    except ValueError:
        return "200, but no JSON"
    if not isinstance(found, Mapping):
        return "200, but no JSON object"
    numbers = [found.get(key, 1) for key in ("MaxConcurrentTransforms", "MaxPayloadInMB")]
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        return "MaxConcurrentTransforms and MaxPayloadInMB are numbers"
    if found.get("BatchStrategy", "MULTI_RECORD") not in STRATEGIES:
        return f"BatchStrategy {found['BatchStrategy']!r} is neither MULTI_RECORD nor SINGLE_RECORD"
    if numbers[0] * numbers[1] > MOST_MEGABYTES:
        return f"{numbers[0]} transforms of {numbers[1]} MB are over {MOST_MEGABYTES} MB"
    return ""


def answers_line_by_line(seen: Evidence) -> Verdict:
    """BAT-03."""
    if (verdict := unready(seen, "batch")) is not None:
        return verdict
    exchanges = seen.runs["batch"].one.exchanges
    first = exchanges.get(LINES[0])
    if first is None or not good(first):
        what = called(first) if first else "was not made, since it has no lines"
        return unseen(f"a request of one line {what}: {HINT} (text/csv or application/jsonlines)")
    for name in LINES[1:]:
        exchange, count = exchanges[name], int(name.partition("-")[2])
        if not good(exchange):
            return broken(f"one line is answered, {count} lines got {called(exchange)}")
        if exchange.lines != count:
            return broken(f"{count} lines are answered with {exchange.lines}")
    return _in_order(first, exchanges["lines-10"])


def _in_order(first: Exchange, ten: Exchange) -> Verdict:
    if ten.body.splitlines()[:1] != first.body.splitlines()[:1]:
        return broken("the first of ten answers is not that to the first line")
    return kept("1, 10 and 1000 lines are answered with as many")


def takes_chunks(seen: Evidence) -> Verdict:
    """BAT-04."""
    plain, chunked = asked(seen, "batch", "invoke"), asked(seen, "batch", "chunked")
    if isinstance(plain, Verdict):
        return plain
    if isinstance(chunked, Verdict):
        return chunked
    if chunked.status is None or (chunked.status >= 400 and chunked.status != plain.status):
        return broken(f"the same body gets {plain.status} with its length, and in chunks {called(chunked)}")
    large = seen.runs["batch"].one.exchanges.get("100MB")
    if large is not None and large.status in {None, 413}:
        return broken(f"in chunks: {chunked.status}; but a body of 100 MB got {called(large)}", NOBODY)
    return kept(f"in chunks: {chunked.status}{f', 100 MB: {large.status}' if large else ''}")


def answers_the_same(seen: Evidence) -> Verdict:
    """BAT-05."""
    first, again = asked(seen, "batch", "invoke"), asked(seen, "batch", "again")
    if isinstance(first, Verdict):
        return first
    if isinstance(again, Verdict):
        return again
    same = (first.status, first.digest) == (again.status, again.digest)
    text = f"the same body twice: {first.status} and {again.status}"
    return kept(f"{text}, with the same answer") if same else broken(f"{text}, with different answers")


def batch_is_healthy(seen: Evidence) -> Verdict:
    """BAT-06. Margin: one late ping is forgiven."""
    if (verdict := unready(seen, "batch")) is not None:
        return verdict
    box = seen.runs["batch"].one
    after = [ping for ping in box.pings if ping.at >= (box.ready or 0.0)]
    slow = [ping for ping in after if ping.status != 200 or ping.seconds > 2.0]
    text = f"{len(after) - len(slow)} of {len(after)} pings were 200 within 2 s"
    return broken(text) if len(slow) > 1 else kept(text)


def forgives_the_last_line(seen: Evidence) -> Verdict:
    """BAT-07."""
    if (verdict := unready(seen, "batch")) is not None:
        return verdict
    exchanges = seen.runs["batch"].one.exchanges
    first, more = exchanges.get("lines-1"), exchanges.get("trailing")
    if first is None or more is None or not good(first):
        return unseen(f"a request of one line was not answered: {HINT} (text/csv or application/jsonlines)")
    if not good(more) or more.lines != first.lines:
        return broken(
            f"with an empty line at its end, the same request got {called(more)}, {more.lines} lines"
        )
    return kept("an empty line at the end changes nothing")


def takes_very_large(seen: Evidence) -> Verdict:
    """ASY-01."""
    exchange = asked(seen, "async", "large")
    if isinstance(exchange, Verdict):
        return exchange
    text = f"a body of {exchange.sent / 1e6:.0f} MB got {called(exchange)}"
    return broken(text) if exchange.status in {None, 413} else kept(text)


def waits_long(seen: Evidence) -> Verdict:
    """ASY-02: what the server's own command line says, and a request that takes its time."""
    slow = asked(seen, "async", "slow")
    if isinstance(slow, Verdict):
        return slow
    limit = _worker_timeout(seen.runs["async"].one)
    if limit is not None and limit < LONGEST:
        return broken(f"gunicorn kills a worker after {limit:.0f} s; a request may take {LONGEST:.0f} s")
    if slow.status is None or slow.status in {408, 502, 504}:
        return broken(f"a request that took {slow.seconds:.0f} s to arrive got {called(slow)}")
    return kept(f"a request that took {slow.seconds:.0f} s to arrive got {slow.status}")


def _worker_timeout(box: Container) -> float | None:
    """Seconds after which gunicorn kills a worker, by its command line; None: no gunicorn, or not told."""
    commands = str(box.facts.get("commands", ""))
    lines = [line for line in commands.splitlines() if re.search(r"(^|[/ ])gunicorn\b", line)]
    if not lines or any(re.search(r" (-c|--config)\b", line) for line in lines):
        return None
    found = re.search(r"(?:-t|--timeout)[ =](\d+)", lines[0])
    limit = float(found.group(1)) if found else GUNICORN
    return limit or None  # 0: never


def finishes_its_job(seen: Evidence) -> Verdict:
    """ASY-03."""
    if (verdict := unready(seen, "async")) is not None:
        return verdict
    exchange = seen.runs["async"].one.exchanges.get("in-flight")
    if exchange is None:
        return unseen("the scenario async did not get so far as to stop it")
    if exchange.status is None or exchange.status >= 500:
        return broken(f"a request that was under way when SIGTERM came got {called(exchange)}")
    return kept(f"a request that was under way when SIGTERM came got {called(exchange)}")


PART: Final = (
    Clause(
        id="BAT-01",
        says="With the variables of a batch transform it serves as it does without",
        severity=Severity.MUST,
        source=GUIDE,
        fix="answer /ping and /invocations whether or not SAGEMAKER_BATCH is set",
        judge=serves_batch,
        targets=BATCH,
        needs=("serve", "batch"),
    ),
    Clause(
        id="BAT-02",
        says="GET /execution-parameters is 404, or 200 with parameters that the service takes",
        severity=Severity.SHOULD,
        source=GUIDE,
        fix="answer 404, or an object of MaxConcurrentTransforms, BatchStrategy and MaxPayloadInMB",
        judge=tells_parameters,
        targets=BATCH,
        needs=("batch",),
    ),
    Clause(
        id="BAT-03",
        says="A request of many lines is answered with as many, in their order",
        severity=Severity.MUST,
        source="deduced from CreateTransformJob: BatchStrategy MultiRecord, AssembleWith Line, and joins",
        fix="answer a line for each record; or ask for BatchStrategy SingleRecord",
        judge=answers_line_by_line,
        targets=BATCH,
        needs=("batch",),
    ),
    Clause(
        id="BAT-04",
        says="Bodies in chunks are taken, and bodies of 100 MB (these only warn)",
        severity=Severity.MUST,
        source="SageMaker API: CreateTransformJob, MaxPayloadInMB",
        fix="read bodies with Transfer-Encoding: chunked; raise the limit of bodies to 100 MB",
        judge=takes_chunks,
        targets=BATCH,
        needs=("batch",),
    ),
    Clause(
        id="BAT-05",
        says="The same request gets the same answer: the service asks again after a failure",
        severity=Severity.PLATFORM,
        source="SageMaker API: ModelClientConfig",
        fix="let an answer depend on its request only",
        judge=answers_the_same,
        targets=BATCH,
        needs=("batch",),
    ),
    Clause(
        id="BAT-06",
        says="Under a batch transform /ping is 200 within 2 s (margin: one late ping is forgiven)",
        severity=Severity.MUST,
        source=GUIDE,
        fix="see INF-02",
        judge=batch_is_healthy,
        targets=BATCH,
        needs=("batch",),
    ),
    Clause(
        id="BAT-07",
        says="An empty line at the end of a request changes nothing",
        severity=Severity.SHOULD,
        source="deduced: a file that is split by lines ends with a line end",
        fix="skip empty lines",
        judge=forgives_the_last_line,
        targets=BATCH,
        needs=("batch",),
    ),
    Clause(
        id="ASY-01",
        says="Very large bodies are taken: 1 GB, of which --depth quick sends 100 MB",
        severity=Severity.PLATFORM,
        source="SageMaker Developer Guide, Asynchronous inference",
        fix="read bodies piece by piece to a file, and raise the limit of bodies to 1 GB",
        judge=takes_very_large,
        targets=ASYNC,
        needs=("async",),
    ),
    Clause(
        id="ASY-02",
        says="The server's own timeouts are longer than an invocation may take (900 s)",
        severity=Severity.SHOULD,
        source="deduced from InvocationTimeoutSeconds",
        fix="raise gunicorn's --timeout, nginx' proxy_read_timeout, or the model server's, to 900 s and more",
        judge=waits_long,
        targets=ASYNC,
        needs=("async",),
    ),
    Clause(
        id="ASY-03",
        says="A job that is under way when the endpoint is scaled in is finished",
        severity=Severity.SHOULD,
        source="deduced; whether the message is delivered again is not documented",
        fix="see INF-13",
        judge=finishes_its_job,
        targets=ASYNC,
        needs=("async",),
    ),
)
