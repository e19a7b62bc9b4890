"""One training job, from its tree to its model (clauses HAR, TRN, OUT, SIG, DIS)."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from byoc_kit.errors import ByocError
from byoc_kit.job.container import ContainerPlan
from byoc_kit.job.outcome import ContainerError, Exit, failure_reason
from byoc_kit.local import archive
from byoc_kit.local.archive import ModelFile
from byoc_kit.local.containers import Log, Running, Session, opened_log, stop_all, uninterrupted
from byoc_kit.local.journal import Hear, Journal, opened_journal
from byoc_kit.local.merge import Clash, merge
from byoc_kit.local.ownership import give_back_all
from byoc_kit.local.pipes import Feed, feeding
from byoc_kit.local.tree import HostTree, RunTree
from byoc_kit.talk import Talk

__all__ = ["GRACE", "Host", "Times", "Trained", "failure_of", "model_of", "require_success", "run", "written"]

GRACE = 120.0  # seconds between SIGTERM and SIGKILL (HAR-08, SIG-01)
PEERS_GRACE = 10.0  # seconds that the other hosts get once one has failed (DIS-02)
LOOK = 0.1  # seconds between two looks at several hosts


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One host of a job: what is started, and the folders it has."""

    name: str
    plan: ContainerPlan
    tree: HostTree
    feeds: tuple[Feed, ...] = ()
    """Its channels in mode Pipe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When byoc itself ends a job; seconds from the start of its containers."""

    limit: float
    """StoppingCondition.MaxRuntimeInSeconds (TRN-07)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """How the containers ended, and whether byoc ended them."""

    exits: Mapping[str, Exit] = field(default_factory=dict)
    """Of each host."""
    host: str
    """The host that decides: the first that failed, else the first of all."""
    seconds: float
    """From the start of the containers to the end of the last."""
    out_of_time: bool = False
    clashes: tuple[Clash, ...] = ()
    """Files that several hosts have left under one name (OUT-02)."""

    @property
    def ended(self) -> Exit:
        """How the host that decides has ended."""
        return self.exits[self.host]


def run(
    hosts: Sequence[Host],
    tree: RunTree,
    session: Session,
    *,
    times: Times,
    talk: Talk,
    hear: Hear | None = None,
) -> Trained:
    """Start *hosts*, show their logs, and wait for their end; one that fails ends the others (DIS-02).

    *hear* gets each line of each host's log, as it is printed. Ctrl-C and SIGTERM stop the containers as the
    service would and go on as they are.
    """
    try:
        feeds = [feed for host in hosts for feed in host.feeds]
        with session, _logs(hosts, tree, talk, hear) as logs, feeding(feeds, talk):
            runnings: dict[str, Running] = {}
            try:
                _start(hosts, session, logs, runnings)
                trained = _awaited(runnings, times, talk)
            except (KeyboardInterrupt, SystemExit):
                stop_all(list(runnings.values()), GRACE, talk)
                raise
    finally:
        image, folders = hosts[0].plan.image, written(hosts, tree)
        uninterrupted(lambda: give_back_all(session.client, image, folders, talk))
    return _gather(hosts, tree, trained, talk)


def written(hosts: Sequence[Host], tree: RunTree) -> list[Path]:
    """The folders of byoc's own into which the containers could write."""
    own = tree.root.parent.parent
    folders = {mount.source for host in hosts for mount in host.plan.mounts if not mount.read_only}
    return sorted(folder for folder in folders if own in folder.parents)


def _gather(hosts: Sequence[Host], tree: RunTree, trained: Trained, talk: Talk) -> Trained:
    """Of several hosts: one model and one output (OUT-02), and the failure text of the one that failed."""
    if len(hosts) == 1:
        return trained
    trees = {host.name: host.tree for host in hosts}
    if trees[trained.host].failure.is_file():
        shutil.copyfile(trees[trained.host].failure, tree.failure)
    return replace(trained, clashes=merge(tree, trees, talk))


@contextmanager
def _logs(hosts: Sequence[Host], tree: RunTree, talk: Talk, hear: Hear | None) -> Iterator[Mapping[str, Log]]:
    """A log for each host. Several are also written line by line into one, with the hosts' names."""
    names = [host.name for host in hosts]
    with ExitStack() as stack:
        journal: Journal = stack.enter_context(opened_journal(tree.log, names, talk.output, hear))
        yield {
            host.name: stack.enter_context(opened_log(host.tree.log, journal.of(host.name))) for host in hosts
        }


def _start(
    hosts: Sequence[Host], session: Session, logs: Mapping[str, Log], runnings: dict[str, Running]
) -> None:
    """Start all at the same time; *runnings* has those that run, also when Ctrl-C comes meanwhile.

    Raises ByocError where one cannot be started.
    """

    def start(host: Host) -> None:
        runnings[host.name] = session.start(host.plan, logs[host.name])

    with ThreadPoolExecutor(len(hosts)) as pool:
        list(pool.map(start, hosts))


def _awaited(runnings: Mapping[str, Running], times: Times, talk: Talk) -> Trained:
    begun = time.monotonic()
    out_of_time = not _watch(runnings, begun + times.limit)
    failed = _first_failed(runnings)
    if out_of_time:
        talk.note(f"the job has run for {times.limit:.0f} s, which is its limit")
    elif failed and _any_live(runnings):
        talk.note(f"{failed} has failed, which ends the job on all hosts")
    stop_all(list(runnings.values()), GRACE if out_of_time else PEERS_GRACE, talk)
    return Trained(
        exits={name: running.wait(0) or Exit(137) for name, running in runnings.items()},
        host=failed or min(runnings),
        seconds=time.monotonic() - begun,
        out_of_time=out_of_time,
    )


def _watch(runnings: Mapping[str, Running], end: float) -> bool:
    """Wait until all have ended or one has failed; False where *end* comes before."""
    while (live := [running for running in runnings.values() if running.wait(0) is None]) and not (
        _first_failed(runnings)
    ):
        if (left := end - time.monotonic()) <= 0:
            return False
        live[0].wait(min(left, LOOK) if len(runnings) > 1 else left)
    return True


def _any_live(runnings: Mapping[str, Running]) -> bool:
    return any(running.wait(0) is None for running in runnings.values())


def _first_failed(runnings: Mapping[str, Running]) -> str | None:
    """The host that failed before the others did."""
    failed = [(name, running) for name, running in runnings.items() if (running.wait(0) or Exit(0)).code]
    return min(failed, key=lambda pair: pair[1].ended_at)[0] if failed else None


def failure_of(tree: HostTree) -> str:
    """What the service would show as FailureReason (OUT-03); empty where the container wrote nothing."""
    return failure_reason(tree.failure.read_bytes()) if tree.failure.is_file() else ""


def require_success(trained: Trained, tree: RunTree, *, limit: float) -> None:
    """Raise ByocError if the job is not ``Completed`` (TRN-01, TRN-07, DIS-02)."""
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
        where = f" on {trained.host}" if len(trained.exits) > 1 else ""
        raise ContainerError(
            f"training failed{where}: the container ended with exit code {trained.ended.code}",
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
    if tree.failure.is_file():
        talk.warn("the job went well and yet wrote /opt/ml/output/failure, which misleads (OUT-04)")
    archive.write(tree.model, tree.archive, talk)
    return found
