"""Training on one host (TRN), what it is given (CFG, ENV, CHN), and tuning (HPO)."""

import re
from collections.abc import Iterator
from typing import Final

from byoc_kit.contract.clauses.inputs import INPUTS
from byoc_kit.contract.clauses.trained import by_name, ground, model_files, wants_network, why
from byoc_kit.contract.clauses.verdicts import NOBODY, TRAINING, apart, broken, kept, unseen
from byoc_kit.contract.evidence import Container
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict
from byoc_kit.job.metrics import metrics, pick
from byoc_kit.spec.types import Target

__all__ = ["PART"]

PAGE: Final = "AWS docs: your-algorithms-training-algo-dockerfile"
SIGNALLING: Final = "AWS docs: your-algorithms-training-signal-success-failure"
TUNING: Final = frozenset({Target.TUNING})
CASE: Final = (
    "give it a case: [verify] channels and hyperparameters in byoc.toml, or the flags of byoc verify"
)
NO_DATA_EXPLAINS: Final = re.compile(
    r"ModuleNotFoundError|ImportError|SyntaxError|IndentationError|PermissionError|Permission denied"
    r"|command not found|cannot execute|error while loading shared libraries|Read-only file system"
)
"""What goes wrong whatever the data are."""
LAST: Final = 2000  # characters of a log that tell why a program ended
NOT_FOUND: Final = 127  # exit code where there is no such program
LONGEST_LINE: Final = 256 << 10  # bytes; one event of CloudWatch
CUT: Final = "[...]"
"""Stands in the place of the middle of a long log."""
LONG: Final = 30_000  # bytes; a line that reaches into a cut was longer than the whole that is kept


def succeeds(seen: Evidence) -> Verdict:
    """TRN-01."""
    seen_once = seen.runs["train"].one
    if seen_once.exit_code == 0:
        return _fails_openly(seen, seen_once)
    if seen_once.refused:
        return unseen(f"{why(seen_once)}: see IMG-01 and IMG-04")
    if wants_network(seen_once):
        return unseen("it looks for the network, which it does not get: see TRN-11")
    if seen_once.killed:
        return unseen(f"{why(seen_once)}: see TRN-02")
    if seen.case.channels or seen.case.hyperparameters or _whatever_the_data(seen_once):
        return broken(why(seen_once))
    return unseen(f"with a small made-up table as channel train, {why(seen_once)}; {CASE}")


def _whatever_the_data(container: Container) -> bool:
    code = container.exit_code or 0
    return container.out_of_memory or code in {126, 127} or code > 128 or bool(
        NO_DATA_EXPLAINS.search(container.log[-LAST:])
    )  # fmt: skip


def _fails_openly(seen: Evidence, good: Container) -> Verdict:
    """A training that cannot write its model must not end with 0."""
    failed = by_name(seen.runs["train-fail"], "no-room")
    if failed and model_files(good) and failed.exit_code == 0 and not model_files(failed):
        return broken("it ends with 0 although /opt/ml/model could not be written and is empty")
    return kept(f"exit code 0 after {good.seconds:.1f} s{_open(failed)}")


def _open(failed: Container | None) -> str:
    code = failed.exit_code if failed else None
    return f", {code} where the model cannot be written" if code else ""


def ends(seen: Evidence) -> Verdict:
    """TRN-02."""
    once = seen.runs["train"].one
    if not once.killed:
        return unseen(f"{why(once)}: see TRN-01") if once.exit_code is None else kept("it ends by itself")
    if model_files(once):
        return broken(f"the model was there, and yet {why(once)}")
    return unseen(f"{why(once)}; give it time: [verify] time-limits, or {CASE}")


def refuses_unknown_words(seen: Evidence) -> Verdict:
    """TRN-05."""
    bogus = by_name(seen.runs["train-words"], "bogus")
    if bogus is None or bogus.refused or (bogus.exit_code and not bogus.killed):
        return kept("an unknown word is refused")
    if bogus.killed:
        return broken(f"with the word {bogus.command[0]!r}, {why(bogus)}")
    return broken(f"the word {bogus.command[0]!r} ends with 0, as if it were one", NOBODY)


def lets_commands_through(seen: Evidence) -> Verdict:
    """LCL-23."""
    tidy = by_name(seen.runs["train-words"], "chmod")
    if tidy is None or not (tidy.killed or model_files(tidy)):
        return kept("`chmod` after the image's name does not train")
    return broken("the clean-up of the SDK, `docker run IMAGE chmod …`, starts a training", NOBODY)


def restarts(seen: Evidence) -> Verdict:
    """TRN-08."""
    if nothing := ground(seen):
        return nothing
    again = by_name(seen.runs["train-again"], "killed-again")
    if again is None or again.exit_code == 0:
        return kept("after SIGKILL it trains anew with what was in /opt/ml/checkpoints")
    return broken(f"after SIGKILL, started again with its checkpoints, {why(again)}")


def trains_without_channels(seen: Evidence) -> Verdict:
    """TRN-09."""
    if nothing := ground(seen):
        return nothing
    empty = by_name(seen.runs["train-fail"], "no-data")
    if empty is not None and empty.exit_code == 0:
        return kept("it trains without any channel")
    return apart("it needs data: see CHN-08")


def needs_no_network(seen: Evidence) -> Verdict:
    """TRN-11."""
    once = seen.runs["train"].one
    if once.exit_code == 0:
        return kept("it trains where nothing outside can be reached")
    if wants_network(once):
        return broken(f"without a network {why(once)}", NOBODY)
    return unseen("the training does not succeed: see TRN-01")


def logs(seen: Evidence) -> Verdict:
    """TRN-12."""
    once = seen.runs["train"].one
    if once.log.strip():
        return kept(f"{len(once.log.splitlines())} lines on stdout and stderr")
    return ground(seen) or broken("it prints nothing")


def tells_metrics(seen: Evidence) -> Verdict:
    """TRN-13."""
    if not seen.case.metrics:
        return apart("no metrics are defined: [verify] metrics names them")
    if nothing := ground(seen):
        return nothing
    missing = sorted(seen.case.metrics.keys() - {name for name, _ in _numbers(seen)})
    if missing:
        return broken(f"not one finite number in the log for {', '.join(missing)}")
    return kept(f"found: {', '.join(sorted(seen.case.metrics))}")


def tells_its_objective(seen: Evidence) -> Verdict:
    """HPO-02."""
    if not seen.case.metrics:
        return unseen("the objective is not known: name it in [verify] metrics")
    return tells_metrics(seen)


def _numbers(seen: Evidence) -> Iterator[tuple[str, float]]:
    """What the metrics find, also where a terminal ends each line with a carriage return (LCL-01)."""
    for line in seen.runs["train"].one.log.splitlines():
        yield from pick(metrics(seen.case.metrics), line)


def breaks_lines(seen: Evidence) -> Verdict:
    """TRN-14."""
    text = seen.runs["train"].one.log
    if not text.strip():
        return unseen("it prints nothing: see TRN-12")
    lines = text.replace("\r\n", "\n").split("\n")
    if any(len(line.encode()) > (LONG if CUT in lines else LONGEST_LINE) for line in lines):
        return broken("a line is longer than one event of CloudWatch (256 KB)")
    drawn = [line for line in lines if line.count("\r") > 2]
    if drawn and seen.case.metrics and any(_in_rest(seen, line) for line in drawn):
        return broken("a metric stands in a line that is drawn again by carriage returns")
    return kept(f"{len(lines)} lines, none too long")


def _in_rest(seen: Evidence, line: str) -> bool:
    return any(True for _ in pick(metrics(seen.case.metrics), line))


def works_by_the_word(seen: Evidence) -> Verdict:
    """HPO-05."""
    once = seen.runs["train"].one
    if once.refused or once.exit_code == NOT_FOUND:
        return broken(f"by the bare word `train` {why(once)}", TUNING)
    return ground(seen) or kept("it trains by the bare word `train`, with its own entrypoint")


def trains_in_studio(seen: Evidence) -> Verdict:
    """STU-01."""
    once = seen.runs["studio"].one
    if once.exit_code == 0:
        return kept("it trains where no host name resolves, with the smallest resource config")
    return unseen(f"in Studio's local mode {why(once)}; {CASE}")


PART: Final = (
    Clause(
        id="TRN-01",
        says="Ends with 0 when the training went well, and with anything else when it did not.",
        severity=Severity.MUST,
        source=SIGNALLING,
        fix="let errors end the program: no bare except, `set -e` in scripts, sys.exit(1) where you catch",
        judge=succeeds,
        targets=TRAINING,
        needs=("train", "train-fail"),
    ),
    Clause(
        id="TRN-02",
        says="The container ends when the work does.",
        severity=Severity.MUST,
        source=SIGNALLING,
        fix="end the main process when the model is written: join threads, stop servers and children",
        judge=ends,
        targets=TRAINING,
        needs=("train",),
    ),
    Clause(
        id="TRN-05",
        says="An unknown word is refused at once and clearly, and does not hang.",
        severity=Severity.SHOULD,
        source="deduced",
        fix="end with a code other than 0 and a sentence for any word but train and serve",
        judge=refuses_unknown_words,
        targets=TRAINING,
        needs=("train-words",),
    ),
    Clause(
        id="TRN-08",
        says="The job can begin again in a new container with nothing but its checkpoints.",
        severity=Severity.SHOULD,
        source="AWS docs: model-managed-spot-training",
        fix="read /opt/ml/checkpoints tolerantly: go on from the newest whole one, else begin anew",
        judge=restarts,
        targets=TRAINING,
        needs=("train", "train-again"),
    ),
    Clause(
        id="TRN-09",
        says="Runs without any channel, where it needs no data.",
        severity=Severity.SHOULD,
        source="AWS API: CreateTrainingJob.InputDataConfig is not required",
        fix="do not list /opt/ml/input/data before you know that a channel is there",
        judge=trains_without_channels,
        targets=TRAINING,
        needs=("train", "train-fail"),
    ),
    Clause(
        id="TRN-11",
        says="Trains without a network and without AWS credentials, where network isolation is on.",
        severity=Severity.MUST,
        source="AWS docs: mkt-algo-model-internet-free",
        fix="build what it fetches into the image: packages, weights, data",
        judge=needs_no_network,
        targets=TRAINING,
        needs=("train",),
    ),
    Clause(
        id="TRN-12",
        says="Logs go to stdout and stderr, from where the service takes them.",
        severity=Severity.SHOULD,
        source="AWS docs: logging-cloudwatch",
        fix="print, or let the logger write to stderr; log files in the container are lost",
        judge=logs,
        targets=TRAINING,
        needs=("train",),
    ),
    Clause(
        id="TRN-13",
        says="Each metric is found in the log by its expression, and its first group is a number.",
        severity=Severity.MUST,
        source="AWS API: MetricDefinition; AWS docs: automatic-model-tuning-define-metrics-variables",
        fix="print each metric as the expression expects it, and correct the expression's first group",
        judge=tells_metrics,
        targets=TRAINING,
        needs=("train",),
    ),
    Clause(
        id="TRN-14",
        says="Lines are short, and metrics do not stand in progress bars.",
        severity=Severity.SHOULD,
        source="deduced from CloudWatch's limit of 256 KB for an event",
        fix="print each metric on a line of its own and flush it",
        judge=breaks_lines,
        targets=TRAINING,
        needs=("train",),
    ),
    *INPUTS,
    Clause(
        id="HPO-02",
        says="The objective metric is printed at least once as a finite number.",
        severity=Severity.MUST,
        source="AWS docs: automatic-model-tuning-define-metrics-variables",
        fix="print the objective at the end of the training, and name its expression in [verify] metrics",
        judge=tells_its_objective,
        targets=TUNING,
        needs=("train",),
    ),
    Clause(
        id="HPO-05",
        says="Trains by the bare word `train`: a tuning job can send no entrypoint.",
        severity=Severity.MUST,
        source="AWS API: HyperParameterAlgorithmSpecification",
        fix="put `train` on PATH, or take the word in ENTRYPOINT",
        judge=works_by_the_word,
        targets=TUNING,
        needs=("train",),
    ),
    Clause(
        id="LCL-23",
        says="A command after the image's name does not start a training.",
        severity=Severity.PLATFORM,
        source="SageMaker SDK 3: local_container.py cleans up with `docker run IMAGE chmod -R 777 …`",
        fix="start unknown words as commands, or refuse them",
        judge=lets_commands_through,
        targets=TRAINING,
        needs=("train-words",),
    ),
    Clause(
        id="STU-01",
        says="Trains in Studio's local mode, where host names do not resolve.",
        severity=Severity.PLATFORM,
        source="SageMaker SDK: core/local/utils.py",
        fix="do not look up host names for a job with one host",
        judge=trains_in_studio,
        targets=frozenset({Target.STUDIO}),
        needs=("studio",),
    ),
)
