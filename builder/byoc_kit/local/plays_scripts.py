"""Plays in which the SDK brings the script: named by hyperparameters (v2, tuner), behind a driver (v3)."""

import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from byoc_kit import assets
from byoc_kit.contract.evidence import Container, Run
from byoc_kit.job.sdk3 import driven, source_code
from byoc_kit.job.types import Channel, TrainingJob
from byoc_kit.local.cast import Troupe, if_it_ends, limit_of, smoke_job
from byoc_kit.local.plays_training import MINIMAL
from byoc_kit.local.stage import Plays, Stage

__all__ = ["PLAYS", "PROBE"]

PROBE: Final = "probe.py"
ARCHIVE = "sourcedir.tar.gz"
SCRIPT = "script"
GRACE = 4.0  # seconds for a script to hear SIGTERM; no more, since only a note depends on it


def toolkit(stage: Stage) -> Run:
    """``runs``, ``fails`` and ``waits``: the probe, named by ``sagemaker_program`` and brought as an archive.

    The last is told to stop once it runs; fact ``ran`` of each: whether the probe was started at all.
    """
    found = [_submitted(stage, "runs")]
    if found[0].facts["ran"]:
        found += [_submitted(stage, name) for name in ("fails", "waits")]
    return Run(scenario="train-toolkit", containers=tuple(found))


def _submitted(stage: Stage, name: str) -> Container:
    folder = stage.tree("submitted")
    with tarfile.open(folder / ARCHIVE, "w:gz") as archive:
        archive.add(_probe(), arcname=PROBE)
    sent = {
        "sagemaker_program": json.dumps(PROBE),
        "sagemaker_submit_directory": json.dumps(f"/opt/ml/input/data/{SCRIPT}/{ARCHIVE}"),
        "sagemaker_region": json.dumps("us-east-1"),
        "probe": {"fails": "fail", "waits": "wait"}.get(name, "run"),
        "batch-size": "16",
        "lr": "0.01",
    }
    job = smoke_job(stage, hyperparameters=sent)
    channels = (*job.channels, Channel(name=SCRIPT, source=folder))
    return _acted(stage, replace(job, channels=channels), name)


def sdk3(stage: Stage) -> Run:
    """``runs``, ``fails`` and ``waits``: the probe behind the driver of ModelTrainer.

    ``local``: as in its mode LOCAL_CONTAINER, with the smallest resource config. Facts as of :func:`toolkit`.
    """
    found = [_driven(stage, "runs")]
    if found[0].facts["ran"]:
        found += [_driven(stage, name) for name in ("fails", "waits", "local")]
    return Run(scenario="train-sdk3", containers=tuple(found))


def _driven(stage: Stage, name: str) -> Container:
    drivers, code = stage.tree("drivers") / "sm_drivers", stage.tree("code")
    shutil.copytree(assets.containers() / "sdk3", drivers, ignore=shutil.ignore_patterns("__pycache__"))
    (drivers / "sourcecode.json").write_text(source_code(PROBE), encoding="utf-8")
    (drivers / "distributed.json").write_text("{}", encoding="utf-8")
    shutil.copyfile(_probe(), code / PROBE)
    asked = {"probe": {"fails": "fail", "waits": "wait"}.get(name, "run"), "batch-size": "16", "lr": "0.01"}
    job = driven(smoke_job(stage, hyperparameters=asked), drivers=drivers, code=code)
    return _acted(stage, job, name)


def _acted(stage: Stage, job: TrainingJob, name: str) -> Container:
    with Troupe(stage, job, name=name) as troupe:
        host = job.hosts[0]
        if name == "local":
            troupe.put(host, MINIMAL)
        actor = troupe.begin().one
        model = troupe.laid.host(host).model / "probe.json"
        if name == "waits":
            while actor.ended is None and actor.now() < limit_of(stage) and "probe-waits" not in actor.log:
                actor.wait(0.05)
            actor.stop(GRACE)
        actor.finish(max(0.0, limit_of(stage) - actor.now()))
        actor.tell(ran=model.exists())
        return actor.done(name)


def _probe() -> Path:
    return assets.containers() / "verify" / PROBE


PLAYS: Final[Plays] = {"train-toolkit": if_it_ends(toolkit), "train-sdk3": sdk3}
