"""Evidence is written down and read again without a loss, and judged the same."""

import json
from typing import Any

import pytest

from byoc_kit.contract.evidence import Run
from byoc_kit.contract.judge import judge
from byoc_kit.contract.saved import from_json, to_json
from byoc_kit.contract.types import Evidence
from contract.examples import EVIDENCE


def again(evidence: Evidence) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(to_json(evidence)))
    return document


def test_nothing_is_lost_but_secrets() -> None:
    read = from_json(again(EVIDENCE))
    assert read.runs == EVIDENCE.runs
    assert read.facts == EVIDENCE.facts
    assert read.config.env == {"PATH": "/usr/bin", "AWS_SECRET_ACCESS_KEY": "(hidden)"}
    assert from_json(again(read)) == read
    assert judge(read).findings == judge(EVIDENCE).findings


def test_a_document_of_an_older_version_gets_defaults_and_one_of_a_newer_is_read() -> None:
    document = again(EVIDENCE)
    del document["case"]
    del document["runs"]["serve"]["containers"][0]["pings"][0]["connect"]
    document["later"] = {"a": 1}
    assert from_json(document).case == EVIDENCE.case


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"schema": "byoc/verify/1"},
        {"schema": "byoc/evidence/1"},
        {**to_json(EVIDENCE), "runs": {"serve": 7}},
        {**to_json(EVIDENCE), "depth": "deep"},
        {**to_json(EVIDENCE), "targets": ["trainign"]},
    ],
)
def test_what_is_no_evidence(document: Any) -> None:
    with pytest.raises(ValueError, match=r"schema|not a valid"):
        from_json(document)


def test_a_run_with_a_problem_stays_one() -> None:
    run = Run(scenario="train", problem="the engine went away")
    document = to_json(EVIDENCE) | {"runs": {"train": {"scenario": "train", "problem": run.problem}}}
    assert from_json(document).runs == {"train": run}
