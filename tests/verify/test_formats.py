"""Reports for other programs: JUnit by its grammar, SARIF by another's model of it, HTML by a parser."""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import xmlschema
from sarif_pydantic import Sarif  # type: ignore[import-untyped]

from byoc_kit.contract.formats import FORMATS
from byoc_kit.contract.judge import judge
from byoc_kit.contract.report import to_json
from byoc_kit.contract.types import Outcome, Report, Severity, Status
from byoc_kit.contract.waivers import Waiver
from contract.examples import EVIDENCE, clause

NASTY = 'it said "<b>&\x00\x1b[31m\udcff", é'
CLAUSES = [
    clause("IMG-01", Outcome.BROKEN),
    clause("IMG-02", Outcome.KEPT),
    clause("IMG-03", Outcome.BROKEN, severity=Severity.SHOULD),
    clause("INF-01", Outcome.BROKEN, needs=("serve",)),
    clause("INF-02", Outcome.UNSEEN),
    clause("PRC-01", Outcome.APART),
    clause("SIG-01", Outcome.KEPT, needs=("train",)),
]
WAIVERS = [Waiver(clause="INF-01", reason="a ticket & more")]


@pytest.fixture
def report() -> Report:
    """One finding of every status, one of them with what no document may hold."""
    made = judge(EVIDENCE, CLAUSES, waivers=WAIVERS)
    first, *others = made.findings
    assert {finding.status for finding in made.findings} == {*Status}
    findings = (replace(first, evidence=NASTY), *others)
    return replace(made, findings=findings, seconds=12.0, beyond={"CHN-05": "it is <no> image's fault"})


def test_junit_follows_its_grammar(report: Report) -> None:
    document = FORMATS["junit"](report)
    xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd")).validate(document)
    root = ElementTree.fromstring(document)
    assert [suite.get("name") for suite in root] == [
        "Image and manifest",
        "Stopping",
        "Endpoints",
        "Processing",
    ]
    assert (root.get("tests"), root.get("failures")) == ("7", "1")
    cases = {
        str(case.get("name")).split()[0]: [child.tag for child in case] for case in root.iter("testcase")
    }
    assert cases == {
        "IMG-01": ["failure"],
        "IMG-02": [],
        "IMG-03": ["system-out"],
        "INF-01": ["skipped"],
        "INF-02": ["skipped"],
        "PRC-01": ["skipped"],
        "SIG-01": ["skipped"],
    }
    counted = Counter({suite.get("name"): int(str(suite.get("skipped"))) for suite in root})
    assert counted.total() == 4
    failure = next(root.iter("failure"))
    assert failure.get("message") == 'it said "<b>&\ufffd\ufffd[31m\ufffd", é'


def test_sarif_is_understood_by_another_program(report: Report) -> None:
    document = json.loads(FORMATS["sarif"](report))
    read = Sarif.model_validate(document)
    results = list(read.runs[0].results or [])
    assert [result.rule_id for result in results] == [each.id for each in CLAUSES]
    levels = {result.rule_id: result.level.value for result in results if result.level}
    assert {name: level for name, level in levels.items() if level != "none"} == {
        "IMG-01": "error",
        "IMG-03": "warning",
        "INF-01": "note",
    }


KINDS = {"notApplicable", "pass", "fail", "review", "open", "informational"}
RULES: dict[str, Callable[[Any, Any], bool]] = {
    "ruleIndex and ruleId mean the same rule (3.27.6)": lambda result, rules: (
        rules[result["ruleIndex"]]["id"] == result["ruleId"]
    ),
    "what is not of the kind fail has the level none (3.27.10)": lambda result, _: (
        result["kind"] == "fail" or result["level"] == "none"
    ),
    "kinds are listed (3.27.9)": lambda result, _: result["kind"] in KINDS,
    "a result has a message (3.27.11)": lambda result, _: bool(result["message"]["text"]),
    "a uri is a valid one (3.4.3)": lambda result, _: all(
        re.fullmatch(r"[\w.~:/?#@!$&'()*+,;=%-]+", place["physicalLocation"]["artifactLocation"]["uri"], re.A)
        for place in result["locations"]
    ),
    "suppressions are in the source or external (3.35.2)": lambda result, _: all(
        each["kind"] in {"inSource", "external"} for each in result.get("suppressions", ())
    ),
}
"""What the specification of SARIF 2.1.0 demands of what we write."""


def sarif_faults(document: dict[str, Any]) -> list[str]:
    run = document["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert document["version"] == "2.1.0"
    assert len({rule["id"] for rule in rules}) == len(rules)
    return [says for result in run["results"] for says, keeps in RULES.items() if not keeps(result, rules)]


def test_sarif_keeps_the_rules_of_its_specification(report: Report) -> None:
    document = json.loads(FORMATS["sarif"](report))
    assert sarif_faults(document) == []
    waived = document["runs"][0]["results"][3]
    assert waived["suppressions"] == [{"kind": "external", "justification": "a ticket & more"}]
    waived["kind"], waived["ruleIndex"] = "open", 0
    assert len(sarif_faults(document)) == 2


class Page(HTMLParser):
    """What the page holds, and what is still open when a tag ends."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.links += [str(value) for name, value in attrs if name in {"src", "href"}]
        if tag not in {"meta"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_html_is_whole_and_loads_nothing(report: Report) -> None:
    page = Page()
    page.feed(FORMATS["html"](report))
    text = "".join(page.text)
    assert page.open == []
    assert page.links == []
    assert not page.tags["script"]
    assert "url(" not in text
    assert "@import" not in text
    assert page.tags["svg"] == 1
    assert page.tags["circle"] == 2
    for word in (
        "first ping",
        "SIGTERM",
        "model",
        "a ticket & more",
        "mend IMG-01",
        "it is <no> image's fault",
        "listening <on> 8080",
    ):
        assert word in text


def test_a_report_without_runs_has_no_pictures(report: Report) -> None:
    page = Page()
    page.feed(FORMATS["html"](replace(report, runs={}, not_run="there is no engine")))
    assert page.tags["svg"] == 0
    assert "there is no engine" in "".join(page.text)


def test_json_is_the_object_that_is_promised(report: Report) -> None:
    assert json.loads(FORMATS["json"](report)) == to_json(report)
