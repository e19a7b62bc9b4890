"""A container as a value: decided here, started by the local room, shown by tests without an engine.

What the service does around an image is in these plans and nowhere else: the word after the image, names,
mounts, environment, /dev/shm (clauses HAR-01 to HAR-09).
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from byoc_kit.job.types import ServeJob, TrainingJob

__all__ = [
    "ENGINE_LOG",
    "PROCESSES",
    "SERVING_PORT",
    "WARM_POOL",
    "ContainerPlan",
    "Mount",
    "Port",
    "docker_run",
    "serving_container",
    "training_container",
    "typed_command",
    "with_shell",
]

DEFAULT_SHM = 64 << 20  # bytes; Docker's default, and what little is known of the service (HAR-06)
PROCESSES = 1024  # of an untrusted container
ENGINE_LOG = "1m"  # of an untrusted container's output, kept by the engine
WARM_POOL = PurePosixPath("/opt/ml/sagemaker/warmpoolcache")  # TRN-10
SERVING_PORT = 8080  # INF-01
HOSTING_HOSTNAME = "model.aws.local"  # HAR-05, INF-18


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder of this machine inside the container."""

    source: Path
    target: PurePosixPath
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the container published on this machine's loopback; ``host`` 0: any free one."""

    container: int
    host: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPlan:
    """All that decides how one container is started. Unprivileged, no added capabilities (HAR-03)."""

    name: str
    image: str
    command: tuple[str, ...] | None
    """Replaces the image's CMD; None: keeps it."""
    entrypoint: tuple[str, ...] | None = None
    """Replaces the image's ENTRYPOINT and drops its CMD; None: keeps both."""
    env: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """More environment that must never be shown or written down."""
    mounts: tuple[Mount, ...] = ()
    network: str
    alias: str
    """The name by which *network* resolves this container (HAR-04)."""
    hostname: str
    shm_size: int = DEFAULT_SHM
    """Bytes of /dev/shm."""
    init: bool = False
    """Whether Docker's own init is PID 1 (HAR-07)."""
    cpus: float | None = None
    """How many CPUs' time it may use; None: all."""
    memory: int | None = None
    """Bytes it may use; there is no swap then. None: as much as there is."""
    gpus: int = 0
    """How many GPUs it gets; -1: all."""
    ports: tuple[Port, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    """Who runs it, ``uid:gid``; None: whom the image names."""
    read_only: bool = False
    """Whether only mounts and *scratch* can be written."""
    scratch: Mapping[str, int] = field(default_factory=dict)
    """Folders in memory, with their sizes in bytes."""
    beside: str | None = None
    """The name of a container whose network it shares, with all ports (PIP-01); None: it has its own."""
    untrusted: bool = False
    """Whether it gains no rights, starts at most *PROCESSES* processes and has little log kept."""


def training_container(
    job: TrainingJob, host: str, *, image: str, mounts: tuple[Mount, ...], network: str
) -> ContainerPlan:
    """``docker run IMAGE train``, or what the job's entrypoint and arguments make of it (HAR-01, HAR-02)."""
    word = None if job.entrypoint else ("train",)
    return ContainerPlan(
        name=f"{network}-{host}",
        image=image,
        command=job.arguments if job.arguments is not None else word,
        entrypoint=job.entrypoint,
        env={**_training_ambient(job), **_identity(job), **job.environment},
        mounts=mounts,
        network=network,
        alias=host,
        hostname=_hostname(job, host),
    )


def _hostname(job: TrainingJob, host: str) -> str:
    """The cloud's hosts are not called algo-1 (HAR-05)."""
    return f"ip-10-0-0-{12 + job.hosts.index(host)}.ec2.internal"


def _training_ambient(job: TrainingJob) -> dict[str, str]:
    """The platform's own variables; an isolated container finds nothing of AWS (TRN-11)."""
    ambient = _ambient(job.region)
    if job.isolated:
        del ambient["AWS_REGION"]
    if job.warm_pool:
        ambient["SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY"] = str(WARM_POOL)  # TRN-10
    return ambient


def _identity(job: TrainingJob) -> dict[str, str]:
    return {"TRAINING_JOB_NAME": job.name, "TRAINING_JOB_ARN": job.arn}  # ENV-01


def _ambient(region: str) -> dict[str, str]:
    return {"AWS_REGION": region, "NVIDIA_VISIBLE_DEVICES": "void"}  # HAR-09, IMG-15: no GPU is offered here


def serving_container(
    job: ServeJob, *, image: str, mounts: tuple[Mount, ...], network: str, port: int
) -> ContainerPlan:
    """``docker run IMAGE serve`` (HAR-01); *port* of this machine leads to it (0: any)."""
    return ContainerPlan(
        name=f"{network}-model",
        image=image,
        command=("serve",),
        env={
            **_ambient(job.region),
            "AWS_DEFAULT_REGION": job.region,
            "SAGEMAKER_SAFE_PORT_RANGE": "25000-25999",
            **job.environment,
        },  # INF-18
        mounts=mounts,
        network=network,
        alias="model",
        hostname=HOSTING_HOSTNAME,
        ports=(Port(SERVING_PORT, port),),
    )


def docker_run(plan: ContainerPlan, *, interactive: bool) -> tuple[str, ...]:
    """The same container as a ``docker run`` command line; values of *secrets* stay in the environment."""
    words = ["docker", "run", "--rm", "-it" if interactive else "-i", "--name", plan.name]
    words += ["--hostname", plan.hostname, "--shm-size", str(plan.shm_size)]
    words += ["--init"] if plan.init else []
    words += _resources(plan)
    words += [] if plan.user is None else ["--user", plan.user]
    words += ["--read-only"] if plan.read_only else []
    words += _restraints() if plan.untrusted else []
    for folder, size in plan.scratch.items():
        words += ["--tmpfs", f"{folder}:size={size}"]
    words += ["--network", plan.network, "--network-alias", plan.alias]
    for key, value in plan.labels.items():
        words += ["--label", f"{key}={value}"]
    for key, value in plan.env.items():
        words += ["--env", f"{key}={value}"]
    for key in plan.secrets:
        words += ["--env", key]
    for mount in plan.mounts:
        words += ["--mount", _mount_option(mount)]
    for port in plan.ports:
        words += ["--publish", f"127.0.0.1:{port.host}:{port.container}"]
    words += ["--entrypoint", plan.entrypoint[0]] if plan.entrypoint else []
    return (*words, plan.image, *(plan.entrypoint or ())[1:], *(plan.command or ()))


def _resources(plan: ContainerPlan) -> list[str]:
    words = [] if plan.cpus is None else ["--cpus", f"{plan.cpus:g}"]
    if plan.memory is not None:
        words += ["--memory", str(plan.memory), "--memory-swap", str(plan.memory)]
    if plan.gpus:
        words += ["--gpus", "all" if plan.gpus < 0 else str(plan.gpus)]
    return words


def _restraints() -> list[str]:
    words = ["--security-opt", "no-new-privileges", "--pids-limit", str(PROCESSES)]
    return [*words, "--log-opt", f"max-size={ENGINE_LOG}"]


def _mount_option(mount: Mount) -> str:
    fields = ["type=bind", f"source={mount.source}", f"target={mount.target}"]
    text = io.StringIO()  # docker reads the option as one line of CSV: a path may hold a comma
    csv.writer(text, lineterminator="").writerow(fields + ["readonly"] * mount.read_only)
    return text.getvalue()


def with_shell(plan: ContainerPlan) -> ContainerPlan:
    """The same container with a shell in place of its program: bash where there is one, else sh."""
    start = "if command -v bash >/dev/null; then exec bash; else exec sh; fi"
    return replace(plan, entrypoint=("sh",), command=("-c", start))


def typed_command(plan: ContainerPlan, entrypoint: tuple[str, ...], cmd: tuple[str, ...]) -> tuple[str, ...]:
    """What the service would start: the plan's words over the image's own *entrypoint* and *cmd*."""
    if plan.entrypoint is not None:
        return (*plan.entrypoint, *(plan.command or ()))
    return (*entrypoint, *(plan.command if plan.command is not None else cmd))
