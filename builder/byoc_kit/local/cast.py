"""Training jobs of plays: of the user's case or a smoke case, laid out and started as the service does."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path, PurePosixPath

from byoc_kit.contract.evidence import Container, Run
from byoc_kit.job.container import ContainerPlan, Mount, training_container
from byoc_kit.job.types import Channel, TrainingJob
from byoc_kit.local import tree
from byoc_kit.local.actor import Actor
from byoc_kit.local.pipes import feeding, feeds_of
from byoc_kit.local.stage import Play, Stage
from byoc_kit.local.tree import HostTree, RunTree

__all__ = [
    "SOURCE",
    "Troupe",
    "await_midway",
    "does_not_train",
    "if_it_ends",
    "if_it_trains",
    "limit_of",
    "never_ends",
    "smoke_job",
    "train_once",
]

SOURCE = PurePosixPath("/opt/byoc-source")  # in place of S3, for images that fetch their code at start
MIDWAY = 0.6  # of the time that the plain training takes
LOOK = 0.02  # seconds between two looks at how far it is
SLOWER = 4.0  # times that a training may take longer than the plain one
ROWS = "x,y\n" + "".join(f"{x},{2 * x}\n" for x in range(20))
"""The data of a smoke case: two columns of numbers under a heading."""


def smoke_job(stage: Stage, **changes: object) -> TrainingJob:
    """The job that is tried: as the case says, and where it says nothing, with a small table as ``train``.

    The input of a smoke case may be written to, so that one sees what does it.
    """
    case = stage.case
    job = TrainingJob(
        name="byoc-verify",
        hyperparameters={**_script(stage), **case.hyperparameters},
        channels=_channels(stage),
        writable_input=True,
        region=case.region or "us-east-1",
    )
    return replace(job, **changes)  # type: ignore[arg-type]


def limit_of(stage: Stage) -> float:
    """Seconds that a training may take: as the user said, else by how long the plain one took here."""
    if own := stage.case.time_limits.get("training"):
        return own
    plain = _plain(stage)
    return max(stage.timing.training, SLOWER * plain.seconds if plain else 0.0)


def _plain(stage: Stage, *, patience: float = 0) -> Container | None:
    """What the plain training was like; None where that is not known after *patience*, or where it failed."""
    plain = stage.seen("train", patience=patience)
    return plain.one if plain and not plain.problem and plain.one.exit_code == 0 else None


def await_midway(stage: Stage, actor: Actor, *, enough: Callable[[], bool] = lambda: False) -> None:
    """Wait until a training is at its work and not over, by how the plain one went; or *enough*, or its end.

    What is before its first words is its start, which on a busy machine takes longer now and then.
    """
    plain = _plain(stage, patience=limit_of(stage))
    while actor.ended is None and not enough() and actor.now() < _midway(stage, plain, actor):
        actor.wait(LOOK)


def _midway(stage: Stage, plain: Container | None, actor: Actor) -> float:
    """Seconds from its start, as far as that can be told by now."""
    if plain is None:
        return stage.timing.begun
    half, first = MIDWAY * plain.seconds, plain.facts.get("first_output")
    if not isinstance(first, float) or first > half:
        return half
    if actor.first_output is None:
        return limit_of(stage)
    return actor.first_output + MIDWAY * (plain.seconds - first)


def if_it_trains(play: Play) -> Play:
    """*play*, unless it is known already that the plain training does not succeed: then it tells nothing."""

    @wraps(play)
    def played(stage: Stage) -> Run:
        if does_not_train(stage):
            return Run(scenario=stage.scenario.name, problem="the training does not succeed: see TRN-01")
        return play(stage)

    return played


def if_it_ends(play: Play) -> Play:
    """*play*, unless it is known already that the plain training does not end: this would not either."""

    @wraps(play)
    def played(stage: Stage) -> Run:
        if never_ends(stage):
            return Run(scenario=stage.scenario.name, problem="the training does not end: see TRN-02")
        return play(stage)

    return played


def never_ends(stage: Stage) -> bool:
    """Whether the plain training is known to go on until it is killed."""
    plain = stage.seen("train")
    return plain is not None and not plain.problem and plain.one.killed


def does_not_train(stage: Stage, *, patience: float = 0) -> bool:
    """Whether the plain training is known to fail, after *patience* seconds at most."""
    plain = stage.seen("train", patience=patience)
    return plain is not None and (bool(plain.problem) or plain.one.exit_code != 0)


def _script(stage: Stage) -> Mapping[str, str]:
    """How images that fetch their code at start are told of it (HPO-06)."""
    case = stage.case
    if case.train_files is None or case.train_program is None:
        return {}
    return {"sagemaker_program": case.train_program, "sagemaker_submit_directory": str(SOURCE)}


def _channels(stage: Stage) -> tuple[Channel, ...]:
    if given := stage.case.channels:
        return tuple(Channel(name=name, source=Path(path).absolute()) for name, path in given.items())
    folder = stage.tree("data")
    (folder / "data.csv").write_text(ROWS, encoding="utf-8")
    return (Channel(name="train", source=folder, read_only=False),)


@dataclass(frozen=True, slots=True)
class Laid:
    """A job whose folders are there."""

    job: TrainingJob
    tree: RunTree

    def host(self, name: str) -> HostTree:
        """The folders of one host."""
        return self.tree.host(name, self.job)


class Troupe:
    """The hosts of one job on a stage; leaving the context ends the feeding of pipes."""

    def __init__(
        self, stage: Stage, job: TrainingJob, *, name: str = "job", checkpoints: Path | None = None
    ) -> None:
        """*checkpoints*: those of an earlier job, which go on."""
        self.stage, self.job = stage, job
        self.laid = Laid(job, tree.create(stage.tree(name), job))
        self.actors: dict[str, Actor] = {}
        self._checkpoints = checkpoints
        self._stack = ExitStack()

    def __enter__(self) -> "Troupe":
        feeds = [feed for host in self.job.hosts for feed in feeds_of(self.laid.tree, self.job, host)]
        self._stack.enter_context(feeding(feeds, self.stage.talk))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def one(self) -> Actor:
        """The first host's container."""
        return self.actors[self.job.hosts[0]]

    def put(self, host: str, files: Mapping[str, object]) -> None:
        """Write JSON files among the config files of *host*; None removes one."""
        folder = self.laid.host(host).input / "config"
        for name, content in files.items():
            if content is None:
                (folder / name).unlink()
            else:
                (folder / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")

    def begin(self, **changes: object) -> "Troupe":
        """Start all hosts; *changes* are those of each container's plan."""
        for host in self.job.hosts:
            self.actors[host] = self.stage.begin(replace(self.plan(host), **changes))  # type: ignore[arg-type]
        return self

    def plan(self, host: str) -> ContainerPlan:
        """How the container of *host* is started."""
        mounts = (*tree.mounts(self.laid.tree, self.job, host), *_source(self.stage))
        if self._checkpoints:
            mounts = tuple(self._going_on(mount) for mount in mounts)
        network = self.stage.network()
        return training_container(self.job, host, image=self.stage.image, mounts=mounts, network=network)

    def _going_on(self, mount: Mount) -> Mount:
        again = self._checkpoints if mount.target == self.job.checkpoint_path else None
        return replace(mount, source=again) if again else mount

    def finish(self) -> "Troupe":
        """Wait for the end of all, as long as a training may take; who goes on then is killed."""
        limit = limit_of(self.stage)
        for actor in self.actors.values():
            actor.finish(max(0.0, limit - actor.now()))
        return self

    def done(self, prefix: str = "") -> tuple[Container, ...]:
        """What was seen of all hosts, in their order."""
        return tuple(self.actors[host].done(f"{prefix}{host}") for host in self.job.hosts)


def _source(stage: Stage) -> Sequence[Mount]:
    files = stage.case.train_files
    return [] if files is None else [Mount(Path(files).absolute(), SOURCE, read_only=True)]


def train_once(
    stage: Stage,
    job: TrainingJob,
    name: str,
    *,
    files: Mapping[str, object] | None = None,
    **changes: object,
) -> Container:
    """One host, from its start to its end, and what was seen of it under *name*.

    *files* lie among its config files; *changes* are those of the container's plan.
    """
    with Troupe(stage, job, name=name) as troupe:
        troupe.put(job.hosts[0], files or {})
        troupe.begin(**changes).finish()
        return troupe.one.done(name)
