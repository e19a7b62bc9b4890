"""What a person and a machine read about an image."""

from collections.abc import Callable

from byoc_kit.contract.judge import judge
from byoc_kit.contract.report import to_json, to_text
from byoc_kit.contract.types import Clause, Evidence, Outcome, Severity, Verdict
from byoc_kit.oci.config import ImageConfig
from byoc_kit.spec.types import Target

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
        "docker:churn (static)",
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
        "pass    AAA-01  AAA-01 says",
        "not-run DDD-01  DDD-01 says",
        "                seen: nobody looked",
        "",
        "1 pass, 1 fail, 2 warn, 1 not-run",
        "breaks the contract of: hosting",
        "nothing static speaks against: training",
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
    }
