"""What predicates of every part say their verdicts with."""

from collections.abc import Iterable

from byoc_kit.contract.audience import NOBODY, SERVING, TRAINING
from byoc_kit.contract.types import ALL_TARGETS, Outcome, Verdict
from byoc_kit.spec.types import Target

__all__ = ["NOBODY", "SERVING", "TRAINING", "apart", "base_name", "broken", "kept", "listed", "unseen"]


def kept(evidence: str) -> Verdict:
    """The clause holds."""
    return Verdict(Outcome.KEPT, evidence)


def broken(evidence: str, breaks: frozenset[Target] = ALL_TARGETS) -> Verdict:
    """The clause does not hold: *breaks* are the targets that cannot work so."""
    return Verdict(Outcome.BROKEN, evidence, breaks)


def apart(evidence: str) -> Verdict:
    """The clause does not apply to this image."""
    return Verdict(Outcome.APART, evidence)


def unseen(evidence: str) -> Verdict:
    """What the clause is about was not seen, so nothing is said about it."""
    return Verdict(Outcome.UNSEEN, evidence)


def base_name(path: str) -> str:
    """The last part of *path*."""
    return path.rpartition("/")[2]


def listed(names: Iterable[str]) -> str:
    """*names* in order, for a sentence."""
    return ", ".join(sorted(names))
