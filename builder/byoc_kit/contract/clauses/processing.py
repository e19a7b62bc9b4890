"""Processing jobs (PRC)."""

from typing import Final

from byoc_kit.contract.clauses.trained import below, by_name, ground, why
from byoc_kit.contract.clauses.verdicts import NOBODY, broken, kept, unseen
from byoc_kit.contract.evidence import Container
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict
from byoc_kit.spec.types import Target

__all__ = ["PART"]

PAGE: Final = "AWS docs: build-your-own-processing-container"
OUTPUT: Final = "/opt/ml/processing/output"
MESSAGE: Final = "/opt/ml/output/message"
ONLY: Final = frozenset({Target.PROCESSING})
KILLED: Final = 137
INPUTS: Final = "give it others: [process] inputs in byoc.toml, or --channel NAME=PATH"


def succeeds(seen: Evidence) -> Verdict:
    """PRC-03."""
    once = seen.runs["process"].one
    if once.exit_code == 0:
        return kept(f"exit code 0 after {once.seconds:.1f} s")
    if once.refused:
        return unseen(f"{why(once)}: see IMG-01 and IMG-04")
    if seen.case.inputs or once.killed or (once.exit_code or 0) >= 126:
        return broken(why(once))
    return unseen(f"with a small made-up table as input dataset, {why(once)}; {INPUTS}")


def stops(seen: Evidence) -> Verdict:
    """PRC-02."""
    for name in ("TERM", "INT"):
        box = by_name(seen.runs["process-stop"], name)
        if box is None or box.refused or (box.facts.get("early") and box.exit_code != 0):
            return ground(seen, "process") or unseen("it ended before it could be stopped")
        if fault := _deaf(box, name):
            return broken(fault)
    return kept("it ends after SIGTERM, and after SIGINT")


def _deaf(box: Container, name: str) -> str:
    if box.killed or box.exit_code == KILLED:
        return f"it still ran {box.seconds:.0f} s after its start, in spite of SIG{name}, and was killed"
    if name == "TERM" and box.facts.get("hears") is False:
        return f"in its {box.seconds:.1f} s the first process never asked to hear SIGTERM, so it ignores it"
    return ""


def has_no_links(seen: Evidence) -> Verdict:
    """PRC-05."""
    if nothing := ground(seen, "process"):
        return nothing
    once = seen.runs["process"].one
    links = below(once, OUTPUT, "symlink")
    if links:
        return broken(f"{links[0].path} is a link, which is not followed")
    return kept(f"{len(below(once, OUTPUT))} files below {OUTPUT}, no links")


def speaks_utf8(seen: Evidence) -> Verdict:
    """PRC-07."""
    message = seen.runs["process"].one.file(MESSAGE)
    if message is None:
        return kept("it leaves no message")
    return kept(f"{message.size} bytes of UTF-8") if message.utf8 else broken(f"{MESSAGE} is not UTF-8")


def logs(seen: Evidence) -> Verdict:
    """PRC-09."""
    once = seen.runs["process"].one
    if once.log.strip():
        return kept(f"{len(once.log.splitlines())} lines on stdout and stderr")
    return ground(seen, "process") or broken("it prints nothing")


def takes_an_entrypoint(seen: Evidence) -> Verdict:
    """PRC-01."""
    for box in seen.runs["process-script"].containers:
        if box.refused:
            return unseen(f"{box.name}: {why(box)}; see PRC-10")
        if box.exit_code != 0 or not any(file.path.endswith("/done") for file in below(box, OUTPUT)):
            return broken(f"{box.name}: {why(box)}", NOBODY)
    return kept("scripts run behind the commands of ScriptProcessor and FrameworkProcessor")


PART: Final = (
    Clause(
        id="PRC-01",
        says="Scripts run behind the commands by which the SDK replaces the entrypoint.",
        severity=Severity.PLATFORM,
        source=f"{PAGE}; SageMaker SDK: core/processing.py",
        fix="have python3, python, bash, ls and tar on PATH: see PRC-10",
        judge=takes_an_entrypoint,
        targets=ONLY,
        needs=("process-script",),
    ),
    Clause(
        id="PRC-02",
        says="A processing job that is stopped ends: SIGTERM and SIGINT reach its program.",
        severity=Severity.MUST,
        source=f"{PAGE}; AWS API: StopProcessingJob",
        fix="write ENTRYPOINT as a list, `exec` in scripts, and handle both signals",
        judge=stops,
        targets=ONLY,
        needs=("process", "process-stop"),
    ),
    Clause(
        id="PRC-03",
        says="Ends with 0 when the work went well.",
        severity=Severity.MUST,
        source=PAGE,
        fix="let errors end the program, and end with 0 when there was none",
        judge=succeeds,
        targets=ONLY,
        needs=("process",),
    ),
    Clause(
        id="PRC-05",
        says="Results are files below the outputs' folders, not links.",
        severity=Severity.MUST,
        source=f"{PAGE}; AWS API: CreateProcessingJob",
        fix="copy the file in place of the link",
        judge=has_no_links,
        targets=ONLY,
        needs=("process",),
    ),
    Clause(
        id="PRC-07",
        says="/opt/ml/output/message is UTF-8.",
        severity=Severity.MUST,
        source=f"{PAGE}; AWS API: ExitMessage",
        fix="write it with encoding utf-8",
        judge=speaks_utf8,
        targets=ONLY,
        needs=("process",),
    ),
    Clause(
        id="PRC-09",
        says="Logs go to stdout and stderr.",
        severity=Severity.SHOULD,
        source=PAGE,
        fix="print, or let the logger write to stderr",
        judge=logs,
        targets=ONLY,
        needs=("process",),
    ),
)
