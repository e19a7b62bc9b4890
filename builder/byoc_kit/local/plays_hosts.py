"""Plays of jobs on several hosts, and of channels in mode Pipe."""

import time
from dataclasses import replace
from typing import Final

from byoc_kit.contract.evidence import Container, Run
from byoc_kit.job.types import TrainingJob, instance_groups
from byoc_kit.local.actor import Actor
from byoc_kit.local.cast import Troupe, await_midway, if_it_ends, if_it_trains, limit_of, smoke_job
from byoc_kit.local.engine import require_fifos
from byoc_kit.local.stage import Plays, Stage

__all__ = ["PLAYS"]

TOOLKIT = "sagemaker-training"
INVOKED = (
    "Invoking user script"  # what the toolkit says once every host was found, for 15 minutes each (TTK-30)
)
LOOK = 0.05  # seconds between two looks at a log
NOTICED = 0.2  # seconds after which a pipe that was opened has gone


def two_hosts(stage: Stage) -> Run:
    """``algo-2`` and ``algo-3``, each with its share of a sharded channel.

    If one fails: ``whole-…``, each with all data; if one still does: ``usual-…``, called algo-1 and algo-2.
    """
    job = smoke_job(stage, hosts=("algo-2", "algo-3"))
    found = _together(stage, _sharded(job), "")
    if not _well(found):
        whole = _together(stage, job, "whole-")
        found += whole
        if not _well(whole):
            found += _together(stage, replace(job, hosts=("algo-1", "algo-2")), "usual-")
    return Run(scenario="train-hosts", containers=found)


def _together(stage: Stage, job: TrainingJob, prefix: str) -> tuple[Container, ...]:
    with Troupe(stage, job, name=f"{prefix}hosts") as troupe:
        return troupe.begin().finish().done(prefix)


def _well(found: tuple[Container, ...]) -> bool:
    return all(each.exit_code == 0 for each in found)


def _sharded(job: TrainingJob) -> TrainingJob:
    """Each object goes to one host only, and with one object a host gets none (CHN-07)."""
    channels = (replace(each, distribution="ShardedByS3Key", read_only=True) for each in job.channels)
    return replace(job, channels=tuple(channels))


def groups(stage: Stage) -> Run:
    """Three hosts in the groups ``gpu`` (two, told in no order) and ``data`` (DIS-04)."""
    made = instance_groups([("gpu", "ml.p3.16xlarge", 2), ("data", "ml.c5.9xlarge", 1)])
    hosts = tuple(sorted(host for group in made for host in group.hosts))
    found = _together(stage, smoke_job(stage, hosts=hosts, groups=made), "")
    return Run(scenario="train-groups", containers=found)


def peer_dies(stage: Stage) -> Run:
    """``algo-1`` is killed when both are under way; the end of ``algo-2`` is awaited.

    Facts of ``algo-2``: ``early``, it ended before; ``after``, how long it ran on.
    """
    with Troupe(stage, smoke_job(stage, hosts=("algo-1", "algo-2"))) as troupe:
        troupe.begin()
        first, second = troupe.actors["algo-1"], troupe.actors["algo-2"]
        _await_meeting(stage, second)
        second.tell(early=second.ended is not None)
        first.kill()
        killed = second.now()
        second.finish(limit_of(stage))
        second.tell(after=round(second.now() - killed, 3))
        return Run(scenario="train-peer-dies", containers=troupe.done())


def _await_meeting(stage: Stage, actor: Actor) -> None:
    """Wait until it has looked its peers up: the names of hosts that are gone do not resolve here."""
    if stage.facts is None or not stage.facts.has(TOOLKIT):
        await_midway(stage, actor)
        return
    while INVOKED not in actor.log and actor.ended is None and actor.now() < limit_of(stage):
        actor.wait(LOOK)


def pipe(stage: Stage) -> Run:
    """``plain`` and ``recordio``: all channels in mode Pipe. Fact ``opened``: whether a pipe was opened."""
    require_fifos(stage.client)
    job = smoke_job(stage)
    channels = tuple(replace(each, mode="Pipe", read_only=True) for each in job.channels)
    plain = _piped(stage, replace(job, channels=channels), "plain")
    framed = tuple(replace(each, record_wrapper="RecordIO") for each in channels)
    found = [plain]
    if plain.facts["opened"]:
        found.append(_piped(stage, replace(job, channels=framed), "recordio"))
    return Run(scenario="train-pipe", containers=tuple(found))


def _piped(stage: Stage, job: TrainingJob, name: str) -> Container:
    with Troupe(stage, job, name=name) as troupe:
        pipes = [path for path in troupe.laid.host("algo-1").data.iterdir() if path.is_fifo()]
        actor = troupe.begin().finish().one
        time.sleep(NOTICED)
        actor.tell(opened=not all(path.exists() for path in pipes))
        return actor.done(name)


PLAYS: Final[Plays] = {
    "train-hosts": if_it_trains(two_hosts),
    "train-groups": if_it_trains(groups),
    "train-peer-dies": if_it_trains(peer_dies),
    "train-pipe": if_it_ends(pipe),
}
