"""What the config of the image says: environment, labels, and how it starts."""

from collections.abc import Mapping

from byoc_kit.errors import UsageError
from byoc_kit.inventory import Inventory
from byoc_kit.plan.runtime import BIN, python_program
from byoc_kit.plan.types import ConfigStep
from byoc_kit.spec.types import Chain, Spec, Style, Target

__all__ = ["config_step"]

ENTRY = "/opt/byoc/entry"
USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # an engine's, without ENV PATH
OCI = "org.opencontainers.image"
CAPABILITIES = "com.amazonaws.sagemaker.capabilities"


def config_step(spec: Spec, inventory: Inventory | None, python: str | None) -> ConfigStep:
    """The config of the image of *spec*. Raises UsageError where the base's own ENTRYPOINT cannot be kept."""
    keeps = spec.image.entrypoint is Chain.KEEP
    if keeps:
        _refuse_no_entrypoint(spec, inventory)
    command = (python,) if python else ("/usr/bin/env", "python3")
    return ConfigStep(
        env=_env(spec, inventory),
        labels=_labels(spec, inventory),
        entrypoint=None if keeps else (*command, "-I", ENTRY),
        cmd=None if keeps else _cmd(spec),
        workdir=None,
        user=spec.image.user or None,
        stop_signal=_stop_signal(inventory),
    )


def _env(spec: Spec, inventory: Inventory | None) -> dict[str, str]:
    env = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}  # IMG-17
    if spec.train is not None and spec.image.style is Style.SCRIPT_MODE_1:
        env["SAGEMAKER_PROGRAM"] = spec.train.program
    if spec.train is not None and spec.train.module is not None:
        env["SAGEMAKER_TRAINING_MODULE"] = spec.train.module  # TTK-06
    if inventory is not None and python_program(spec, inventory) is not None:
        env["PATH"] = f"{inventory.config.env.get('PATH', USUAL_PATH)}:{BIN}"  # PRC-10
    return env | dict(spec.env)


def _labels(spec: Spec, inventory: Inventory | None) -> Mapping[str, str]:
    labels = {f"{OCI}.base.name": spec.image.base}
    if inventory is not None and inventory.digest:
        labels[f"{OCI}.base.digest"] = inventory.digest
    if spec.image.version:
        labels[f"{OCI}.version"] = spec.image.version
    if Target.MULTI_MODEL in spec.image.targets:
        labels[f"{CAPABILITIES}.multi-models"] = "true"  # IMG-18
    if {Target.MULTI_MODEL, Target.PIPELINE} & set(spec.image.targets):
        labels[f"{CAPABILITIES}.accept-bind-to-port"] = "true"
    return labels | dict(spec.labels)


def _cmd(spec: Spec) -> tuple[str, ...] | None:
    """The word for ``docker run IMAGE`` (LCL-20); none where the entry program must find out (HAR-01)."""
    targets = spec.image.targets
    if Target.PROCESSING in targets:
        return None
    if any(target.trains for target in targets):
        return ("train",)
    return ("serve",) if any(target.serves for target in targets) else None


def _stop_signal(inventory: Inventory | None) -> str | None:
    """SIGTERM where the base asks for another signal (IMG-19)."""
    own = inventory.config.stop_signal if inventory else ""
    return None if own in {"", "SIGTERM", "15"} else "SIGTERM"


def _refuse_no_entrypoint(spec: Spec, inventory: Inventory | None) -> None:
    words = {"train", "serve"} & (inventory.commands if inventory else {"train"})
    if inventory is not None and not inventory.config.entrypoint and not words:
        raise UsageError(
            f'entrypoint = "keep", but {spec.image.base} has no ENTRYPOINT',
            why="nothing in the image would answer to the words train and serve (IMG-01)",
            fix='say entrypoint = "chain" (the default), or choose a base whose ENTRYPOINT takes these words',
            id="BYOC-E209",
        )
