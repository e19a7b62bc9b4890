"""``byoc run train``: a training job in one container, and what the service would make of its end."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from byoc_kit.errors import ByocError
from byoc_kit.job.container import ContainerPlan, training_container
from byoc_kit.job.types import TrainingJob
from byoc_kit.local import training, tree
from byoc_kit.local.containers import Session, uninterrupted
from byoc_kit.local.images import Place
from byoc_kit.local.ownership import give_back
from byoc_kit.local.tree import RunTree
from byoc_kit.talk import Talk
from byoc_kit.work.jobs import TrainOptions, job_base, source_mounts, training_job
from byoc_kit.work.project import Project
from byoc_kit.work.start import opened, shell, stamp, with_options

__all__ = ["TrainOptions", "TrainResult", "run_train", "shell_train"]

USUAL = TrainOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """A training job that is ``Completed``."""

    run: Path
    """The run's folder: model/, output/, checkpoints/, log, job.json, model.tar.gz."""
    files: Mapping[str, int]
    """The model's files: path to size in bytes."""
    image: str
    seconds: float
    """From the start of the container to its end."""

    @property
    def model(self) -> Path:
        """The folder that was /opt/ml/model."""
        return RunTree(self.run).model

    @property
    def archive(self) -> Path:
        """``model.tar.gz``, as the service would have uploaded it (OUT-01)."""
        return RunTree(self.run).archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A job that can start."""

    place: Place
    job: TrainingJob
    tree: RunTree
    session: Session
    plan: ContainerPlan


def run_train(
    project: Project | None, *, image: str | None = None, options: TrainOptions = USUAL, talk: Talk
) -> TrainResult:
    """Train in a container as the service would start it, and check what it leaves.

    Without *image* the project's last build is started. Raises ByocError with the container's failure text
    and exit code where the job would be ``Failed``; the run's folder stays for a look in every case.
    """
    with _prepared(project, image, options, talk) as ready, _record(ready) as record:
        job, made = ready.job, ready.tree
        talk.say(f"training {job.name} in {ready.place.image.name}")
        trained = training.run(ready.plan, made, ready.session, limit=job.max_runtime, talk=talk)
        record |= {"exit_code": trained.ended.code, "failure": training.failure_of(made)}
        record["status"] = "Stopped" if trained.out_of_time else "Failed"
        training.require_success(trained, made, limit=job.max_runtime)
        files = {str(file.path): file.size for file in training.model_of(made, talk)}
        record |= {"status": tree.SUCCESS, "files": files}
        return TrainResult(
            run=made.root, files=files, image=ready.place.image.reference, seconds=trained.seconds
        )


def shell_train(
    project: Project | None, *, image: str | None = None, options: TrainOptions = USUAL, talk: Talk
) -> Path:
    """Open a shell where the service would start training; gives the run's folder."""
    with _prepared(project, image, options, talk) as ready:
        try:
            shell(ready.place, ready.plan, ready.session, talk)
        finally:
            uninterrupted(lambda: give_back(ready.place.client, ready.plan.image, ready.tree.root, talk))
        return ready.tree.root


@contextmanager
def _prepared(
    project: Project | None, image: str | None, options: TrainOptions, talk: Talk
) -> Iterator[Prepared]:
    base = job_base(project, image)
    job = training_job(project, options, base=base, stamp=stamp(), talk=talk)
    spec = project.spec.train if project else None
    code = source_mounts(project, spec.source if spec else None, live=options.live)
    with opened(project, image, talk) as place:
        made = tree.create(place.state / "runs", job)
        session = Session(place.client, job.name, talk=talk, keep=options.keep)
        plan = training_container(
            job,
            job.hosts[0],
            image=place.image.id,
            mounts=(*tree.mounts(made, job), *code),
            network=session.network,
        )
        yield Prepared(place=place, job=job, tree=made, session=session, plan=with_options(plan, options))


@contextmanager
def _record(ready: Prepared) -> Iterator[dict[str, object]]:
    """What becomes job.json however the job ends; of its environment only the names (ENV-05)."""
    job, begun = ready.job, time.monotonic()
    record: dict[str, object] = {
        "name": job.name,
        "image": ready.place.image.reference,
        "image_id": ready.plan.image,
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "status": "Stopped",
        "hyperparameters": dict(job.hyperparameters),
        "channels": {channel.name: str(channel.source) for channel in job.channels},
        "environment": sorted(job.environment),
        "instance_type": job.instance_type,
    }
    try:
        yield record
    except ByocError:
        record["status"] = "Failed" if "exit_code" not in record else record["status"]
        raise
    finally:
        record["seconds"] = round(time.monotonic() - begun, 3)
        tree.save_record(ready.tree, record)
