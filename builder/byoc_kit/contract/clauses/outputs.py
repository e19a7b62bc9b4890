"""What a training leaves (OUT)."""

import re
from typing import Final

from byoc_kit.contract.clauses.trained import below, by_name, ground, model_files, why
from byoc_kit.contract.clauses.verdicts import NOBODY, TRAINING, apart, broken, kept, listed, unseen
from byoc_kit.contract.evidence import Container, File
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict
from byoc_kit.spec.types import Target

__all__ = ["PART"]

PAGE: Final = "AWS docs: your-algorithms-training-algo-output"
FAILURE: Final = "/opt/ml/output/failure"
REASON: Final = 1024  # characters that become FailureReason
HEADER: Final = "Traceback (most recent call last)"
NOTHING_SAID: Final = re.compile(r'ErrorMessage ""')
"""What the training toolkit writes when it did not capture stderr (TTK-21)."""
HALF: Final = re.compile(r"(^|/)(\.[^/]*|tmp[^/]*|[^/]*\.(tmp|part|partial|lock))$")
"""Names of files that somebody was still writing."""
KNOWN: Final = ("data", "failure", "success", "metrics", "profiler", "tensors", "intermediate")


def leaves_a_model(seen: Evidence) -> Verdict:
    """OUT-01."""
    if nothing := ground(seen):
        return nothing
    once = seen.runs["train"].one
    files = model_files(once)
    if files:
        return kept(f"{len(files)} files in /opt/ml/model, {sum(file.size for file in files)} bytes")
    return broken("/opt/ml/model is empty after a training that ended with 0")


def hosts_do_not_clash(seen: Evidence) -> Verdict:
    """OUT-02."""
    hosts = seen.runs["train-hosts"].containers
    pairs = [hosts[place : place + 2] for place in range(0, len(hosts), 2)]
    good = [pair for pair in pairs if all(each.exit_code == 0 for each in pair)]
    if not good:
        return ground(seen) or unseen("two hosts do not train: see DIS-01")
    first, second = ({file.path for file in _uploaded(each)} for each in good[0])
    if both := first & second:
        return broken(f"both hosts write {min(both)}; one of the two is lost", NOBODY)
    return kept("no file of one host has the name of another's")


def _uploaded(container: Container) -> tuple[File, ...]:
    return (*model_files(container), *below(container, "/opt/ml/output/data"))


def tells_its_failure(seen: Evidence) -> Verdict:
    """OUT-03."""
    failed = [each for each in seen.runs["train-fail"].containers if _failed(each)]
    if not failed:
        return unseen("neither missing data nor a model folder that cannot be written made it fail")
    verdicts = [(each, _fault(each)) for each in failed]
    for each, fault in verdicts:
        if fault:
            return broken(f"{_made(each)}it ended with {each.exit_code}, and {fault}", _who(fault))
    said = failed[0].file(FAILURE)
    return kept(f"/opt/ml/output/failure: {(said.text or '')[:120] if said else ''!r}")


def _failed(container: Container) -> bool:
    return bool(container.exit_code) and not (container.killed or container.refused)


def _made(container: Container) -> str:
    return "without data " if container.name == "no-data" else "where the model cannot be written "


def _fault(container: Container) -> str:
    """What is wrong with its failure text; empty: nothing."""
    said = container.file(FAILURE)
    if said is None or not (said.text or "").strip():
        return "wrote no /opt/ml/output/failure"
    if not said.utf8:
        return "its failure text is not UTF-8"
    reason = (said.text or "")[:REASON]
    if reason.startswith(HEADER) and not re.search(
        r"^\w[\w.]*(Error|Exception|Exit|Interrupt)\b", reason, re.M
    ):
        return "the first 1,024 characters of its failure text are a traceback without the exception"
    if NOTHING_SAID.search(reason):
        return "its failure text does not hold the error's own words (TTK-21)"
    return ""


def _who(fault: str) -> frozenset[Target]:
    return NOBODY if "TTK-21" in fault else TRAINING


def leaves_no_failure(seen: Evidence) -> Verdict:
    """OUT-04."""
    if nothing := ground(seen):
        return nothing
    if seen.runs["train"].one.file(FAILURE):
        return broken("/opt/ml/output/failure is there after a training that ended with 0")
    return kept("no failure text after success")


def puts_the_rest_in_data(seen: Evidence) -> Verdict:
    """OUT-05."""
    if nothing := ground(seen):
        return nothing
    files = below(seen.runs["train"].one, "/opt/ml/output")
    lost = [file.path for file in files if file.path.split("/")[4] not in KNOWN]
    if lost:
        return broken(f"{lost[0]} lies beside /opt/ml/output/data and is not uploaded")
    kept_files = [file for file in files if file.path.startswith("/opt/ml/output/data/")]
    return kept(f"{len(kept_files)} files in /opt/ml/output/data")


def leaves_nothing_half(seen: Evidence) -> Verdict:
    """OUT-06."""
    for each in seen.runs["train-fail"].containers:
        if half := [file.path for file in model_files(each) if HALF.search(file.path)]:
            return broken(f"{_made(each)}it left {half[0]}")
    return kept("no half-written file in /opt/ml/model after a failure")


def goes_on_from_checkpoints(seen: Evidence) -> Verdict:
    """OUT-07."""
    if nothing := ground(seen):
        return nothing
    run = seen.runs["train-again"]
    broken_off = [each for name in ("killed", "twice") if (each := by_name(run, name))]
    again = [each for name in ("killed-again", "twice-again") if (each := by_name(run, name))]
    if not any(below(each, "/opt/ml/checkpoints") for each in (*broken_off, *again)):
        return apart("it writes no checkpoints")
    for each in again:
        if each.exit_code != 0:
            return broken(f"with the checkpoints it had left, {why(each)}")
        if half := [file.path for file in below(each, "/opt/ml/checkpoints") if HALF.search(file.path)]:
            return broken(f"it leaves {half[0]}, which is uploaded as a checkpoint")
    return kept("it goes on from its checkpoints, and leaves nothing half-written")


def has_no_links(seen: Evidence) -> Verdict:
    """OUT-08."""
    if nothing := ground(seen):
        return nothing
    links = below(seen.runs["train"].one, "/opt/ml/model", "symlink")
    if links:
        return broken(f"{links[0].path} is a link to {links[0].link}")
    return kept("no links in /opt/ml/model")


def writes_where_it_may(seen: Evidence) -> Verdict:
    """OUT-09."""
    written = str(seen.runs["train"].one.facts.get("written") or "").splitlines()
    if written:
        return broken(f"it writes into the image's own folders: {listed(written[:3])}")
    return kept("it writes to /tmp and below /opt/ml alone")


PART: Final = (
    Clause(
        id="OUT-01",
        says="The model is in /opt/ml/model when the training ends.",
        severity=Severity.MUST,
        source=f"{PAGE}; AWS API: OutputDataConfig",
        fix="write the model's files below /opt/ml/model (SM_MODEL_DIR)",
        judge=leaves_a_model,
        targets=TRAINING,
        needs=("train",),
    ),
    Clause(
        id="OUT-02",
        says="Files of several hosts do not have the same names: they are merged.",
        severity=Severity.MUST,
        source=PAGE,
        fix="let only the first of `hosts` write the model, or put the host into the name",
        judge=hosts_do_not_clash,
        targets=TRAINING,
        needs=("train", "train-hosts"),
    ),
    Clause(
        id="OUT-03",
        says="A training that fails writes the reason to /opt/ml/output/failure, within 1,024 characters.",
        severity=Severity.MUST,
        source=f"{PAGE}; AWS API: FailureReason",
        fix="catch the exception at the top, write `type: message` there, and end with a code other than 0",
        judge=tells_its_failure,
        targets=TRAINING,
        needs=("train-fail",),
    ),
    Clause(
        id="OUT-04",
        says="A training that goes well leaves no failure text.",
        severity=Severity.SHOULD,
        source="deduced",
        fix="write /opt/ml/output/failure only when the program ends with an error",
        judge=leaves_no_failure,
        targets=TRAINING,
        needs=("train",),
    ),
    Clause(
        id="OUT-05",
        says="Other results are in /opt/ml/output/data, of which output.tar.gz is made.",
        severity=Severity.SHOULD,
        source=PAGE,
        fix="write them below /opt/ml/output/data",
        judge=puts_the_rest_in_data,
        targets=TRAINING,
        needs=("train",),
    ),
    Clause(
        id="OUT-06",
        says="A training that fails leaves no half-written file in /opt/ml/model.",
        severity=Severity.SHOULD,
        source="seen: artifacts are often uploaded after a failure too",
        fix="write to a temporary name outside, and rename when it is whole",
        judge=leaves_nothing_half,
        targets=TRAINING,
        needs=("train-fail",),
    ),
    Clause(
        id="OUT-07",
        says="Checkpoints in /opt/ml/checkpoints are whole, and the job goes on from them.",
        severity=Severity.MUST,
        source="AWS docs: model-checkpoints",
        fix="write to a temporary name outside that folder, rename, and skip what cannot be read",
        judge=goes_on_from_checkpoints,
        targets=TRAINING,
        needs=("train", "train-again"),
    ),
    Clause(
        id="OUT-08",
        says="The model holds no links: hosting refuses them.",
        severity=Severity.MUST,
        source="AWS docs: your-algorithms-inference-code",
        fix="copy the file in place of the link",
        judge=has_no_links,
        targets=TRAINING,
        needs=("train",),
    ),
    Clause(
        id="OUT-09",
        says="Scratch files go to /tmp or below /opt/ml: the image's own disk is small.",
        severity=Severity.SHOULD,
        source="AWS docs: model-train-storage",
        fix="set TMPDIR, cache folders and log folders to places below /tmp",
        judge=writes_where_it_may,
        targets=TRAINING,
        needs=("train",),
    ),
)
