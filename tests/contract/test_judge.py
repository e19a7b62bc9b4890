"""What becomes of verdicts: severities, waivers, what AWS leaves open, and what was not played."""

from dataclasses import replace
from datetime import date

import pytest

from byoc_kit.contract.choose import chosen, unknown
from byoc_kit.contract.evidence import Run
from byoc_kit.contract.judge import judge
from byoc_kit.contract.types import Finding, Outcome, Severity, Status
from byoc_kit.contract.waivers import Waiver
from byoc_kit.spec.types import Target
from contract.examples import EVIDENCE, SERVED, case, clause

TODAY = date(2027, 1, 31)


def one(found: Outcome, *, waiver: Waiver | None = None, today: date = TODAY, **more: object) -> Finding:
    made = clause("AAA-01", found, **more)  # type: ignore[arg-type]
    report = judge(EVIDENCE, [made], waivers=[waiver] if waiver else [], today=today)
    return report.findings[0]


@pytest.mark.parametrize(
    ("found", "severity", "status"),
    [
        (Outcome.KEPT, Severity.MUST, Status.PASS),
        (Outcome.BROKEN, Severity.MUST, Status.FAIL),
        (Outcome.BROKEN, Severity.SHOULD, Status.WARN),
        (Outcome.BROKEN, Severity.INFO, Status.WARN),
        (Outcome.APART, Severity.MUST, Status.SKIP),
        (Outcome.UNSEEN, Severity.MUST, Status.NOT_RUN),
    ],
)
def test_status(found: Outcome, severity: Severity, status: Status) -> None:
    assert one(found, severity=severity).status is status


def test_what_breaks_other_targets_only_warns() -> None:
    found = one(Outcome.BROKEN, breaks=frozenset({Target.BATCH}))
    assert (found.status, found.breaks) == (Status.WARN, frozenset())


def test_what_aws_leaves_open_warns_and_breaks_nobody() -> None:
    found = one(Outcome.BROKEN, contested="the API says 6 MB, the FAQ says 25 MB")
    assert (found.status, found.breaks) == (Status.WARN, frozenset())
    assert found.contested == "the API says 6 MB, the FAQ says 25 MB"


WAIVER = Waiver(clause="AAA-01", reason="a ticket is open", until=TODAY)


def test_a_waiver_counts_until_the_end_of_its_last_day() -> None:
    found = one(Outcome.BROKEN, waiver=WAIVER)
    assert (found.status, found.waiver, found.breaks) == (Status.WAIVED, "a ticket is open", frozenset())


@pytest.mark.parametrize("severity", [Severity.MUST, Severity.SHOULD])
def test_an_expired_waiver_fails(severity: Severity) -> None:
    found = one(Outcome.BROKEN, waiver=WAIVER, today=date(2027, 2, 1), severity=severity)
    assert found.status is Status.FAIL
    assert found.evidence == "what AAA-01 saw; its waiver expired on 2027-01-31"


def test_a_waiver_without_a_last_day_never_expires() -> None:
    assert one(Outcome.BROKEN, waiver=replace(WAIVER, until=None), today=date.max).status is Status.WAIVED


@pytest.mark.parametrize("found", [Outcome.KEPT, Outcome.APART, Outcome.UNSEEN])
def test_a_waiver_changes_nothing_where_nothing_is_broken(found: Outcome) -> None:
    assert one(found, waiver=WAIVER, today=date.max) == one(found)


def test_waived_clauses_leave_their_targets_good() -> None:
    made = case({"AAA-01": Outcome.BROKEN, "AAA-02": Outcome.KEPT})
    report = judge(EVIDENCE, made, waivers=[WAIVER], today=TODAY)
    assert report.ok
    assert report.targets == {Target.TRAINING: True, Target.HOSTING: True}
    assert report.counts()["waived"] == 1


def test_a_clause_is_not_asked_about_what_was_not_played() -> None:
    made = [clause("AAA-01", Outcome.BROKEN, needs=("train",))]
    assert judge(EVIDENCE, made).findings[0].evidence == "the scenario train was not played"
    reason = replace(EVIDENCE, runs={}, not_run="there is no engine")
    report = judge(reason, made)
    assert report.findings[0].status is Status.NOT_RUN
    assert report.findings[0].evidence == report.not_run == "there is no engine"


def test_a_clause_is_not_asked_about_what_could_not_be_played() -> None:
    run = Run(scenario="serve", problem="the engine went away")
    found = judge(replace(EVIDENCE, runs={"serve": run}), [clause("AAA-01", Outcome.KEPT, needs=("serve",))])
    assert found.findings[0].status is Status.NOT_RUN
    assert found.findings[0].evidence == "the scenario serve: the engine went away"


def test_a_finding_knows_what_its_scenarios_took() -> None:
    found = judge(EVIDENCE, [clause("AAA-01", Outcome.KEPT, needs=("serve",))]).findings[0]
    assert (found.seconds, found.scenarios) == (SERVED.seconds, ("serve",))


NAMES = case(dict.fromkeys(["IMG-01", "IMG-02", "SIG-01", "SIG-02"], Outcome.KEPT))


@pytest.mark.parametrize(
    ("only", "skip", "left"),
    [
        ([], [], ["IMG-01", "IMG-02", "SIG-01", "SIG-02"]),
        (["IMG-02"], [], ["IMG-02"]),
        (["img"], [], ["IMG-01", "IMG-02"]),
        (["*-02"], [], ["IMG-02", "SIG-02"]),
        ([], ["SIG"], ["IMG-01", "IMG-02"]),
        (["IMG", "SIG-01"], ["img-01"], ["IMG-02", "SIG-01"]),
    ],
)
def test_choice(only: list[str], skip: list[str], left: list[str]) -> None:
    assert [each.id for each in chosen(NAMES, only=only, skip=skip)] == left


def test_names_of_nothing_are_found() -> None:
    assert unknown(["IMG-02", "IMX", "SIG-9*", "IM"], NAMES) == ["IMX", "SIG-9*", "IM"]
