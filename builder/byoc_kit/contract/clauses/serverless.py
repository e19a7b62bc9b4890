"""Serverless endpoints (IMG-06, SLS): a small share of a machine, no root, nothing to write but /tmp."""

from collections import Counter
from typing import Final

from byoc_kit.contract.clauses.served import called, last_words
from byoc_kit.contract.clauses.verdicts import apart, broken, kept, unseen
from byoc_kit.contract.evidence import Container
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict
from byoc_kit.spec.types import Target

__all__ = ["PART"]

SERVERLESS: Final = frozenset({Target.SERVERLESS})
GUIDE: Final = "SageMaker Developer Guide, Serverless Inference"
FEW: Final = 2
"""Processes of one program that are taken for one worker: itself, and what has started it."""
BODY: Final = "4MB"


def _up(seen: Evidence) -> Container | None:
    """The container that came up: the strict one, else the one that has only its limits."""
    boxes = seen.runs["serverless"].containers
    return next((box for box in boxes if box.ready is not None), None)


def needs_no_rights(seen: Evidence) -> Verdict:
    """IMG-06."""
    strict = seen.runs["serverless"].one
    if strict.ready is not None:
        return kept("as user 65534, with nothing to write but /tmp, /ping is 200")
    if seen.facts is not None and seen.facts.has("sagemaker-inference"):
        return apart("the inference toolkit writes to /etc: it does not run without root (STK-03)")
    if _up(seen) is None:
        return unseen("it did not come up as root either: see INF-04")
    return broken(f"as user 65534, with nothing to write but /tmp, it does not come up{last_words(strict)}")


def one_worker(seen: Evidence) -> Verdict:
    """SLS-03."""
    box = _up(seen)
    if box is None:
        return unseen("it did not come up: see INF-04")
    lines = str(box.facts.get("commands") or "").splitlines()
    if not lines:
        return unseen("its processes could not be seen")
    program, count = Counter(" ".join(line.split()[:2]) for line in lines).most_common(1)[0]
    text = f"with one CPU there {'is one process' if len(lines) == 1 else f'are {len(lines)} processes'}"
    if count > FEW:
        return broken(f"{text}, {count} of {program}: each worker holds a copy of the model")
    return kept(text)


def small_and_quick(seen: Evidence) -> Verdict:
    """SLS-05."""
    box = _up(seen)
    if box is None:
        return unseen("it did not come up: see INF-04")
    exchange = box.exchanges.get(BODY)
    if exchange is None:
        return unseen("the scenario serverless did not get so far as to ask this")
    if exchange.status in {None, 413}:
        return broken(f"a body of 4 MB got {called(exchange)}")
    return kept(f"a body of 4 MB got {exchange.status}; a cold start takes {box.ready:.1f} s")


PART: Final = (
    Clause(
        id="IMG-06",
        says="It serves as a user without rights, with nothing to write but /tmp",
        severity=Severity.SHOULD,
        source="SageMaker Developer Guide, Troubleshoot serverless endpoints",
        fix="RUN chmod -R o+rX on the folders of your code and model; write to /tmp only",
        judge=needs_no_rights,
        targets=SERVERLESS,
        needs=("serverless",),
        contested="that the file system is read-only, and who runs the container, is not documented",
    ),
    Clause(
        id="SLS-03",
        says="With one CPU there is one worker, so the model is in memory once",
        severity=Severity.SHOULD,
        source=GUIDE,
        fix="take the number of workers from the CPUs that are visible, or set it to 1 for serverless",
        judge=one_worker,
        targets=SERVERLESS,
        needs=("serverless",),
    ),
    Clause(
        id="SLS-05",
        says="A body of 4 MB is taken with 2 GB of memory and one CPU",
        severity=Severity.SHOULD,
        source=GUIDE + "; SageMaker Hosting FAQs",
        fix="raise the limit of bodies to 4 MB and more",
        judge=small_and_quick,
        targets=SERVERLESS,
        needs=("serverless",),
    ),
)
