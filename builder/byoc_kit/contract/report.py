"""A report for people and for machines."""

from byoc_kit.contract.types import Finding, Report, Status

__all__ = ["to_json", "to_text"]

ORDER = (Status.FAIL, Status.WARN, Status.WAIVED, Status.PASS, Status.NOT_RUN, Status.SKIP)
"""What needs a person first."""
SHORT = {Status.PASS, Status.SKIP, Status.WAIVED}
"""One line each: nothing is to be done."""


def to_text(report: Report) -> str:
    """Failures first, each with what was seen and what to do; then one line for each clause that is kept."""
    ordered = sorted(report.findings, key=lambda finding: ORDER.index(finding.status))
    body = [line for finding in ordered for line in _lines(finding)]
    return "\n".join([f"{report.image} ({report.depth})", *body, "", _summary(report)])


def to_json(report: Report) -> dict[str, object]:
    """Schema ``byoc/verify/1``."""
    return {
        "schema": "byoc/verify/1",
        "image": report.image,
        "depth": report.depth,
        "ok": report.ok,
        "targets": {target.value: good for target, good in report.targets.items()},
        "counts": report.counts(),
        "clauses": [
            {
                "id": finding.id,
                "says": finding.says,
                "status": finding.status.value,
                "severity": finding.severity.value,
                "evidence": finding.evidence,
                "fix": finding.fix,
                "seconds": finding.seconds,
                "breaks": sorted(target.value for target in finding.breaks),
            }
            for finding in report.findings
        ],
    }


def _lines(finding: Finding) -> list[str]:
    head = f"{finding.status.value:<8}{finding.id:<8}{finding.says}"
    if finding.status in SHORT:
        return [head]
    lines = [head, f"{'':<16}seen: {finding.evidence}"]
    if finding.breaks:
        lines.append(f"{'':<16}breaks: {', '.join(sorted(finding.breaks))}")
    if finding.status is not Status.NOT_RUN:
        lines.append(f"{'':<16}fix: {finding.fix}")
    return lines


def _summary(report: Report) -> str:
    counts = ", ".join(f"{number} {status}" for status, number in report.counts().items() if number)
    good = [target.value for target, fine in report.targets.items() if fine]
    bad = [target.value for target, fine in report.targets.items() if not fine]
    lines = [counts]
    if bad:
        lines.append(f"breaks the contract of: {', '.join(bad)}")
    if good:
        lines.append(f"nothing static speaks against: {', '.join(good)}")
    return "\n".join(lines)
