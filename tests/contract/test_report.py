"""What a person and a machine read about an image."""

from collections.abc import Callable
from dataclasses import replace

from byoc_kit.contract.judge import judge
from byoc_kit.contract.report import to_json, to_text
from byoc_kit.contract.types import Clause, Evidence, Outcome, Severity, Verdict
from byoc_kit.contract.waivers import Waiver
from byoc_kit.oci.config import ImageConfig
from byoc_kit.spec.types import Target
from contract import examples

SEEN = Evidence(image="docker:churn", config=ImageConfig(), targets=(Target.TRAINING, Target.HOSTING))


def clause(name: str, severity: Severity, judge: Callable[[Evidence], Verdict]) -> Clause:
    return Clause(
        id=name, says=f"{name} says", severity=severity, source="ours", fix=f"mend {name}", judge=judge
    )


CLAUSES = (
    clause("AAA-01", Severity.MUST, lambda _: Verdict(Outcome.KEPT, "fine")),
    clause("BBB-01", Severity.SHOULD, lambda _: Verdict(Outcome.BROKEN, "not so good")),
    clause("CCC-01", Severity.MUST, lambda _: Verdict(Outcome.BROKEN, "bad", frozenset({Target.HOSTING}))),
    clause("DDD-01", Severity.MUST, lambda _: Verdict(Outcome.UNSEEN, "nobody looked")),
    clause(
        "EEE-01", Severity.MUST, lambda _: Verdict(Outcome.BROKEN, "elsewhere", frozenset({Target.STUDIO}))
    ),
)


def test_text_has_failures_first_with_what_was_seen_and_the_fix() -> None:
    assert to_text(judge(SEEN, CLAUSES)).splitlines() == [
        "docker:churn (static, for training, hosting)",
        "fail    CCC-01  CCC-01 says",
        "                seen: bad",
        "                breaks: hosting",
        "                fix: mend CCC-01",
        "warn    BBB-01  BBB-01 says",
        "                seen: not so good",
        "                fix: mend BBB-01",
        "warn    EEE-01  EEE-01 says",
        "                seen: elsewhere",
        "                fix: mend EEE-01",
        "not-run DDD-01",
        "                why: nobody looked",
        "pass    AAA-01  AAA",
        "",
        "result  1 fail, 2 warn, 1 not-run, 1 pass",
        "        breaks the contract of: hosting",
        "        nothing static speaks against: training",
    ]


def test_text_tells_waivers_what_is_open_and_where_the_time_went() -> None:
    made = [
        examples.clause("AAA-01", Outcome.BROKEN, needs=("serve",)),
        examples.clause("AAA-02", Outcome.BROKEN, contested="two pages disagree"),
    ]
    waivers = [Waiver(clause="AAA-01", reason="a ticket is open")]
    report = replace(
        judge(examples.EVIDENCE, made, waivers=waivers), seconds=9.5, beyond={"CHN-05": "it is a setting"}
    )
    assert to_text(report).splitlines() == [
        "docker:churn (quick, for training, hosting)",
        "warn    AAA-02  AAA-02 holds <for> all & sundry",
        "                seen: what AAA-02 saw",
        "                open: two pages disagree",
        "                fix: mend AAA-02",
        "waived  AAA-01  AAA-01 holds <for> all & sundry",
        "                seen: what AAA-01 saw",
        "                waived: a ticket is open",
        "beyond  CHN-05  not judged here: byoc explain ID tells why",
        "",
        "time    scenarios: 1 in 9.5 s, 8.2 s one after the other: serve 8.2 s",
        "result  1 warn, 1 waived",
        "        nothing that was seen speaks against: training, hosting",
    ]


def test_json_has_the_promised_fields() -> None:
    document = to_json(judge(SEEN, CLAUSES))
    assert document["schema"] == "byoc/verify/1"
    assert (document["image"], document["depth"], document["ok"]) == ("docker:churn", "static", False)
    assert document["targets"] == {"training": True, "hosting": False}
    clauses = document["clauses"]
    assert isinstance(clauses, list)
    assert clauses[2] == {
        "id": "CCC-01",
        "says": "CCC-01 says",
        "status": "fail",
        "severity": "must",
        "evidence": "bad",
        "fix": "mend CCC-01",
        "seconds": 0.0,
        "breaks": ["hosting"],
        "source": "ours",
        "contested": "",
        "waiver": "",
        "scenarios": [],
    }


def test_json_tells_what_was_played() -> None:
    document = to_json(judge(examples.EVIDENCE, []))
    assert document["scenarios"] == [{"name": "serve", "seconds": 8.25, "problem": ""}]
