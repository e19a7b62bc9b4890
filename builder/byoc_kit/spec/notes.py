"""What is not wrong, but what the user should know about a byoc.toml."""

from collections.abc import Iterator

from byoc_kit.spec.mistake import View
from byoc_kit.spec.types import Target
from byoc_kit.spec.values import is_root, targets_of

__all__ = ["text_notes"]

UNUSED_WITH_DOCKERFILE = ("python", "system", "files", "env", "labels")


def text_notes(view: View) -> Iterator[str]:
    """Sentences about keys that have less effect than one may think."""
    targets = [Target(target) for target in targets_of(view)]
    dockerfile = view.text("build", "dockerfile")
    if dockerfile is not None:
        for table in UNUSED_WITH_DOCKERFILE:
            if any(view.table(table).values()):
                yield f"[{table}] has no effect: [build] dockerfile builds {dockerfile} as it is"
    if view.table("train") and not any(target.trains for target in targets):
        yield "[train] has no effect: no target in [image] targets trains"
    if view.table("serve") and not any(target.serves for target in targets):
        yield "[serve] has no effect: no target in [image] targets serves"
    if not is_root(view.text("image", "user")):
        yield (
            "[image] user is not root: what SageMaker mounts is root's, "
            "so the program may not be able to write there (IMG-05)"
        )
    for name in view.table("train", "channels"):
        if "-" in name or "." in name:
            yield f"the channel {name!r} does not work with the SageMaker SDK v3, for '-' and '.' (TMD-06)"
