"""A training job as ModelTrainer of the SageMaker SDK 3 starts it (clauses TMD-01 to TMD-08).

Its driver takes the place of the image's entrypoint: a shell script in the channel ``sm_drivers`` that writes
the environment and runs the user's script, which lies in the channel ``code``.
"""

import json
from dataclasses import replace
from pathlib import PurePath, PurePosixPath

from byoc_kit.errors import UsageError
from byoc_kit.job.types import Channel, TrainingJob

__all__ = ["check_script", "driven", "source_code"]

DRIVERS, CODE = "sm_drivers", "code"
SCRIPT = f"/opt/ml/input/data/{DRIVERS}/sm_train.sh"
ENTRYPOINT = ("/bin/bash",)
ARGUMENTS = ("-c", f"chmod +x {SCRIPT} && {SCRIPT}")
NOT_SENT = {"sagemaker_program", "sagemaker_submit_directory"}  # of the toolkit; ModelTrainer sends neither


def check_script(program: str) -> None:
    """Raise UsageError for a script that the driver does not run (TMD-07)."""
    if PurePosixPath(program).suffix not in {".py", ".sh"}:
        raise UsageError(
            f"ModelTrainer does not run {program}",
            why="an entry script of the SDK 3 ends in .py or .sh (TMD-07)",
            fix="rename it, or train without --as sdk3",
            id="BYOC-E453",
        )


def source_code(program: str) -> str:
    """sourcecode.json of the driver, for a job with the script *program*."""
    document = {
        "source_dir": CODE,
        "requirements": None,
        "entry_script": program,
        "command": None,
        "ignore_patterns": None,
        "args": None,
    }
    return json.dumps(document)


def driven(job: TrainingJob, *, drivers: PurePath, code: PurePath) -> TrainingJob:
    """*job* behind the driver in *drivers*, with the user's *code*; both may be written to (TMD-03)."""
    channels = (
        *job.channels,
        Channel(name=CODE, source=code, read_only=False),
        Channel(name=DRIVERS, source=drivers, read_only=False),
    )
    sent = {key: value for key, value in job.hyperparameters.items() if key not in NOT_SENT}
    return replace(
        job,
        hyperparameters=sent,
        channels=channels,
        entrypoint=ENTRYPOINT,
        arguments=ARGUMENTS,
        writable_input=True,
    )
