"""Plays of a processing job: as it is, told to stop, and with a script of the SDK's."""

import io
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from byoc_kit.contract.evidence import Container, Run
from byoc_kit.job.container import ContainerPlan, Mount
from byoc_kit.job.processing import (
    PLACE,
    ProcessingInput,
    ProcessingJob,
    ProcessingOutput,
    processing_config_files,
    processing_container,
)
from byoc_kit.local.cast import ROWS, limit_of
from byoc_kit.local.processing import ML
from byoc_kit.local.stage import Plays, Stage

__all__ = ["PLAYS"]

HOST = "algo-1"
SCRIPT = """import os, sys
print("the script runs with", sys.argv[1:])
with open(sys.argv[-1] + "/done", "w") as file:
    file.write(os.environ.get("PROCESSING_JOB_ARN", ""))
"""
RUNPROC = """#!/bin/bash
set -e
cd /opt/ml/processing/input/code/
ls
tar -xzf sourcedir.tar.gz
python script.py --from framework "$1"
"""
SCRIPT_PROCESSOR = ("python3", f"{PLACE}/input/code/script.py")
FRAMEWORK_PROCESSOR = ("/bin/bash", f"{PLACE}/input/code/runproc.sh")


def process(stage: Stage) -> Run:
    """``plain``: the image as it is, with the inputs and outputs of the case, else with one of each."""
    actor = stage.begin(_plan(stage, _job(stage)))
    actor.finish(limit_of(stage))
    return Run(scenario="process", containers=(actor.done("plain"),))


def process_stop(stage: Stage) -> Run:
    """``INT`` and ``TERM``: one signal each, once it can hear it. Facts as of ``train-stop``."""
    found = tuple(_stopped(stage, name) for name in ("INT", "TERM"))
    return Run(scenario="process-stop", containers=found)


def _stopped(stage: Stage, name: str) -> Container:
    actor = stage.begin(_plan(stage, _job(stage)))
    actor.await_hearing(stage.timing.hearing, stage.timing.begun)
    actor.tell(early=actor.ended is not None)
    actor.terminate() if name == "TERM" else actor.signal("SIGINT")
    actor.finish(stage.timing.training_grace)
    return actor.done(name)


def process_script(stage: Stage) -> Run:
    """``ScriptProcessor`` and ``FrameworkProcessor``: their commands over the image's own (PRC-10)."""
    ways = {"ScriptProcessor": SCRIPT_PROCESSOR, "FrameworkProcessor": FRAMEWORK_PROCESSOR}
    found = []
    for name, entrypoint in ways.items():
        job = _job(stage)
        job = replace(job, entrypoint=entrypoint, arguments=(str(job.outputs[0].target),))
        code = Mount(_code(stage), PLACE / "input/code", read_only=False)
        plan = _plan(stage, job)
        actor = stage.begin(replace(plan, mounts=(*plan.mounts, code)))
        actor.finish(limit_of(stage))
        found.append(actor.done(name))
    return Run(scenario="process-script", containers=tuple(found))


def _code(stage: Stage) -> Path:
    folder = stage.tree("code")
    (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    (folder / "runproc.sh").write_text(RUNPROC, encoding="utf-8")
    packed = tarfile.TarInfo("script.py")
    packed.size = len(SCRIPT.encode())
    with tarfile.open(folder / "sourcedir.tar.gz", "w:gz") as archive:
        archive.addfile(packed, io.BytesIO(SCRIPT.encode()))
    return folder


def _job(stage: Stage) -> ProcessingJob:
    names = stage.case.outputs or ("dataset",)
    return ProcessingJob(
        name="byoc-verify",
        image="byoc-verify",
        inputs=_inputs(stage),
        outputs=tuple(
            ProcessingOutput(name=name, target=PLACE / "output" / name, uri=f"s3://bucket/{name}")
            for name in names
        ),
        region=stage.case.region or "us-east-1",
    )


def _inputs(stage: Stage) -> tuple[ProcessingInput, ...]:
    """The inputs of the case, or a small table as ``dataset``."""
    given = {name: Path(path).absolute() for name, path in stage.case.inputs.items()}
    if not given:
        folder = stage.tree("data")
        (folder / "data.csv").write_text(ROWS, encoding="utf-8")
        given = {"dataset": folder}
    return tuple(
        ProcessingInput(name=name, source=path, target=PLACE / "input" / name, uri=f"s3://bucket/{name}")
        for name, path in given.items()
    )


def _plan(stage: Stage, job: ProcessingJob) -> ContainerPlan:
    folder = stage.tree("job")
    (config := folder / "config").mkdir()
    for name, text in processing_config_files(job, HOST).items():
        (config / name).write_text(text, encoding="utf-8")
    (folder / "exit").mkdir()
    for output in job.outputs:
        (folder / "output" / output.name).mkdir(parents=True)
    mounts = (
        Mount(config, ML / "config", read_only=True),
        Mount(folder / "exit", ML / "output"),
        *(_input_mount(given) for given in job.inputs),
        *(Mount(folder / "output" / output.name, output.target) for output in job.outputs),
    )
    return processing_container(job, HOST, image=stage.image, mounts=mounts, network=stage.network())


def _input_mount(given: ProcessingInput) -> Mount:
    source = Path(given.source)
    return Mount(source, given.target / source.name if source.is_file() else given.target, read_only=True)


PLAYS: Final[Plays] = {"process": process, "process-stop": process_stop, "process-script": process_script}
