"""Coming up as an endpoint, and staying well (INF): what the server says to pings.

Times are the service's, with margins for a busy machine: one late ping of a run is forgiven, and none counts
while the machine that measures stood still itself.
"""

from typing import Final

from byoc_kit.contract.clauses.files import can_be_started
from byoc_kit.contract.clauses.served import (
    FORGIVEN,
    GUIDE,
    HINT,
    LATE,
    SINGLE,
    asked,
    bad_pings,
    blame,
    called,
    compared,
    failed,
    good,
    last_words,
    late,
    left_out,
    ports,
    slow_to_connect,
    unready,
    wants_model,
)
from byoc_kit.contract.clauses.static import starts
from byoc_kit.contract.clauses.verdicts import NOBODY, apart, broken, kept, listed, unseen
from byoc_kit.contract.evidence import Container, Depth
from byoc_kit.contract.types import Clause, Evidence, Outcome, Severity, Verdict

__all__ = ["PART"]

SOON: Final = 240.0
"""Seconds to the first good ping that the guide of 2023 gave (INF-04)."""


def listens(seen: Evidence) -> Verdict:
    """INF-01."""
    box = seen.runs["serve"].one
    if box.ready is not None:
        return kept("8080 answers at the container's own address")
    if blame(seen.runs["serve"]) != "INF-01":
        return unready(seen, "serve") or unseen("nothing listens at all")
    found = ports(box)
    places = [f"{'127.0.0.1:' if loopback else ''}{port}" for port, loopback in found.items()]
    return broken(f"it listens on {listed(places)} only, so nothing outside the container reaches 8080")


def pings(seen: Evidence) -> Verdict:
    """INF-02. Margin: one late ping is forgiven."""
    box = seen.runs["serve"].one
    if box.ready is None:
        return _never_healthy(seen)
    after = [ping for ping in box.pings if ping.at >= box.ready]
    if wrong := bad_pings(after):
        return broken(f"{len(wrong)} of {len(after)} pings after the first good one: {wrong[0].status}")
    slow = late(after)
    worst = max((ping.seconds for ping in after), default=0.0)
    text = f"{len(after)} pings, slowest {worst:.3f} s{left_out(box)}"
    if len(slow) > FORGIVEN:
        return broken(f"{len(slow)} of {len(after)} pings took over {LATE:g} s")
    return kept(text)


def _never_healthy(seen: Evidence) -> Verdict:
    run = seen.runs["serve"]
    if blame(run) != "INF-02":
        return unseen(f"it never answered GET /ping with 200: see {blame(run)}")
    answers = {ping.status for ping in run.one.pings if ping.status is not None}
    what = listed(str(status) for status in answers) if answers else "nothing, though it takes connections"
    return broken(f"GET /ping was answered with {what}, never with 200")


def connects(seen: Evidence) -> Verdict:
    """INF-03. Margin: one slow connection of a run is forgiven."""
    if (verdict := unready(seen, "serve")) is not None:
        return verdict
    boxes = [seen.runs[name].one for name in ("serve", "serve-load")]
    found = [ping for box in boxes for ping in box.pings if box.ready is not None and ping.at >= box.ready]
    slow = slow_to_connect(found)
    worst = max((ping.connect for ping in found if ping.connect is not None), default=0.0)
    if len(slow) > FORGIVEN:
        return broken(f"{len(slow)} of {len(found)} connections did not stand within 250 ms")
    return kept(f"{len(found)} connections, slowest {worst * 1000:.0f} ms")


def starts_in_time(seen: Evidence) -> Verdict:
    """INF-04; also what a server that never came up fails on where no other clause says why."""
    box = seen.runs["serve"].one
    if box.ready is not None:
        text = f"/ping was 200 after {box.ready:.1f} s"
        late_start = f"{text}: over the {SOON:.0f} s of the guide of 2023"
        return kept(text) if box.ready <= SOON else broken(late_start, NOBODY)
    cause = blame(seen.runs["serve"])
    if cause != "INF-04":
        return unseen(f"it never answered GET /ping with 200: see {cause}")
    return _never_came_up(seen, box)


def _never_came_up(seen: Evidence, box: Container) -> Verdict:
    if wants_model(box):
        return unseen(f"it needs a model, and none was given: --model{last_words(box)}")
    if box.refused:
        cause = _of_the_image(seen)
        text = f"it could not be started: {box.refused[:200]}"
        return unseen(f"it could not be started: see {cause}") if cause else broken(text)
    if box.exit_code is not None and not box.killed:
        return broken(f"it ended with {box.exit_code} after {box.seconds:.1f} s{last_words(box)}")
    hint = "" if seen.depth is Depth.SERVICE else " (the service waits 480 s: [verify.time-limits] startup)"
    return broken(f"nothing accepted connections on 8080 within {box.seconds:.0f} s{hint}{last_words(box)}")


def _of_the_image(seen: Evidence) -> str:
    """The clause on the image itself that says why it could not be started; empty where none does."""
    judged = {"IMG-01": starts(seen), "IMG-04": can_be_started(seen)}
    return next((name for name, found in judged.items() if found.outcome is Outcome.BROKEN), "")


def healthy_means_able(seen: Evidence) -> Verdict:
    """INF-05: with and without its model, /ping says whether it can predict."""
    first, later = asked(seen, "serve", "first"), asked(seen, "serve", "invoke")
    if isinstance(first, Verdict) or isinstance(later, Verdict):
        return unready(seen, "serve") or unseen("it was not asked")
    if failed(first) and good(later):
        return broken(f"/ping was 200, the request right after it {first.status}, later {later.status}")
    bare = seen.runs["serve-no-model"].one
    if bare.ready is None:
        return _not_well_without(seen, bare)
    then = bare.exchanges.get("invoke")
    if then is None or not good(later):
        return unseen(f"it did not answer any request: {HINT}")
    if not good(then):
        return broken(f"without its model /ping is 200, but a request gets {called(then)}")
    return kept("it predicts without anything in /opt/ml/model, as /ping says")


def _not_well_without(seen: Evidence, bare: Container) -> Verdict:
    """That it did not come up without its model is right, if it had the time to."""
    wrong = compared(seen, bare, "")
    if wrong is not None and wrong.outcome is Outcome.UNSEEN:
        return wrong
    return kept("without its model it does not answer /ping with 200")


def stays_healthy(seen: Evidence) -> Verdict:
    """INF-06."""
    if (verdict := unready(seen, "serve")) is not None:
        return verdict
    box = seen.runs["serve"].one
    ready = box.ready or 0.0
    good = [ping for ping in box.pings if ping.at >= ready and ping.status == 200]
    total = [ping for ping in box.pings if ping.at >= ready]
    text = f"{len(good)} of {len(total)} pings were 200"
    return kept(text) if len(good) == len(total) else broken(text)


def leaves_the_model(seen: Evidence) -> Verdict:
    """INF-14: what does not work with a read-only model, and works with one that can be written."""
    run = seen.runs["serve"]
    again = next((box for box in run.containers if box.name == "model-writable"), None)
    if again is None:
        return unready(seen, "serve") or kept("it comes up and answers with a read-only /opt/ml/model")
    if run.one.ready is None:
        if again.ready is not None:
            return broken("with a read-only /opt/ml/model /ping is never 200; where it can be written, it is")
        return unready(seen, "serve") or unseen("it did not come up")
    strict, easy = run.one.exchanges.get("invoke"), again.exchanges.get("invoke")
    if strict is not None and easy is not None and not good(strict) and good(easy):
        return broken(f"a request gets {called(strict)}; where /opt/ml/model can be written, {easy.status}")
    return kept("that /opt/ml/model is read-only makes no difference")


def starts_without_model(seen: Evidence) -> Verdict:
    """INF-16."""
    if (verdict := unready(seen, "serve")) is not None:
        return verdict
    bare = seen.runs["serve-no-model"].one
    wrong = compared(seen, bare, "the image has a model, but without a mount it does not come up")
    if wrong is None:
        return kept("without a mount at /opt/ml/model /ping is 200")
    if seen.facts and seen.facts.named(r"/opt/ml/model/.+"):
        return wrong
    return apart("it needs a model, and none is in the image: right for a model that is given")


def takes_environment(seen: Evidence) -> Verdict:
    """INF-17."""
    box = seen.runs["serve-large"].one
    wrong = compared(seen, box, "with 100 variables, 32 KB in all, it does not come up")
    return wrong or kept("it comes up with 100 variables, 32 KB in all")


def needs_no_ambience(seen: Evidence) -> Verdict:
    """INF-18."""
    box = seen.runs["serve-copies"].one
    wrong = compared(seen, box, "it comes up with AWS_REGION and the like, not without")
    return wrong or kept("it comes up without AWS_REGION and the like")


def needs_no_network(seen: Evidence) -> Verdict:
    """INF-24: every scenario is played on a network that leads nowhere, without credentials."""
    run = seen.runs["serve"]
    if run.one.ready is not None:
        return kept("it comes up on a network that leads nowhere, without credentials")
    if blame(run) != "INF-24":
        return unready(seen, "serve") or unseen("it did not come up")
    return broken(f"it did not come up on a network that leads nowhere{last_words(run.one)}")


PART: Final = (
    Clause(
        id="INF-01",
        says="It listens on TCP 8080, on all interfaces, and speaks HTTP",
        severity=Severity.MUST,
        source=GUIDE,
        fix="bind 0.0.0.0:8080, not 127.0.0.1 and no other port",
        judge=listens,
        targets=SINGLE,
        needs=("serve",),
    ),
    Clause(
        id="INF-02",
        says="GET /ping is 200 within 2 s, each time (margin: one late ping of a run is forgiven)",
        severity=Severity.MUST,
        source=GUIDE,
        fix="answer GET /ping with 200 and an empty body, from a thread or process that no request occupies",
        judge=pings,
        targets=SINGLE,
        needs=("serve",),
    ),
    Clause(
        id="INF-03",
        says="It accepts connections within 250 ms, also under load (margin: one slow one is forgiven)",
        severity=Severity.MUST,
        source=GUIDE,
        fix="listen with a backlog of 128 or more, and accept connections while requests are worked on",
        judge=connects,
        targets=SINGLE,
        needs=("serve", "serve-load"),
    ),
    Clause(
        id="INF-04",
        says="/ping is 200 within 8 minutes after the start (240 s in the guide of 2023: later warns)",
        severity=Severity.MUST,
        source=GUIDE + "; API: ContainerStartupHealthCheckTimeoutInSeconds",
        fix="load less at start, or ask for a longer window with ContainerStartupHealthCheckTimeoutInSeconds",
        judge=starts_in_time,
        targets=SINGLE,
        needs=("serve",),
    ),
    Clause(
        id="INF-05",
        says="/ping is 200 only while the model is loaded and can predict",
        severity=Severity.SHOULD,
        source=GUIDE + " (2025)",
        fix="listen once the model is loaded; let /ping fail, or the process end, when it cannot predict",
        judge=healthy_means_able,
        targets=SINGLE,
        needs=("serve", "serve-no-model"),
    ),
    Clause(
        id="INF-06",
        says="/ping stays 200 for as long as the container lives",
        severity=Severity.PLATFORM,
        source=GUIDE + "; how often the service pings is not published",
        fix="see INF-02",
        judge=stays_healthy,
        targets=SINGLE,
        needs=("serve",),
    ),
    Clause(
        id="INF-14",
        says="It works with a model folder that it cannot write",
        severity=Severity.MUST,
        source=GUIDE,
        fix="write to /tmp; PYTHONDONTWRITEBYTECODE=1 where code lies in /opt/ml/model",
        judge=leaves_the_model,
        targets=SINGLE,
        needs=("serve",),
    ),
    Clause(
        id="INF-16",
        says="An image that has its model comes up without one at /opt/ml/model",
        severity=Severity.SHOULD,
        source="deduced: CreateModel does not require ModelDataUrl",
        fix="take the model of the image where /opt/ml/model is missing or empty; keep it outside /opt/ml",
        judge=starts_without_model,
        targets=SINGLE,
        needs=("serve", "serve-no-model"),
    ),
    Clause(
        id="INF-17",
        says="It comes up with 100 environment variables, 32 KB in all",
        severity=Severity.PLATFORM,
        source="SageMaker API: EnvironmentMap",
        fix="do not copy the whole environment to where it does not fit",
        judge=takes_environment,
        targets=SINGLE,
        needs=("serve", "serve-large"),
    ),
    Clause(
        id="INF-18",
        says="It comes up with and without the variables that the platform is seen to set",
        severity=Severity.PLATFORM,
        source="public logs; not documented",
        fix="have a default for AWS_REGION, AWS_DEFAULT_REGION and SAGEMAKER_SAFE_PORT_RANGE",
        judge=needs_no_ambience,
        targets=SINGLE,
        needs=("serve", "serve-copies"),
    ),
    Clause(
        id="INF-24",
        says="It comes up without outbound network and without credentials, as under network isolation",
        severity=Severity.MUST,
        source="SageMaker Developer Guide, Run Training and Inference Containers in Internet-Free Mode",
        fix="bring into the image, or into the model, what is downloaded at start",
        judge=needs_no_network,
        targets=SINGLE,
        needs=("serve",),
    ),
)
