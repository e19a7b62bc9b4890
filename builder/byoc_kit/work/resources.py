"""What a container may use of this machine: as much as an instance would have, and its GPUs."""

from dataclasses import replace

from byoc_kit.job.container import ContainerPlan
from byoc_kit.job.instances import size_of
from byoc_kit.local.engine import capacity
from byoc_kit.local.images import Place
from byoc_kit.talk import Talk

__all__ = ["limited", "with_gpus"]


def limited(plan: ContainerPlan, instance_type: str, place: Place, talk: Talk) -> ContainerPlan:
    """*plan* with the CPUs and the memory of *instance_type*, or with all of this machine where it has less.

    Raises UsageError for a type whose size is not known.
    """
    size, here = size_of(instance_type), capacity(place.client)
    given = size.capped(here)
    if given != size:
        talk.note(f"{instance_type} has {size}, this machine {here}: {plan.alias} gets {given}")
    return replace(plan, cpus=float(given.cpus), memory=given.memory)


def with_gpus(plan: ContainerPlan, gpus: int) -> ContainerPlan:
    """*plan* with *gpus* of this machine's GPUs; -1: all."""
    if not gpus:
        return plan
    return replace(plan, gpus=gpus, env={**plan.env, "NVIDIA_VISIBLE_DEVICES": "all"})
