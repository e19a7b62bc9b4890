"""One training job, from its tree to its model (clauses HAR, TRN, OUT, SIG, DIS)."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from byoc_kit.docker_helper import uninterrupted
from byoc_kit.errors import ByocError
from byoc_kit.job.container import ContainerPlan
from byoc_kit.job.outcome import ContainerError, Exit, failure_reason
from byoc_kit.local import archive
from byoc_kit.local.archive import ModelFile
from byoc_kit.local.containers import Log, Running, Session, kill_all, opened_log, stop_all
from byoc_kit.local.journal import Hear, Journal, opened_journal
from byoc_kit.local.merge import Clash, merge, share_checkpoints
from byoc_kit.local.ownership import empty, give_back_all
from byoc_kit.local.pipes import Feed, feeding
from byoc_kit.local.tree import HostTree, RunTree
from byoc_kit.talk import Talk

__all__ = [
    "GRACE",
    "Cause",
    "Host",
    "Times",
    "Trained",
    "failure_of",
    "model_of",
    "require_success",
    "run",
    "written",
]

GRACE = 120.0  # seconds between SIGTERM and SIGKILL (HAR-08, SIG-01)
PEERS_GRACE = 10.0  # seconds that the other hosts get once one has failed (DIS-02)
KILLED = 137  # exit code after SIGKILL
LOOK = 0.1  # seconds between two looks at several hosts


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One host of a job: what is started, and the folders it has."""

    name: str
    plan: ContainerPlan
    tree: HostTree
    feeds: tuple[Feed, ...] = ()
    """Its channels in mode Pipe."""


Cause = Literal["limit", "stop", "interruption"]
"""Why byoc itself ended a job: its time limit, a wanted stop, an interruption of a spot instance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When byoc itself ends a job; seconds from the start of its containers."""

    limit: float
    """StoppingCondition.MaxRuntimeInSeconds (TRN-07)."""
    stop_after: float | None = None
    """When it is stopped as by StopTrainingJob (SIG-01)."""
    interrupt_after: float | None = None
    """When its hosts vanish like spot instances, to begin anew with the checkpoints alone (SIG-04)."""

    @property
    def first(self) -> tuple[float, Cause]:
        """What comes first, and when."""
        ends: list[tuple[float | None, Cause]] = [
            (self.limit, "limit"),
            (self.stop_after, "stop"),
            (self.interrupt_after, "interruption"),
        ]
        return min((seconds, cause) for seconds, cause in ends if seconds is not None)

    def after_interruption(self, seconds: float) -> "Times":
        """What is left when the job begins anew after *seconds*."""
        stop = None if self.stop_after is None else max(0.0, self.stop_after - seconds)
        return Times(limit=max(0.0, self.limit - seconds), stop_after=stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """How the containers ended, and whether byoc ended them."""

    exits: Mapping[str, Exit] = field(default_factory=dict)
    """Of each host."""
    host: str
    """The host that decides: the first that failed, else the first of all."""
    seconds: float
    """From the start of the containers to the end of the last."""
    cause: Cause | None = None
    """Why byoc ended them; None: they ended by themselves."""
    clashes: tuple[Clash, ...] = ()
    """Files that several hosts have left under one name (OUT-02)."""

    @property
    def ended(self) -> Exit:
        """How the host that decides has ended."""
        return self.exits[self.host]

    @property
    def out_of_time(self) -> bool:
        """Whether its time limit ended the job."""
        return self.cause == "limit"


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
        with session, _logs(hosts, tree, talk, hear) as logs:
            trained = _attempt(hosts, session, logs, times, talk)
            if trained.cause == "interruption":
                talk.note("the spot instances are gone; the job begins anew with its checkpoints (SIG-04)")
                _forget(hosts, tree, session, talk)
                left = times.after_interruption(trained.seconds)
                trained = _attempt(hosts, session, logs, left, talk)
    finally:
        _give_back(hosts, tree, session, talk)
    return _gather(hosts, tree, trained, talk)


def _attempt(
    hosts: Sequence[Host], session: Session, logs: Mapping[str, Log], times: Times, talk: Talk
) -> Trained:
    runnings: dict[str, Running] = {}
    with feeding([feed for host in hosts for feed in host.feeds], talk):
        try:
            _start(hosts, session, logs, runnings)
            return _awaited(runnings, times, talk)
        except (KeyboardInterrupt, SystemExit):
            stop_all(list(runnings.values()), GRACE, talk)
            raise


def _forget(hosts: Sequence[Host], tree: RunTree, session: Session, talk: Talk) -> None:
    """Remove the containers, and all they have left but checkpoints and the cache of a warm pool."""
    session.clear()
    give_back_all(session.client, hosts[0].plan.image, [host.tree.checkpoints for host in hosts], talk)
    if len(hosts) > 1:
        share_checkpoints(tree, {host.name: host.tree for host in hosts})
    for host in hosts:
        for folder in (host.tree.model, host.tree.output):
            empty(session.client, host.plan.image, folder)
        (host.tree.output / "data").mkdir()


def _give_back(hosts: Sequence[Host], tree: RunTree, session: Session, talk: Talk) -> None:
    image, folders = hosts[0].plan.image, written(hosts, tree)
    uninterrupted(lambda: give_back_all(session.client, image, folders, talk))


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
    seconds, cause = times.first
    ended = _watch(runnings, begun + seconds)
    failed = _first_failed(runnings)
    if ended and failed and _any_live(runnings):
        talk.note(f"{failed} has failed, which ends the job on all hosts")
    if ended and not failed and cause != "limit":
        talk.note(f"the job ended by itself before the {cause} after {seconds:.0f} s")
    if not ended and cause == "limit":
        talk.note(f"the job has run for {times.limit:.0f} s, which is its limit")
    if not ended and cause == "interruption":
        kill_all(list(runnings.values()))
    stop_all(list(runnings.values()), PEERS_GRACE if ended else GRACE, talk)
    return Trained(
        exits={name: running.wait(0) or Exit(137) for name, running in runnings.items()},
        host=failed or min(runnings),
        seconds=time.monotonic() - begun,
        cause=None if ended else cause,
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
    """Raise ByocError unless the job is ``Completed``, or ``Stopped`` as wanted (TRN-01, TRN-07)."""
    where = f" on {trained.host}" if len(trained.exits) > 1 else ""
    places = [f"run: {tree.root}", f"log: {tree.log}"]
    if trained.out_of_time:
        raise ByocError(
            f"the training job was stopped after {limit:.0f} s",
            why="that is its time limit (StoppingCondition.MaxRuntimeInSeconds, --time-limit)",
            fix="give it more time, or let it do less; what its SIGTERM handler saved is in the run's folder",
            id="BYOC-E412",
            details=places,
        )
    if trained.cause == "stop":
        _require_stop(trained, places)
    elif trained.ended.code != 0:
        failure = failure_of(tree)
        raise ContainerError(
            f"training failed{where}: the container ended with exit code {trained.ended.code}",
            ended=trained.ended,
            id="BYOC-E401",
            failure=failure,
            details=[*(failure.splitlines() or _last_words(tree)), *places],
        )


def _require_stop(trained: Trained, places: list[str]) -> None:
    """Raise ByocError for hosts that had to be killed: what they had not saved by then is lost (SIG-01)."""
    deaf = [name for name, ended in trained.exits.items() if ended.code == KILLED]
    if deaf:
        raise ByocError(
            f"{', '.join(deaf)} did not end within {GRACE:.0f} s of SIGTERM and had to be killed",
            why="a job that is stopped has this time to save what it has (SIG-01); without a handler, the"
            " first process of a container ignores SIGTERM (SIG-02)",
            fix="handle SIGTERM in the training program, and let wrapper scripts `exec` it",
            id="BYOC-E428",
            details=places,
        )


def _last_words(tree: RunTree) -> list[str]:
    """The end of the log, where the container left no failure text."""
    lines = tree.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [f"log: {line}" for line in lines[-10:]]


def model_of(tree: RunTree, talk: Talk, *, stopped: bool = False) -> tuple[ModelFile, ...]:
    """The model's files, after ``model.tar.gz`` was made of them (OUT-01). Raises ByocError for links.

    *stopped*: the job did not come to its own end, so a failure text is no surprise.
    """
    found = archive.files(tree.model)
    if not found:
        talk.warn("the job left no model: /opt/ml/model is empty, and so is model.tar.gz (OUT-01)")
    if tree.failure.is_file() and not stopped:
        talk.warn("the job went well and yet wrote /opt/ml/output/failure, which misleads (OUT-04)")
    archive.write(tree.model, tree.archive, talk)
    return found
