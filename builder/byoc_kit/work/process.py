"""``byoc run process``: a processing job, in one container for each host, and what is made of its end."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from byoc_kit.aws.s3 import fetch_prefix
from byoc_kit.docker_helper import uninterrupted
from byoc_kit.errors import ByocError
from byoc_kit.job.container import typed_command
from byoc_kit.job.processing import ProcessingJob, processing_container
from byoc_kit.local import processing, training
from byoc_kit.local.containers import Session
from byoc_kit.local.images import Place
from byoc_kit.local.merge import merge
from byoc_kit.local.ownership import give_back_all
from byoc_kit.local.processing import ProcessTree
from byoc_kit.local.training import Host, Times, Trained
from byoc_kit.local.tree import save_record
from byoc_kit.talk import Talk
from byoc_kit.work.jobs import job_base
from byoc_kit.work.process_job import ProcessOptions, live_code, processing_job
from byoc_kit.work.project import Project
from byoc_kit.work.start import opened, shell, stamp, with_options

__all__ = ["ProcessOptions", "ProcessResult", "run_process", "shell_process"]

USUAL = ProcessOptions()
RECORD = "byoc/run-process/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessResult:
    """A processing job that is ``Completed``."""

    run: Path
    """The run's folder: output/, log, job.json."""
    outputs: Mapping[str, Mapping[str, int]]
    """Output to its files, each with its size in bytes; the files of an output are in ``output/NAME``."""
    message: str
    """What the container wrote to /opt/ml/output/message, as far as the service shows it (PRC-07)."""
    image: str
    seconds: float
    """From the start of the containers to the end of the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A job that can start."""

    place: Place
    job: ProcessingJob
    tree: ProcessTree
    session: Session
    hosts: tuple[Host, ...]


def run_process(
    project: Project | None, *, image: str | None = None, options: ProcessOptions = USUAL, talk: Talk
) -> ProcessResult:
    """Process in a container for each host as the service would start it, and check what they leave.

    Without *image* the project's last build is started. Raises ByocError with the container's message and
    exit code where the job would be ``Failed``; the run's folder stays for a look in every case.
    """
    with _prepared(project, image, options, talk) as ready, _record(ready) as record:
        job, made = ready.job, ready.tree
        on = f" on {len(job.hosts)} hosts" if len(job.hosts) > 1 else ""
        talk.say(f"processing {job.name} in {ready.place.image.name}{on}")
        _warn_of_another_word(ready, talk)
        times = Times(limit=job.max_runtime)
        trained = training.run(ready.hosts, made, ready.session, times=times, talk=talk)
        record |= {"exit_code": trained.ended.code}
        record["status"] = "Stopped" if trained.out_of_time else "Failed"
        message = _gathered(ready, trained, talk)
        record["message"] = message
        processing.check_end(trained, made, message, limit=job.max_runtime)
        outputs = processing.outputs_of(made, job, talk)
        record |= {"status": "Completed", "outputs": outputs}
        return ProcessResult(
            run=made.root,
            outputs=outputs,
            message=message,
            image=ready.place.image.reference,
            seconds=trained.seconds,
        )


def shell_process(
    project: Project | None, *, image: str | None = None, options: ProcessOptions = USUAL, talk: Talk
) -> Path:
    """Open a shell where the service would start processing, on the first host; gives the run's folder."""
    with _prepared(project, image, options, talk) as ready:
        plan, folders = ready.hosts[0].plan, training.written(ready.hosts, ready.tree)
        try:
            shell(ready.place, plan, ready.session, talk)
        finally:
            uninterrupted(lambda: give_back_all(ready.place.client, plan.image, folders, talk))
        return ready.tree.root


@contextmanager
def _prepared(
    project: Project | None, image: str | None, options: ProcessOptions, talk: Talk
) -> Iterator[Prepared]:
    code = live_code(project, options)
    with opened(project, image, talk) as place:
        job = processing_job(
            project,
            options,
            image=place.image.name,
            base=job_base(project, image),
            stamp=stamp(),
            talk=talk,
        )
        for given in job.inputs:
            if given.fetched:
                fetch_prefix(given.uri, Path(given.source), talk)
        made = processing.create(place.state / "runs", job)
        session = Session(place.client, job.name, talk=talk, keep=options.keep, isolated=job.isolated)
        hosts = []
        for name in job.hosts:
            mounts = (*processing.mounts(made, job, name), *code)
            plan = processing_container(
                job, name, image=place.image.id, mounts=mounts, network=session.network
            )
            hosts.append(Host(name=name, tree=made.of(name, job), plan=with_options(plan, options)))
        yield Prepared(place=place, job=job, tree=made, session=session, hosts=tuple(hosts))


def _warn_of_another_word(ready: Prepared, talk: Talk) -> None:
    """An image whose default is to train or serve does so in a processing job too (PRC-01)."""
    config, plan = ready.place.image.config, ready.hosts[0].plan
    words = typed_command(plan, config.entrypoint or (), config.cmd or ())
    if plan.entrypoint is None and plan.command is None and words and words[-1] in {"train", "serve"}:
        talk.warn(
            f"no word is added in a processing job, and this image's own is {words[-1]!r} (PRC-01):"
            " give it --entrypoint or arguments, or make it with [process]"
        )


def _gathered(ready: Prepared, trained: Trained, talk: Talk) -> str:
    """Of several hosts: one set of outputs. The message of the host that decides."""
    job, made = ready.job, ready.tree
    if len(ready.hosts) > 1:
        parts = [PurePosixPath("output") / output.name for output in job.outputs]
        merge(made, {host.name: host.tree for host in ready.hosts}, talk, parts)
    return processing.message_of(made.of(trained.host, job))


@contextmanager
def _record(ready: Prepared) -> Iterator[dict[str, object]]:
    """What becomes job.json however the job ends; of its environment only the names (ENV-05)."""
    job, begun = ready.job, time.monotonic()
    record: dict[str, object] = {
        "schema": RECORD,
        "name": job.name,
        "image": ready.place.image.reference,
        "image_id": ready.place.image.id,
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "status": "Stopped",
        "inputs": {given.name: str(given.source) for given in job.inputs},
        "environment": sorted(job.environment),
        "entrypoint": job.entrypoint,
        "arguments": job.arguments,
        "hosts": list(job.hosts),
    }
    try:
        yield record
    except ByocError:
        record["status"] = "Failed" if "exit_code" not in record else record["status"]
        raise
    finally:
        record["seconds"] = round(time.monotonic() - begun, 3)
        save_record(ready.tree, record)
