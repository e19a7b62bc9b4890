"""``byoc run train --as sdk3``: the files of the SDK's driver, put where a job finds them (TMD-01)."""

import shutil
from pathlib import Path

from byoc_kit import assets
from byoc_kit.errors import UsageError
from byoc_kit.job.sdk3 import check_script, driven, source_code
from byoc_kit.job.types import TrainingJob
from byoc_kit.work.project import Project

__all__ = ["as_sdk3"]


def as_sdk3(project: Project | None, job: TrainingJob, folder: Path) -> TrainingJob:
    """*job* as ModelTrainer would start it, with the project's source; the driver's files go to *folder*.

    Raises UsageError where there is no script to run.
    """
    if project is None or project.spec.train is None:
        raise UsageError(
            "--as sdk3 has no script to run",
            why="ModelTrainer brings its own source; here it is the one of [train] in byoc.toml",
            fix="use it in a project with [train]; IMAGE may be any image",
            id="BYOC-E453",
        )
    train = project.spec.train
    check_script(train.program)
    drivers, code = folder / "sm_drivers", folder / "code"
    ignored = shutil.ignore_patterns("__pycache__", ".byoc", ".git")
    shutil.copytree(assets.containers() / "sdk3", drivers, ignore=ignored)
    (drivers / "sourcecode.json").write_text(source_code(train.program), encoding="utf-8")
    (drivers / "distributed.json").write_text("{}", encoding="utf-8")
    shutil.copytree(project.root / train.source, code, ignore=ignored)
    return driven(job, drivers=drivers, code=code)
