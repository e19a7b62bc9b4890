"""``byoc run train``: a training job in one container, and what the service would make of its end."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from byoc_kit.docker_helper import uninterrupted
from byoc_kit.errors import ByocError
from byoc_kit.job.container import training_container
from byoc_kit.job.metrics import Metric, metrics
from byoc_kit.job.types import TrainingJob
from byoc_kit.local import training, tree
from byoc_kit.local.containers import Session
from byoc_kit.local.engine import require_fifos
from byoc_kit.local.images import Place
from byoc_kit.local.journal import Hear
from byoc_kit.local.metrics import Watch, metering
from byoc_kit.local.ownership import give_back_all
from byoc_kit.local.pipes import feeding, feeds_of
from byoc_kit.local.resume import find_checkpoints, restore
from byoc_kit.local.training import Host, Times
from byoc_kit.local.tree import RunTree
from byoc_kit.talk import Talk
from byoc_kit.work.fetch import fetched
from byoc_kit.work.jobs import TrainOptions, job_base, source_mounts, training_job
from byoc_kit.work.project import Project
from byoc_kit.work.resources import limited, with_gpus
from byoc_kit.work.sdk3 import as_sdk3
from byoc_kit.work.start import opened, shell, stamp, with_options

__all__ = ["TrainOptions", "TrainResult", "run_train", "shell_train"]

USUAL = TrainOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """A training job that is ``Completed``, or ``Stopped`` as it was asked for."""

    run: Path
    """The run's folder: model/, output/, checkpoints/, log, job.json, model.tar.gz."""
    files: Mapping[str, int]
    """The model's files: path to size in bytes."""
    image: str
    seconds: float
    """From the start of the containers to the end of the last."""
    status: str = tree.SUCCESS
    """TrainingJobStatus."""
    clashes: tuple[str, ...] = ()
    """Paths below /opt/ml that several hosts have written (OUT-02)."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Name to the last number of each metric that was found in the log (TRN-13); all are in metrics.csv."""

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
    hosts: tuple[Host, ...]
    metrics: tuple[Metric, ...]


def run_train(
    project: Project | None,
    *,
    image: str | None = None,
    options: TrainOptions = USUAL,
    talk: Talk,
    hear: Hear | None = None,
    watch: Watch | None = None,
) -> TrainResult:
    """Train in a container for each host as the service would start it, and check what they leave.

    Without *image* the project's last build is started. *hear* gets each line of each host's log, *watch*
    each number that the job's metrics find there. Raises ByocError with the container's failure text and exit
    code where the job would be ``Failed``; the run's folder stays for a look in every case.
    """
    with (
        _prepared(project, image, options, talk) as ready,
        _record(ready) as record,
        metering(ready.tree.root, ready.metrics, watch, hear) as meter,
    ):
        job, made = ready.job, ready.tree
        on = f" on {len(job.hosts)} hosts" if len(job.hosts) > 1 else ""
        talk.say(f"training {job.name} in {ready.place.image.name}{on}")
        times = Times(
            limit=job.max_runtime, stop_after=options.stop_after, interrupt_after=options.interrupt_after
        )
        trained = training.run(ready.hosts, made, ready.session, times=times, talk=talk, hear=meter.hear)
        meter.tell(talk)
        record["metrics"] = meter.last
        record |= {"exit_code": trained.ended.code, "failure": training.failure_of(made)}
        record |= {"exit_codes": {name: ended.code for name, ended in trained.exits.items()}}
        stopped = trained.cause == "stop"
        record["status"] = "Stopped" if stopped or trained.out_of_time else "Failed"
        training.require_success(trained, made, limit=job.max_runtime)
        files = {str(file.path): file.size for file in training.model_of(made, talk, stopped=stopped)}
        record |= {"status": record["status"] if stopped else tree.SUCCESS, "files": files}
        return TrainResult(
            run=made.root,
            files=files,
            image=ready.place.image.reference,
            seconds=trained.seconds,
            status=str(record["status"]),
            clashes=tuple(str(clash.path) for clash in trained.clashes),
            metrics=meter.last,
        )


def shell_train(
    project: Project | None, *, image: str | None = None, options: TrainOptions = USUAL, talk: Talk
) -> Path:
    """Open a shell where the service would start training, on the first host; gives the run's folder."""
    with _prepared(project, image, options, talk) as ready:
        plan, folders = ready.hosts[0].plan, training.written(ready.hosts, ready.tree)
        try:
            with feeding(ready.hosts[0].feeds, talk):
                shell(ready.place, plan, ready.session, talk)
        finally:
            uninterrupted(lambda: give_back_all(ready.place.client, plan.image, folders, talk))
        return ready.tree.root


@contextmanager
def _prepared(
    project: Project | None, image: str | None, options: TrainOptions, talk: Talk
) -> Iterator[Prepared]:
    base = job_base(project, image)
    job = training_job(project, options, base=base, stamp=stamp(), talk=talk)
    wanted = metrics(job.metrics)
    spec = project.spec.train if project else None
    source = spec.source if spec and not options.driver else None
    code = source_mounts(project, source, live=options.live)
    with opened(project, image, talk) as place:
        job = fetched(job, place.state, talk)
        if options.driver == "sdk3":
            job = as_sdk3(project, job, place.state / "runs" / job.name / "sdk3")
        runs = place.state / "runs"
        earlier = find_checkpoints(runs, options.resume) if options.resume else None
        tree.require_sources(job)
        feeds = {name: feeds_of(RunTree(runs / job.name), job, name) for name in job.hosts}
        if any(feeds.values()):
            require_fifos(place.client)
        made = tree.create(runs, job)
        if earlier:
            count = restore(earlier, [made.host(name, job) for name in job.hosts])
            talk.note(f"checkpoints put back from {earlier}: {count} files")
        session = Session(place.client, job.name, talk=talk, keep=options.keep, isolated=job.isolated)

        def host(name: str) -> Host:
            mounted = (*tree.mounts(made, job, name), *code)
            plan = training_container(
                job, name, image=place.image.id, mounts=mounted, network=session.network
            )
            plan = with_gpus(with_options(plan, options), options.gpus)
            if options.limits:
                plan = limited(plan, job.group_of(name).instance_type, place, talk)
            return Host(name=name, tree=made.host(name, job), feeds=feeds[name], plan=plan)

        hosts = tuple(host(name) for name in job.hosts)
        yield Prepared(place=place, job=job, tree=made, session=session, hosts=hosts, metrics=wanted)


@contextmanager
def _record(ready: Prepared) -> Iterator[dict[str, object]]:
    """What becomes job.json however the job ends; of its environment only the names (ENV-05)."""
    job, begun = ready.job, time.monotonic()
    record: dict[str, object] = {
        "name": job.name,
        "image": ready.place.image.reference,
        "image_id": ready.hosts[0].plan.image,
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "status": "Stopped",
        "hyperparameters": dict(job.hyperparameters),
        "channels": {channel.name: str(channel.source) for channel in job.channels},
        "environment": sorted(job.environment),
        "instance_type": job.instance_type,
        "hosts": list(job.hosts),
    }
    try:
        yield record
    except ByocError:
        record["status"] = "Failed" if "exit_code" not in record else record["status"]
        raise
    finally:
        record["seconds"] = round(time.monotonic() - begun, 3)
        tree.save_record(ready.tree, record)
