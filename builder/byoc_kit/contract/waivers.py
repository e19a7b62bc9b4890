"""A waiver: a clause that somebody knows to be broken and accepts, with a reason and perhaps a last day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from byoc_kit.contract.types import Finding, Status

__all__ = ["Waiver", "waive"]

BROKEN = {Status.FAIL, Status.WARN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """One entry of ``[verify] waivers``."""

    clause: str
    reason: str
    until: date | None = None
    """The last day on which it counts; None: it never expires."""

    def expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.until is not None and today > self.until


def waive(findings: Sequence[Finding], waivers: Sequence[Waiver], today: date) -> tuple[Finding, ...]:
    """*findings* with the broken clauses that *waivers* cover set to waived.

    A broken clause whose waiver has expired fails, whatever its severity: somebody meant to look at it again.
    """
    known = {waiver.clause: waiver for waiver in waivers}
    return tuple(_waived(finding, known, today) for finding in findings)


def _waived(finding: Finding, waivers: Mapping[str, Waiver], today: date) -> Finding:
    waiver = waivers.get(finding.id)
    if waiver is None or finding.status not in BROKEN:
        return finding
    if not waiver.expired(today):
        return replace(finding, status=Status.WAIVED, waiver=waiver.reason, breaks=frozenset())
    evidence = f"{finding.evidence}; its waiver expired on {waiver.until}"
    return replace(finding, status=Status.FAIL, waiver=waiver.reason, evidence=evidence)
