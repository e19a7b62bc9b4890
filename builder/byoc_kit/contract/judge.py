"""Evidence in, report out. Pure: the same evidence can be judged again without an engine."""

from collections.abc import Sequence
from datetime import date

from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.types import Clause, Evidence, Finding, Outcome, Report, Severity, Status, Verdict
from byoc_kit.contract.waivers import Waiver, waive
from byoc_kit.spec.types import Target

__all__ = ["judge"]

UNBROKEN = {Outcome.KEPT: Status.PASS, Outcome.APART: Status.SKIP, Outcome.UNSEEN: Status.NOT_RUN}


def judge(
    evidence: Evidence,
    clauses: Sequence[Clause] = CLAUSES,
    *,
    waivers: Sequence[Waiver] = (),
    today: date = date.min,
) -> Report:
    """Every clause judged on *evidence*, in the order of *clauses*. *today* decides which waivers count."""
    findings = waive([_finding(clause, evidence) for clause in clauses], waivers, today)
    broken = frozenset[Target]().union(*(finding.breaks for finding in findings))
    return Report(
        image=evidence.image,
        depth=evidence.depth.value,
        findings=findings,
        targets={target: target not in broken for target in evidence.targets},
        runs=evidence.runs,
        not_run=evidence.not_run,
    )


def _finding(clause: Clause, evidence: Evidence) -> Finding:
    verdict = _before(clause, evidence) or clause.judge(evidence)
    breaks = _breaks(clause, verdict) & clause.targets & {*evidence.targets}
    runs = [evidence.runs[name] for name in clause.needs if name in evidence.runs]
    return Finding(
        id=clause.id,
        says=clause.says,
        status=_status(verdict, fails=bool(breaks)),
        severity=clause.severity,
        evidence=verdict.evidence,
        fix=clause.fix,
        seconds=sum(run.seconds for run in runs),
        breaks=breaks,
        source=clause.source,
        contested=clause.contested,
        scenarios=clause.needs,
    )


def _before(clause: Clause, evidence: Evidence) -> Verdict | None:
    """What can be said without asking the predicate: it does not apply, or what it judges was not seen."""
    if not clause.targets & {*evidence.targets}:
        return Verdict(Outcome.APART, f"only for {', '.join(sorted(clause.targets))}")
    for name in clause.needs:
        run = evidence.runs.get(name)
        if run is None:
            return Verdict(Outcome.UNSEEN, evidence.not_run or f"the scenario {name} was not played")
        if run.problem:
            return Verdict(Outcome.UNSEEN, f"the scenario {name}: {run.problem}")
    return None


def _breaks(clause: Clause, verdict: Verdict) -> frozenset[Target]:
    """Whom it breaks. What AWS itself leaves open breaks nobody."""
    fails = clause.severity is Severity.MUST and not clause.contested
    return verdict.breaks if fails and verdict.outcome is Outcome.BROKEN else frozenset()


def _status(verdict: Verdict, *, fails: bool) -> Status:
    if verdict.outcome is Outcome.BROKEN:
        return Status.FAIL if fails else Status.WARN
    return UNBROKEN[verdict.outcome]
