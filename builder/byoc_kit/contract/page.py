"""A report as one HTML file: no script, nothing to load, readable without a network and on paper."""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from byoc_kit.contract.evidence import Container, Run
from byoc_kit.contract.report import BROKEN, ORDER, played
from byoc_kit.contract.scenarios import SCENARIOS
from byoc_kit.contract.sections import by_section, title
from byoc_kit.contract.timeline import draw
from byoc_kit.contract.types import Finding, Report, Status

__all__ = ["to_html"]

LOG: Final = 4000  # characters of a container's log that the page shows: the last ones
SAYS: Final = {each.name: each.says for each in SCENARIOS}
STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2430; --paper: #fff; --soft: #f2f4f7; --line: #d5dae1;
  --fail: #b3261e; --warn: #9a6700; --waived: #6e5494; --pass: #1a7f37; --other: #57606a; --bar: #9db8d9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --paper: #14181f; --soft: #1d232d;
  --line: #3a4350;
  --fail: #ff8b82; --warn: #e3b341; --waived: #c3a6f0; --pass: #56d364; --other: #9aa4b2; --bar: #456a98; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin-top: 2.2rem; }
.tiles { display: flex; flex-wrap: wrap; gap: .6rem; padding: 0; list-style: none; }
.tiles li { background: var(--soft); border-radius: .4rem; padding: .4rem .9rem; }
.tiles b { display: block; font-size: 1.3rem; }
article { border-left: .3rem solid var(--other); background: var(--soft); margin: .8rem 0;
  padding: .6rem 1rem; }
article h3 { margin: 0 0 .3rem; font-size: 1rem; } dl { display: grid; grid-template-columns: 6rem 1fr;
  margin: 0; }
dt { color: var(--other); } dd { margin: 0; overflow-wrap: anywhere; }
.fail { border-color: var(--fail); } .warn { border-color: var(--warn); } .waived {
  border-color: var(--waived); }
.fail .id, b.fail { color: var(--fail); } .warn .id, b.warn { color: var(--warn); }
.waived .id, b.waived { color: var(--waived); } b.pass, td.pass { color: var(--pass); }
table { border-collapse: collapse; width: 100%; } td { border-top: 1px solid var(--line);
  padding: .25rem .5rem;
  vertical-align: top; overflow-wrap: anywhere; } td:first-child { white-space: nowrap; }
figure { margin: 1rem 0; } figcaption { font-weight: 600; } figure p { margin: 0 0 .3rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; max-height: 20rem; overflow: auto; }
svg.timeline { width: 100%; height: auto; background: var(--soft); border-radius: .4rem; font-size: 12px; }
svg text { fill: var(--ink); } svg .name { text-anchor: end; font-weight: 600; }
svg .mark { text-anchor: middle; fill: var(--other); } svg .grid { stroke: var(--line); }
svg .ran { fill: var(--bar); } svg .killed, svg .refused { fill: var(--fail); }
svg circle.good, svg .request.good { fill: var(--pass); } svg circle.bad, svg .request.bad {
  fill: var(--fail); }
svg .event line { stroke: var(--ink); stroke-dasharray: 3 2; }
"""


def to_html(report: Report) -> str:
    """The whole page."""
    name = escape(report.image)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>byoc verify {name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{name}</h1>\n{_head(report)}\n{_broken(report.findings)}\n{_runs(report)}\n"
        f"{_others(report.findings)}\n{_beyond(report)}\n</body>\n</html>\n"
    )


def _head(report: Report) -> str:
    words = {True: "keeps the contract", False: "breaks the contract"}
    targets = "".join(
        f'<li><b class="{"pass" if good else "fail"}">{escape(target.value)}</b>{words[good]}</li>'
        for target, good in report.targets.items()
    )
    counts = report.counts()
    tiles = "".join(
        f'<li><b class="{status.value}">{counts[status.value]}</b>{status.value}</li>' for status in ORDER
    )
    note = f"<p>{escape(report.not_run)}</p>" if report.not_run else ""
    return (
        f'<p>Depth: {escape(report.depth)}.</p>{note}\n<ul class="tiles">{targets}</ul>\n'
        f'<ul class="tiles">{tiles}</ul>'
    )


def _broken(findings: Iterable[Finding]) -> str:
    found = [each for status in BROKEN for each in findings if each.status is status]
    articles = "\n".join(_article(each) for each in found)
    return f"<h2>What is broken</h2>\n{articles or '<p>Nothing.</p>'}"


def _article(finding: Finding) -> str:
    rows = {
        "seen": finding.evidence,
        "breaks": ", ".join(sorted(finding.breaks)),
        "waived": finding.waiver,
        "open": finding.contested,
        "fix": finding.fix,
        "source": finding.source,
    }
    told = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows.items() if text)
    return (
        f'<article class="{finding.status.value}"><h3><span class="id">{finding.status.value} '
        f"{finding.id}</span> {escape(finding.says)}</h3><dl>{told}</dl></article>"
    )


def _runs(report: Report) -> str:
    if not report.runs:
        return ""
    took = f", {report.seconds:.1f} s as they were played" if report.seconds else ""
    head = f"<p>{played(report):.1f} s one after the other{took}. Point at a mark to read what it is.</p>"
    longest = sorted(report.runs.values(), key=lambda run: -run.seconds)
    return "\n".join(["<h2>What was played</h2>", head, *map(_figure, longest)])


def _figure(run: Run) -> str:
    said = f"{run.scenario}, {run.seconds:.1f} s" + (f": {run.problem}" if run.problem else "")
    logs = "".join(_log(container) for container in run.containers if container.log)
    return (
        f"<figure><figcaption>{escape(said)}</figcaption><p>{escape(SAYS.get(run.scenario, ''))}</p>"
        f"{draw(run)}{logs}</figure>"
    )


def _log(container: Container) -> str:
    return (
        f"<details><summary>log of {escape(container.name)}</summary>"
        f"<pre>{escape(container.log[-LOG:])}</pre></details>"
    )


def _others(findings: Iterable[Finding]) -> str:
    """What is not broken, as tables: first what was not seen."""
    found = {each.id: each for each in findings if each.status not in BROKEN}
    return "\n".join(_tables(found))


def _beyond(report: Report) -> str:
    """What must hold and no machine but the service's can show."""
    if not report.beyond:
        return ""
    cells = (f"<tr><td>{name}</td><td>{escape(why)}</td></tr>" for name, why in report.beyond.items())
    return f"<h2>What cannot be judged here</h2><table>{''.join(cells)}</table>"


def _tables(findings: dict[str, Finding]) -> Iterator[str]:
    for status, head in ((Status.NOT_RUN, "not seen"), (Status.PASS, "kept"), (Status.SKIP, "not meant")):
        some = [name for name, finding in findings.items() if finding.status is status]
        if some:
            yield f"<h2>What is {head}</h2>"
        for letters, names in by_section(some).items():
            rows = "".join(_row(findings[name]) for name in names)
            yield f"<h3>{escape(title(letters))}</h3><table>{rows}</table>"


def _row(finding: Finding) -> str:
    return (
        f'<tr><td class="{finding.status.value}">{finding.id}</td>'
        f"<td>{escape(finding.says)}</td><td>{escape(finding.evidence)}</td></tr>"
    )
