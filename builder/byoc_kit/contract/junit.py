"""A report as JUnit XML, in the dialect that Jenkins, GitLab and most others read.

A clause is a test case, a section a test suite. A warning is no failure there: it is told as output.
"""

import re
from collections.abc import Iterable
from xml.etree import ElementTree as Xml

from byoc_kit.contract.sections import by_section, title
from byoc_kit.contract.types import Finding, Report, Status

__all__ = ["to_junit"]

SKIPPED = {Status.SKIP, Status.NOT_RUN, Status.WAIVED}
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What no XML document may hold, however it is escaped."""


def to_junit(report: Report) -> str:
    """The whole document."""
    name = _clean(f"byoc verify {report.image}")
    root = Xml.Element("testsuites", {"name": name, **_totals(report.findings)})
    findings = {finding.id: finding for finding in report.findings}
    for letters, names in by_section(findings).items():
        root.append(_suite(letters, [findings[name] for name in names], report))
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _totals(findings: Iterable[Finding]) -> dict[str, str]:
    found = list(findings)
    failed = sum(finding.status is Status.FAIL for finding in found)
    return {
        "tests": str(len(found)),
        "failures": str(failed),
        "errors": "0",
        "time": f"{sum(finding.seconds for finding in found):.3f}",
    }


def _suite(letters: str, findings: list[Finding], report: Report) -> Xml.Element:
    skipped = sum(finding.status in SKIPPED for finding in findings)
    totals = {"name": title(letters), **_totals(findings), "skipped": str(skipped)}
    suite = Xml.Element("testsuite", totals)
    properties = Xml.SubElement(suite, "properties")
    for name, value in (("image", report.image), ("depth", report.depth)):
        Xml.SubElement(properties, "property", name=name, value=_clean(value))
    suite.extend(_case(finding) for finding in findings)
    return suite


def _case(finding: Finding) -> Xml.Element:
    case = Xml.Element(
        "testcase",
        classname=f"byoc.verify.{finding.id.partition('-')[0]}",
        name=_clean(f"{finding.id} {finding.says}"),
        time=f"{finding.seconds:.3f}",
    )
    if finding.status is Status.FAIL:
        failed = Xml.SubElement(
            case, "failure", message=_clean(finding.evidence), type=finding.severity.value
        )
        failed.text = _clean(f"seen: {finding.evidence}\nfix: {finding.fix}\nsource: {finding.source}")
    elif finding.status in SKIPPED:
        reason = f"waived: {finding.waiver}" if finding.status is Status.WAIVED else finding.evidence
        Xml.SubElement(case, "skipped", message=_clean(reason))
    elif finding.status is Status.WARN:
        told = Xml.SubElement(case, "system-out")
        told.text = _clean(f"warning: {finding.evidence}\nfix: {finding.fix}")
    return case


def _clean(text: str) -> str:
    return FORBIDDEN.sub("\ufffd", text)
