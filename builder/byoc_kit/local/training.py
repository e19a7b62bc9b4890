"""One training job on one host, from its tree to its model (clauses HAR, TRN, OUT, SIG)."""

import time
from dataclasses import dataclass

from byoc_kit.errors import ByocError
from byoc_kit.job.container import ContainerPlan
from byoc_kit.job.outcome import ContainerError, Exit, failure_reason
from byoc_kit.local import archive
from byoc_kit.local.archive import ModelFile
from byoc_kit.local.containers import Running, Session, opened_log, uninterrupted
from byoc_kit.local.ownership import give_back
from byoc_kit.local.tree import RunTree
from byoc_kit.talk import Talk

__all__ = ["GRACE", "Trained", "failure_of", "model_of", "require_success", "run"]

GRACE = 120.0  # seconds between SIGTERM and SIGKILL (HAR-08, SIG-01)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """How the container ended, and whether byoc ended it."""

    ended: Exit
    seconds: float
    """From the start of the container to its end."""
    out_of_time: bool = False


def run(plan: ContainerPlan, tree: RunTree, session: Session, *, limit: float, talk: Talk) -> Trained:
    """Start *plan*, show its log, and wait for its end, *limit* seconds at most (TRN-07).

    Ctrl-C and SIGTERM stop the container as the service would and go on as they are.
    """
    try:
        with session, opened_log(tree.log, talk.output) as log:
            running = session.start(plan, log)
            try:
                return _awaited(running, limit, talk)
            except (KeyboardInterrupt, SystemExit):
                running.stop(GRACE, talk)
                raise
    finally:
        uninterrupted(lambda: give_back(session.client, plan.image, tree.root, talk))


def _awaited(running: Running, limit: float, talk: Talk) -> Trained:
    begun = time.monotonic()
    ended = running.wait(limit)
    if ended is not None:
        return Trained(ended=ended, seconds=time.monotonic() - begun)
    talk.note(f"the job has run for {limit:.0f} s, which is its limit")
    ended = running.stop(GRACE, talk)
    return Trained(ended=ended, seconds=time.monotonic() - begun, out_of_time=True)


def failure_of(tree: RunTree) -> str:
    """What the service would show as FailureReason (OUT-03); empty where the container wrote nothing."""
    file = tree.output / "failure"
    return failure_reason(file.read_bytes()) if file.is_file() else ""


def require_success(trained: Trained, tree: RunTree, *, limit: float) -> None:
    """Raise ByocError if the job is not ``Completed`` (TRN-01, TRN-07)."""
    if trained.out_of_time:
        raise ByocError(
            f"the training job was stopped after {limit:.0f} s",
            why="that is its time limit (StoppingCondition.MaxRuntimeInSeconds, --time-limit)",
            fix="give it more time, or let it do less; what its SIGTERM handler saved is in the run's folder",
            id="BYOC-E412",
            details=[f"run: {tree.root}", f"log: {tree.log}"],
        )
    if trained.ended.code != 0:
        failure = failure_of(tree)
        raise ContainerError(
            f"training failed: the container ended with exit code {trained.ended.code}",
            ended=trained.ended,
            id="BYOC-E401",
            failure=failure,
            details=[*(failure.splitlines() or _last_words(tree)), f"run: {tree.root}", f"log: {tree.log}"],
        )


def _last_words(tree: RunTree) -> list[str]:
    """The end of the log, where the container left no failure text."""
    lines = tree.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [f"log: {line}" for line in lines[-10:]]


def model_of(tree: RunTree, talk: Talk) -> tuple[ModelFile, ...]:
    """The model's files, after ``model.tar.gz`` was made of them (OUT-01). Raises ByocError for links."""
    found = archive.files(tree.model)
    if not found:
        talk.warn("the job left no model: /opt/ml/model is empty, and so is model.tar.gz (OUT-01)")
    if (tree.output / "failure").is_file():
        talk.warn("the job went well and yet wrote /opt/ml/output/failure, which misleads (OUT-04)")
    archive.write(tree.model, tree.archive, talk)
    return found
