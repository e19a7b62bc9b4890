"""The ways of hosting: what the service promises of each, and how a container is started for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from byoc_kit.errors import UsageError
from byoc_kit.job.container import ContainerPlan, Mount, Port
from byoc_kit.spec.types import Target

__all__ = [
    "BIND_TO_PORT",
    "MODEL",
    "MULTI_MODEL",
    "VARIANTS",
    "Variant",
    "bound",
    "multi_model",
    "pipeline",
    "serverless",
    "variant",
]

LABELS = "com.amazonaws.sagemaker.capabilities"
BIND_TO_PORT, MULTI_MODEL = f"{LABELS}.accept-bind-to-port", f"{LABELS}.multi-models"  # IMG-18
MODEL = PurePosixPath("/opt/ml/model")  # of one model (INF-14)
NOBODY = "65534:65534"
TMP = 512 << 20  # bytes of /tmp; how much of the 5 GB it is in the cloud is not known (SLS-01, SLS-04)
VCPU_PER_MB = 2048  # memory that comes with each CPU; the service says only that they grow together (SLS-03)
SERVERLESS_MB = range(1024, 6145, 1024)  # SLS-01
MOST_CONTAINERS = 15  # of a pipeline (PIP-03)
FIRST_PORT = 8081  # of a pipeline: who ignores SAGEMAKER_BIND_TO_PORT and takes 8080 is not heard (PIP-01)


@dataclass(frozen=True, slots=True)
class Variant:
    """What holds for one way of hosting."""

    seconds: float
    """One invocation may take."""
    largest: int
    """Bytes of a request."""
    clause: str


VARIANTS: Mapping[Target, Variant] = {
    Target.HOSTING: Variant(60, 6_291_456, "INF-10"),
    Target.SERVERLESS: Variant(60, 4 << 20, "SLS-05"),
    Target.BATCH: Variant(600, 100 << 20, "BAT-04"),
    Target.ASYNC: Variant(900, 1 << 30, "ASY-01"),
    Target.STREAMING: Variant(480, 6_291_456, "INF-10"),
    Target.MULTI_MODEL: Variant(60, 6_291_456, "INF-10"),
    Target.PIPELINE: Variant(60, 6_291_456, "PIP-04"),
}
"""INF-07 and App. C of the contract."""


def variant(name: str) -> Target:
    """The target called *name*. Raises UsageError for one that no endpoint is started for."""
    if name in VARIANTS:
        return Target(name)
    trains = "it is a kind of job, started by another command of byoc run" if name in set(Target) else None
    raise UsageError(
        f"an image cannot be served for the target {name!r}",
        why=trains or "there is no such target",
        fix=f"--target is one of {', '.join(VARIANTS)}",
        id="BYOC-E466",
    )


def bound(plan: ContainerPlan, port: int, *, published: int) -> ContainerPlan:
    """*plan* told to listen on *port* (PIP-01), which is *published* on this machine (0: any)."""
    env = {**plan.env, "SAGEMAKER_BIND_TO_PORT": str(port)}
    return replace(plan, env=env, ports=(Port(port, published),))


def serverless(plan: ContainerPlan, memory: int) -> ContainerPlan:
    """*plan* with *memory* MB, a user without rights and nothing to write to but /tmp (SLS-01 to SLS-04)."""
    if memory not in SERVERLESS_MB:
        raise UsageError(
            f"a serverless endpoint cannot have {memory} MB of memory",
            why="MemorySizeInMB goes from 1024 to 6144 in steps of 1024 (SLS-01)",
            fix="give --memory one of " + ", ".join(map(str, SERVERLESS_MB)),
            id="BYOC-E466",
        )
    return replace(
        plan,
        memory=memory << 20,
        cpus=float(max(1, memory // VCPU_PER_MB)),
        user=NOBODY,
        read_only=True,
        scratch={"/tmp": TMP},  # noqa: S108 - the container's own
    )


def multi_model(plan: ContainerPlan, models: tuple[Mount, ...]) -> ContainerPlan:
    """*plan* as a multi-model endpoint: no model at its start, all *models* where they are loaded from."""
    others = tuple(mount for mount in plan.mounts if mount.target != MODEL)
    return replace(plan, env={**plan.env, "SAGEMAKER_MULTI_MODEL": "true"}, mounts=(*others, *models))


def pipeline(plans: Sequence[ContainerPlan], *, published: int) -> tuple[ContainerPlan, ...]:
    """*plans* as the containers of a pipeline, in one network as on one instance (PIP-01, PIP-02).

    Each is told its own port; that of the first is *published* on this machine.
    """
    if not 2 <= len(plans) <= MOST_CONTAINERS:
        raise UsageError(
            f"a pipeline cannot have {len(plans)} container{'s' * (len(plans) != 1)}",
            why=f"it has 2 to {MOST_CONTAINERS} (PIP-03)",
            fix="name the images in order: byoc run serve --target pipeline FIRST SECOND",
            id="BYOC-E466",
        )
    ports = range(FIRST_PORT, FIRST_PORT + len(plans))
    first, *rest = (
        replace(
            bound(plan, port, published=0),
            name=f"{plan.network}-model-{number}",
            alias=f"container-{number}",
            network=plans[0].network,
        )
        for number, (plan, port) in enumerate(zip(plans, ports, strict=True), start=1)
    )
    all_ports = tuple(Port(port, published if port == FIRST_PORT else 0) for port in ports)
    return (replace(first, ports=all_ports), *(replace(plan, beside=first.name) for plan in rest))
