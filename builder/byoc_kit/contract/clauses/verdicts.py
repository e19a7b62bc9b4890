"""What predicates of every part say their verdicts with."""

from collections.abc import Iterable

from byoc_kit.contract.audience import NOBODY, SERVING, TRAINING
from byoc_kit.contract.types import ALL_TARGETS, Outcome, Verdict
from byoc_kit.spec.types import Target

__all__ = ["NOBODY", "SERVING", "TRAINING", "apart", "base_name", "broken", "kept", "listed", "unseen"]


def _printable(text: str) -> str:
    """*text* without what a terminal would take for a command: images that nobody trusts wrote some of it."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def kept(evidence: str) -> Verdict:
    """The clause holds."""
    return Verdict(Outcome.KEPT, _printable(evidence))


def broken(evidence: str, breaks: frozenset[Target] = ALL_TARGETS) -> Verdict:
    """The clause does not hold: *breaks* are the targets that cannot work so."""
    return Verdict(Outcome.BROKEN, _printable(evidence), breaks)


def apart(evidence: str) -> Verdict:
    """The clause does not apply to this image."""
    return Verdict(Outcome.APART, _printable(evidence))


def unseen(evidence: str) -> Verdict:
    """What the clause is about was not seen, so nothing is said about it."""
    return Verdict(Outcome.UNSEEN, _printable(evidence))


def base_name(path: str) -> str:
    """The last part of *path*."""
    return path.rpartition("/")[2]


def listed(names: Iterable[str]) -> str:
    """*names* in order, for a sentence."""
    return ", ".join(sorted(names))
