"""What is not wrong, but what the user should know about a byoc.toml."""

from collections.abc import Iterator

from byoc_kit.spec.mistake import View
from byoc_kit.spec.types import Server, Target
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
    yield from _serving_notes(view, targets)
    if not is_root(view.text("image", "user")):
        yield (
            "[image] user is not root: what SageMaker mounts is root's, "
            "so the program may not be able to write there (IMG-05)"
        )
    for name in view.table("train", "channels"):
        if "-" in name or "." in name:
            yield f"the channel {name!r} does not work with the SageMaker SDK v3, for '-' and '.' (TMD-06)"


def _serving_notes(view: View, targets: list[Target]) -> Iterator[str]:
    workers = view.table("serve").get("workers")
    if isinstance(workers, int) and workers > 1 and Target.SERVERLESS in targets:
        yield (
            f"[serve] workers = {workers} holds the model {workers} times, "
            "and a serverless endpoint has little memory and one CPU or so: 1 fits (SLS-03)"
        )
    if isinstance(workers, int) and Target.MULTI_MODEL in targets:
        yield "[serve] workers has no effect on a multi-model endpoint: each model has one process there"
    if Target.ASYNC in targets and view.text("serve", "server") == Server.MMS:
        yield (
            'server = "mms" holds a whole request in memory, several times, and an asynchronous endpoint '
            'sends up to 1 GB: the default server, "asgi", keeps it on disk (ASY-01)'
        )
