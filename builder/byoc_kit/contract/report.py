"""A report for people and for machines."""

import json
import textwrap
from collections.abc import Iterator, Sequence

from byoc_kit.contract.sections import by_section, title
from byoc_kit.contract.types import Finding, Report, Status

__all__ = ["BROKEN", "ORDER", "played", "to_json", "to_json_text", "to_text"]

ORDER = (Status.FAIL, Status.WARN, Status.WAIVED, Status.NOT_RUN, Status.PASS, Status.SKIP)
"""What needs a person first."""
BROKEN = (Status.FAIL, Status.WARN, Status.WAIVED)
"""Told with evidence and remedy, one by one."""
WIDTH = 110  # characters
INDENT = " " * 8


def to_text(report: Report) -> str:
    """What is broken first, with what was seen and what to do; then what was not seen, and what is kept."""
    targets = ", ".join(report.targets)
    lines = [f"{report.image} ({report.depth}, for {targets})"]
    for status in BROKEN:
        lines += _told([finding for finding in report.findings if finding.status is status])
    lines += _not_run([finding for finding in report.findings if finding.status is Status.NOT_RUN])
    lines += _kept([finding.id for finding in report.findings if finding.status is Status.PASS])
    lines += _left_out([finding.id for finding in report.findings if finding.status is Status.SKIP])
    if report.beyond:
        lines += _wrapped(f"beyond  {', '.join(report.beyond)}  not judged here: byoc explain ID tells why")
    return "\n".join([*lines, "", *_time(report), *_summary(report)])


def to_json_text(report: Report) -> str:
    """:func:`to_json` as text."""
    return json.dumps(to_json(report), indent=2, sort_keys=True)


def to_json(report: Report) -> dict[str, object]:
    """Schema ``byoc/verify/1``."""
    return {
        "schema": "byoc/verify/1",
        "image": report.image,
        "depth": report.depth,
        "ok": report.ok,
        "not_run": report.not_run,
        "seconds": round(report.seconds, 3),
        "targets": {target.value: good for target, good in report.targets.items()},
        "counts": report.counts(),
        "clauses": [_clause(finding) for finding in report.findings],
        "beyond": [{"id": name, "why": why} for name, why in report.beyond.items()],
        "scenarios": [
            {"name": run.scenario, "seconds": round(run.seconds, 3), "problem": run.problem}
            for run in report.runs.values()
        ],
    }


def played(report: Report) -> float:
    """How long all scenarios take one after the other, in seconds."""
    return sum(run.seconds for run in report.runs.values())


def _clause(finding: Finding) -> dict[str, object]:
    return {
        "id": finding.id,
        "says": finding.says,
        "status": finding.status.value,
        "severity": finding.severity.value,
        "evidence": finding.evidence,
        "fix": finding.fix,
        "seconds": round(finding.seconds, 3),
        "breaks": sorted(target.value for target in finding.breaks),
        "source": finding.source,
        "contested": finding.contested,
        "waiver": finding.waiver,
        "scenarios": list(finding.scenarios),
    }


def _told(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        yield f"{finding.status.value:<8}{finding.id:<8}{finding.says}"
        yield f"{INDENT * 2}seen: {finding.evidence}"
        if finding.breaks:
            yield f"{INDENT * 2}breaks: {', '.join(sorted(finding.breaks))}"
        if finding.waiver:
            yield f"{INDENT * 2}waived: {finding.waiver}"
        if finding.contested:
            yield f"{INDENT * 2}open: {finding.contested}"
        if finding.status is not Status.WAIVED:
            yield f"{INDENT * 2}fix: {finding.fix}"


def _not_run(findings: Sequence[Finding]) -> Iterator[str]:
    """What was not seen, by the reason."""
    for reason in dict.fromkeys(finding.evidence for finding in findings):
        names = [finding.id for finding in findings if finding.evidence == reason]
        yield from _listed(Status.NOT_RUN, names)
        yield f"{INDENT * 2}why: {reason}"


def _kept(names: Sequence[str]) -> Iterator[str]:
    """What needs nobody: the ids by section."""
    for letters, some in by_section(names).items():
        yield from _wrapped(f"{Status.PASS.value:<8}{', '.join(some)}  {title(letters)}")


def _listed(status: Status, names: Sequence[str]) -> list[str]:
    return _wrapped(f"{status.value:<8}{', '.join(sorted(names))}")


def _left_out(names: Sequence[str]) -> list[str]:
    """How many of each section do not apply."""
    counts = [f"{letters} {len(some)}" for letters, some in by_section(names).items()]
    return _wrapped(f"{Status.SKIP.value:<8}{', '.join(counts)}: not for this image") if counts else []


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=INDENT, break_on_hyphens=False)


def _time(report: Report) -> Iterator[str]:
    """Where the time went."""
    if not report.runs:
        return
    longest = sorted(report.runs.values(), key=lambda run: -run.seconds)
    names = ", ".join(f"{run.scenario} {run.seconds:.1f} s" for run in longest)
    took = f" in {report.seconds:.1f} s" if report.seconds else ""
    yield from _wrapped(
        f"time    scenarios: {len(longest)}{took}, {played(report):.1f} s one after the other: {names}"
    )


def _summary(report: Report) -> Iterator[str]:
    counts = report.counts()
    yield "result  " + ", ".join(
        f"{counts[status.value]} {status.value}" for status in ORDER if counts[status.value]
    )
    good = [target.value for target, fine in report.targets.items() if fine]
    bad = [target.value for target, fine in report.targets.items() if not fine]
    if bad:
        yield f"{INDENT}breaks the contract of: {', '.join(bad)}"
    if good:
        yield f"{INDENT}nothing {_seen(report)} speaks against: {', '.join(good)}"


def _seen(report: Report) -> str:
    return "static" if report.depth == "static" else "that was seen"
