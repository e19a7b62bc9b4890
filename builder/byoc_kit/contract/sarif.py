"""A report as SARIF 2.1.0, which code scanning of GitHub and others reads.

Every clause is a rule; what is broken is a result. Waived clauses are results that are suppressed.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from byoc_kit.contract.types import Finding, Report, Severity, Status

__all__ = ["to_sarif"]

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS: Mapping[Status, str] = {
    Status.FAIL: "error",
    Status.WARN: "warning",
    Status.WAIVED: "note",
    Status.PASS: "none",
    Status.NOT_RUN: "none",
    Status.SKIP: "none",
}
KINDS: Mapping[Status, str] = {
    Status.PASS: "pass",
    Status.NOT_RUN: "open",
    Status.SKIP: "notApplicable",
}
"""Of what is not broken; everything else is of the kind ``fail``."""


def to_sarif(report: Report) -> str:
    """The whole document."""
    run = {
        "tool": {
            "driver": {
                "name": "byoc verify",
                "rules": [_rule(finding) for finding in report.findings],
            }
        },
        "results": [_result(finding, place, report) for place, finding in enumerate(report.findings)],
        "properties": {
            "image": report.image,
            "depth": report.depth,
            "targets": {target.value: good for target, good in report.targets.items()},
        },
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(finding: Finding) -> dict[str, Any]:
    level = "error" if finding.severity is Severity.MUST and not finding.contested else "warning"
    return {
        "id": finding.id,
        "shortDescription": {"text": finding.says},
        "fullDescription": {"text": f"{finding.says}. Source: {finding.source}"},
        "help": {"text": finding.fix},
        "defaultConfiguration": {"level": level},
    }


def _location(report: Report) -> dict[str, Any]:
    """The image, as if it were a file: without a file, code scanning does not show a result."""
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(report.image, safe="/@:")},
            "region": {"startLine": 1},
        },
        "logicalLocations": [{"fullyQualifiedName": report.image, "kind": "resource"}],
    }


def _result(finding: Finding, place: int, report: Report) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.id,
        "ruleIndex": place,
        "kind": KINDS.get(finding.status, "fail"),
        "level": LEVELS[finding.status],
        "message": {"text": f"{finding.evidence}. To mend it: {finding.fix}"},
        "locations": [_location(report)],
    }
    if finding.status is Status.WAIVED:
        result["suppressions"] = [{"kind": "external", "justification": finding.waiver}]
    return result
