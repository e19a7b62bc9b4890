"""Being stopped (SIG).

A training of the smoke case may end sooner than it can be stopped. Then the kernel tells: a first process
that neither catches nor waits for SIGTERM ignores it, however long it runs (SIG-02).
"""

from typing import Final

from byoc_kit.contract.clauses.trained import by_name, ground, why
from byoc_kit.contract.clauses.verdicts import TRAINING, broken, kept, unseen
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict

__all__ = ["PART"]

PAGE: Final = "AWS docs: your-algorithms-training-algo-dockerfile"
KILLED: Final = 137
TERMINATED: Final = 143
LONGER: Final = "give it a case that trains longer: [verify] hyperparameters"


def hears(seen: Evidence) -> Verdict:
    """SIG-01. Margin: none is needed, it either ends within the grace or is killed."""
    box = seen.runs["train-stop"].one
    if box.refused or (box.facts.get("early") and box.exit_code != 0):
        return ground(seen) or unseen(f"it ended before it could be stopped: {why(box)}")
    if box.killed or box.exit_code == KILLED:
        return broken(f"{box.stopping or 0:.0f} s after SIGTERM it still ran and was killed")
    if box.facts.get("hears") is False:
        return broken(f"in {box.seconds:.1f} s the first process never asked to hear SIGTERM: it ignores it")
    if box.facts.get("early") and not box.facts.get("hears"):
        return unseen(f"it ended by itself after {box.seconds:.1f} s; {LONGER}")
    if box.facts.get("early"):
        return kept(f"its first process hears SIGTERM; it ended by itself after {box.seconds:.1f} s")
    return kept(f"it ended {box.stopping or 0:.1f} s after SIGTERM with {box.exit_code}")


def hears_below_an_init(seen: Evidence) -> Verdict:
    """SIG-02."""
    box = seen.runs["train-stop-init"].one
    if box.refused or (box.facts.get("early") and box.exit_code != 0):
        return ground(seen) or unseen(f"it ended before it could be stopped: {why(box)}")
    if box.killed or box.exit_code == KILLED:
        return broken(f"below an init it still ran {box.stopping or 0:.0f} s after SIGTERM and was killed")
    if box.facts.get("hears") is False and (box.facts.get("early") or box.exit_code == TERMINATED):
        return _has_no_handler(seen)
    if box.facts.get("early") and not box.facts.get("hears"):
        return unseen(f"it ended by itself after {box.seconds:.1f} s; {LONGER}")
    return kept(f"below an init it ended {box.stopping or 0:.1f} s after SIGTERM with {box.exit_code}")


def _has_no_handler(seen: Evidence) -> Verdict:
    if seen.runs["train-stop"].one.facts.get("hears"):
        return broken("below an init it has no handler: SIGTERM ends it at once, and nothing is saved")
    return unseen("it has no handler at all: see SIG-01")


def survives_a_loss(seen: Evidence) -> Verdict:
    """SIG-04."""
    if nothing := ground(seen):
        return nothing
    killed = by_name(seen.runs["train-again"], "killed-again")
    if killed is None or killed.exit_code == 0:
        return kept("after SIGKILL it can be started again")
    return broken(f"after SIGKILL, started again, {why(killed)}")


def bears_two_signals(seen: Evidence) -> Verdict:
    """SIG-05."""
    if nothing := ground(seen):
        return nothing
    twice = by_name(seen.runs["train-again"], "twice")
    after = by_name(seen.runs["train-again"], "twice-again")
    if twice is None or after is None or after.exit_code == 0:
        return kept("two SIGTERM leave nothing that it cannot go on from")
    return broken(f"after two SIGTERM, started again with its checkpoints, {why(after)}")


PART: Final = (
    Clause(
        id="SIG-01",
        says="SIGTERM reaches the training, which ends within 120 s with what it has saved.",
        severity=Severity.MUST,
        source=PAGE,
        fix="install a handler for SIGTERM; let shell scripts `exec` the program",
        judge=hears,
        targets=TRAINING,
        needs=("train", "train-stop"),
    ),
    Clause(
        id="SIG-02",
        says="The handler does not depend on being the first process: an init may stand before it.",
        severity=Severity.MUST,
        source="kernel: signals of PID 1; public logs show tini as the first process of training containers",
        fix="install the handler always, whatever os.getpid() says, and forward the signal to children",
        judge=hears_below_an_init,
        targets=TRAINING,
        needs=("train", "train-stop", "train-stop-init"),
    ),
    Clause(
        id="SIG-04",
        says="A host may vanish without a signal: what is left of it does not hinder the next.",
        severity=Severity.SHOULD,
        source="AWS docs: model-managed-spot-training; public issues",
        fix="write checkpoints from time to time, whole or not at all",
        judge=survives_a_loss,
        targets=TRAINING,
        needs=("train", "train-again"),
        contested="whether SIGTERM precedes the reclaim of a spot instance is not documented",
    ),
    Clause(
        id="SIG-05",
        says="A second SIGTERM while it saves does no harm.",
        severity=Severity.SHOULD,
        source="deduced",
        fix="ignore SIGTERM in the handler once it saves",
        judge=bears_two_signals,
        targets=TRAINING,
        needs=("train", "train-again"),
    ),
)
