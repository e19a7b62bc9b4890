"""From a project, the options of a run and perhaps a job file to the job that is to run."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from byoc_kit.aws.job_file import read_job_file
from byoc_kit.errors import UsageError
from byoc_kit.job.arguments import group, hyperparameter
from byoc_kit.job.channels import check_channels
from byoc_kit.job.container import Mount
from byoc_kit.job.instances import size_of
from byoc_kit.job.limits import check_endpoint, check_training, job_name
from byoc_kit.job.request import TrainingRequest, read_request
from byoc_kit.job.tuning import OBJECTIVE_KEY
from byoc_kit.job.types import (
    CHECKPOINTS,
    InstanceGroup,
    ServeJob,
    TrainingJob,
    host_names,
    instance_groups,
)
from byoc_kit.talk import Talk
from byoc_kit.work.channels import channels
from byoc_kit.work.project import Project

__all__ = [
    "ContainerOptions",
    "TrainOptions",
    "endpoint",
    "job_base",
    "serving_code",
    "source_mounts",
    "training_job",
]

PROGRAM = PurePosixPath("/opt/program")  # where basic and script-mode-1 have the user's code
SOURCE = PurePosixPath("/opt/byoc-source")  # where the other styles find it here: in place of S3
DEFAULT_REGION = "us-east-1"
DEFAULT_RUNTIME = 86_400  # seconds (TRN-07)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerOptions:
    """What can be asked of any container that is started here."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """More variables for the container, as the job's or the model's ``Environment``."""
    live: bool = False
    """Mount the project's source over the code in the image, so that a change needs no build."""
    keep: bool = False
    """Leave the stopped container and its network for a look."""
    init: bool = False
    """Start it with Docker's init as PID 1, as the service seems to do at times (HAR-07)."""
    shm_size: str = "64m"
    """Size of /dev/shm (HAR-06)."""
    aws_credentials: bool = False
    """Hand the caller's AWS credentials to the container."""
    region: str | None = None
    """AWS_REGION in the container; None: the project's, else the environment's, else us-east-1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(ContainerOptions):
    """What can be asked of ``byoc run train``."""

    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    """Over those of byoc.toml or the job file."""
    channels: Mapping[str, str] = field(default_factory=dict)
    """Name to ``PATH[,mode=MODE][,type=CONTENT-TYPE]...``; over those of byoc.toml or the job file.

    PATH may be ``s3://...``, which is fetched.
    """
    fetch: bool = False
    """Fetch the job file's channels from S3 where nothing of this machine stands in for them."""
    job_file: Path | None = None
    """A CreateTrainingJob request as JSON; it replaces what byoc.toml says of the job."""
    sdk: bool = False
    """Encode hyperparameters as the SageMaker SDK does (CFG-02)."""
    instance_type: str | None = None
    """What resourceconfig.json says; None: the job file's, else ml.m5.xlarge."""
    hosts: int | None = None
    """How many hosts; None: the job file's, else 1."""
    groups: Sequence[str] = ()
    """``NAME=INSTANCE-TYPE:COUNT`` each: a heterogeneous cluster, in place of *hosts* (DIS-04)."""
    isolated: bool = False
    """Without a network but between the hosts, as EnableNetworkIsolation (TRN-11)."""
    time_limit: float | None = None
    """Seconds; None: the job file's, else a day (TRN-07)."""
    stop_after: float | None = None
    """Seconds after which the job is stopped as StopTrainingJob does it (SIG-01)."""
    interrupt_after: float | None = None
    """Seconds after which the hosts vanish as spot instances do; then the job begins anew (SIG-04)."""
    resume: str | None = None
    """Whose checkpoints are there at the start: ``latest``, the id of a run, or a folder (OUT-07)."""
    warm_pool: bool = False
    """Mount the cache folder that a managed warm pool keeps from job to job (TRN-10)."""
    limits: bool = False
    """Give each host the CPUs and the memory of its instance type, as far as this machine has them."""
    gpus: int = 0
    """How many GPUs each host gets; -1: all."""
    driver: Literal["sdk3"] | None = None
    """``sdk3``: as ModelTrainer of the SageMaker SDK 3 starts it, with the project's source (TMD-01)."""
    name: str | None = None
    """TrainingJobName; None: made of the image's name, or the job file's, and the time."""
    metrics: Mapping[str, str] = field(default_factory=dict)
    """Name to regular expression, as MetricDefinitions; over those of byoc.toml or the job file (TRN-13)."""


def training_job(
    project: Project | None, options: TrainOptions, *, base: str, stamp: str, talk: Talk
) -> TrainingJob:
    """The job to run, within the service's limits; *stamp* makes its name unique. Raises UsageError."""
    request = _request(options, talk)
    groups = _groups(options, request)
    job = TrainingJob(
        name=options.name or job_name(request.name if request else base, stamp),
        hyperparameters={**_hyperparameters(project, options, request), **_script_mode(project)},
        channels=tuple(channels(project, options.channels, request, fetch=options.fetch, talk=talk)),
        environment={**(request.environment if request else {}), **options.environment},
        hosts=_hosts(options, request, groups),
        groups=groups,
        instance_type=options.instance_type or (request and request.instance_type) or "ml.m5.xlarge",
        region=region(project, options),
        max_runtime=round(options.time_limit or (request and request.max_runtime) or DEFAULT_RUNTIME),
        metrics={**_metrics(project, request), **options.metrics},
        **(_from_file(request) if request else {}),
        warm_pool=options.warm_pool or (request is not None and request.warm_pool),
        isolated=options.isolated or (request is not None and request.isolated),
    )
    check_training(job)
    check_channels(job)
    _check_options(job, options)
    return job


def _check_options(job: TrainingJob, options: TrainOptions) -> None:
    if options.limits:
        for host in job.hosts:
            size_of(job.group_of(host).instance_type)
    if options.resume and not job.checkpoints:
        raise UsageError(
            f"--resume {options.resume}: this job has no checkpoints",
            why=f"{options.job_file} has no CheckpointConfig, so the service would mount none (OUT-07)",
            fix="add a CheckpointConfig to the job file, or leave out --resume",
            id="BYOC-E427",
        )
    if job.isolated and options.aws_credentials:
        raise UsageError(
            "an isolated container gets no AWS credentials",
            why="with EnableNetworkIsolation there are none, and nothing of AWS can be reached (TRN-11)",
            fix="leave out --aws-credentials or --isolated",
            id="BYOC-E431",
        )
    if job.warm_pool and job.groups:
        raise UsageError(
            "a heterogeneous cluster has no warm pool",
            why="the service keeps no instances of several groups (TRN-10)",
            fix="leave out --warm-pool or the groups",
            id="BYOC-E431",
        )


def _from_file(request: TrainingRequest) -> dict[str, Any]:
    """What only a job file says. Without CheckpointConfig nothing is kept of checkpoints (OUT-07)."""
    return {
        "entrypoint": request.entrypoint,
        "arguments": request.arguments,
        "checkpoints": request.checkpoint_path is not None,
        "checkpoint_path": PurePosixPath(request.checkpoint_path or CHECKPOINTS),
    }


def _metrics(project: Project | None, request: TrainingRequest | None) -> Mapping[str, str]:
    if request is not None:
        return request.metrics
    return project.spec.train.metrics if project and project.spec.train else {}


def _groups(options: TrainOptions, request: TrainingRequest | None) -> tuple[InstanceGroup, ...]:
    asked = [group(text) for text in options.groups] or (request.groups if request else ())
    return () if options.hosts is not None else instance_groups(asked)


def _hosts(
    options: TrainOptions, request: TrainingRequest | None, groups: Sequence[InstanceGroup]
) -> tuple[str, ...]:
    """The names of all hosts. Raises UsageError for none, and for hosts beside groups."""
    if options.hosts is not None and options.groups:
        raise UsageError(
            "--hosts and --group are both given",
            why="the groups say how many hosts there are",
            fix="leave one of them out",
            id="BYOC-E422",
        )
    count = sum(len(each.hosts) for each in groups)
    if not groups:
        count = options.hosts if options.hosts is not None else (request.hosts if request else 1)
    if count < 1:
        raise UsageError(
            f"a training job cannot have {count} hosts",
            why="at least one container has to be started",
            fix="give --hosts 1 or more, or leave it out",
            id="BYOC-E422",
        )
    return host_names(count)


def _request(options: TrainOptions, talk: Talk) -> TrainingRequest | None:
    if options.job_file is None:
        return None
    request = read_request(read_job_file(options.job_file), name=str(options.job_file))
    if request.ignored:
        talk.note(f"{options.job_file}: without effect on this machine: {', '.join(request.ignored)}")
    if request.image:
        talk.note(
            f"{options.job_file}: TrainingImage is not used; give IMAGE to run another than the last build"
        )
    return request


def _hyperparameters(
    project: Project | None, options: TrainOptions, request: TrainingRequest | None
) -> dict[str, str]:
    """The file's (already strings, sent as they are) or the spec's, under those of the command line."""
    spec = project.spec.train if project and request is None else None
    typed = {**(spec.hyperparameters if spec else {}), **options.hyperparameters}
    given = dict(request.hyperparameters) if request else {}
    sent = {
        key: hyperparameter(value, sdk=options.sdk and key != OBJECTIVE_KEY) for key, value in typed.items()
    }
    return given | sent


def _script_mode(project: Project | None) -> dict[str, str]:
    """What the SDK would send so that the toolkit fetches the script, encoded as it does (HPO-06)."""
    if project is None or project.spec.train is None or not _fetches(project):
        return {}
    sent = {
        "sagemaker_program": project.spec.train.program,
        "sagemaker_submit_directory": str(SOURCE),
    }
    return {key: json.dumps(value) for key, value in sent.items()}


def _fetches(project: Project) -> bool:
    style = project.spec.image.style
    return style.has_toolkit and not style.bakes_code


def source_mounts(project: Project | None, source: PurePosixPath | None, *, live: bool) -> tuple[Mount, ...]:
    """The project's *source* where its style looks for it, read-only. Raises UsageError for a vain *live*."""
    if live and (project is None or source is None or project.spec.build.dockerfile is not None):
        raise UsageError(
            "--live has nothing to mount",
            why="it puts the source of byoc.toml over /opt/program, where byoc itself has put the code",
            fix="use it in a project whose image byoc renders; with a Dockerfile of your own, build again",
            id="BYOC-E418",
        )
    if project is None or source is None:
        return ()
    folder = (project.root / source).resolve()
    if _fetches(project):
        return (Mount(folder, SOURCE, read_only=True),)
    return (Mount(folder, PROGRAM, read_only=True),) if live else ()


def endpoint(
    project: Project | None, options: ContainerOptions, *, name: str, model: Path | None
) -> ServeJob:
    """The endpoint to run, within the service's limits. Raises UsageError."""
    job = ServeJob(
        name=name,
        model=model,
        environment={**_serving_script(project), **options.environment},
        region=region(project, options),
    )
    check_endpoint(job)
    return job


def _serving_script(project: Project | None) -> dict[str, str]:
    """What the SDK sets on a model that it has repacked with its code (STK-04)."""
    if project is None or project.spec.serve is None or not _fetches(project):
        return {}
    return {
        "SAGEMAKER_PROGRAM": project.spec.serve.program,
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    }


def serving_code(project: Project | None) -> Path | None:
    """The folder that goes to ``code/`` in the model; None: the image has the code."""
    if project is None or project.spec.serve is None or not _fetches(project):
        return None
    return (project.root / project.spec.serve.source).resolve()


def job_base(project: Project | None, image: str | None) -> str:
    """What a job is named after: the project's image, else the one that is asked for."""
    return project.spec.image.name if project else (image or "").removeprefix("docker:").partition("@")[0]


def region(
    project: Project | None, options: ContainerOptions, environ: Mapping[str, str] = os.environ
) -> str:
    """The region a container is told: option, byoc.toml, environment, us-east-1."""
    publish = project.spec.publish if project else None
    return (
        options.region
        or (publish.region if publish else None)
        or environ.get("AWS_REGION")
        or environ.get("AWS_DEFAULT_REGION")
        or DEFAULT_REGION
    )
