"""What values of byoc.toml mean where more than one reader needs to know."""

from byoc_kit.spec.mistake import View
from byoc_kit.spec.types import Target

__all__ = ["is_root", "targets_of"]

ROOT = frozenset({"", "root", "0", "root:root", "0:0", "root:0", "0:root"})
MADE_FOR = {"train": Target.TRAINING, "serve": Target.HOSTING, "process": Target.PROCESSING}
"""Table to the target that an image with it has, where the file names no targets."""


def is_root(user: str | None) -> bool:
    """Whether [image] user is the one that SageMaker expects (IMG-05); None: not written."""
    return user is None or user in ROOT


def targets_of(view: View) -> tuple[str, ...]:
    """The targets as written, else what the file has programs for."""
    if view.has("image", "targets"):
        return tuple(text for _, text in view.texts("image", "targets"))
    return tuple(target for table, target in MADE_FOR.items() if view.has(table))
