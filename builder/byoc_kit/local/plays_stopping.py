"""Plays in which a training is told to stop, or dies: SIGTERM with and without an init, twice; SIGKILL."""

from typing import Final

from byoc_kit.contract.evidence import Container, Run
from byoc_kit.local.cast import Troupe, await_midway, if_it_trains, smoke_job
from byoc_kit.local.stage import Plays, Stage

__all__ = ["PLAYS"]

BETWEEN = 0.3  # seconds between two SIGTERM


def stop(stage: Stage, *, init: bool = False) -> Run:
    """Told to stop as soon as it hears SIGTERM, or is under way.

    Facts: ``hears``, whether the program catches SIGTERM, None if the kernel does not tell; ``early``: it
    ended before it could be told to stop.
    """
    with Troupe(stage, smoke_job(stage)) as troupe:
        troupe.begin(init=init)
        actor = troupe.one
        actor.await_hearing(stage.timing.hearing, stage.timing.begun)
        actor.tell(early=actor.ended is not None)
        actor.stop(stage.timing.training_grace)
        return Run(scenario=stage.scenario.name, containers=(actor.done("algo-1"),))


def stop_with_init(stage: Stage) -> Run:
    """The same below Docker's own init, as the service may do it (HAR-07)."""
    return stop(stage, init=True)


def again(stage: Stage) -> Run:
    """``twice``: SIGTERM, and once more while it stops; ``killed``: SIGKILL. After each, ``…-again`` with its
    checkpoints. Facts as of :func:`stop`.
    """
    found = [*_broken_off(stage, "twice", kill=False), *_broken_off(stage, "killed", kill=True)]
    return Run(scenario="train-again", containers=tuple(found))


def _broken_off(stage: Stage, name: str, *, kill: bool) -> tuple[Container, Container]:
    with Troupe(stage, smoke_job(stage), name=name) as first:
        first.begin()
        actor = first.one
        actor.await_hearing(stage.timing.hearing, stage.timing.begun)
        checkpoints = first.laid.host("algo-1").checkpoints
        if kill:
            await_midway(stage, actor, enough=lambda: any(checkpoints.iterdir()))
        actor.tell(early=actor.ended is not None)
        if kill:
            actor.kill()
        else:
            actor.terminate()
            actor.wait(BETWEEN)
            actor.stop(stage.timing.training_grace)
        seen = actor.done(name)
    with Troupe(stage, smoke_job(stage), name=f"{name}-again", checkpoints=checkpoints) as second:
        second.begin().finish()
        return seen, second.one.done(f"{name}-again")


PLAYS: Final[Plays] = {
    "train-stop": stop,
    "train-stop-init": stop_with_init,
    "train-again": if_it_trains(again),
}
