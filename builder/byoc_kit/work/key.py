"""The content key of a project as it is now: the plan, and the bytes of every file it draws on."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from byoc_kit.contents import sha256_of
from byoc_kit.plan.key import content_key
from byoc_kit.plan.types import FilesStep, Plan, PythonStep
from byoc_kit.work.plan import own_templates

__all__ = ["key_of"]


def key_of(plan: Plan, root: Path) -> str:
    """SHA-256 (hex); the same for both engines. *root*: the project's folder. Raises UsageError."""
    return content_key(plan, _files(plan, root))


def _files(plan: Plan, root: Path) -> Iterator[tuple[str, int, str]]:
    """Where it goes, permission bits, SHA-256."""
    for step in plan.steps:
        if isinstance(step, FilesStep):
            for entry in step.files:
                digest = sha256_of(entry.content, root, unix_lines=entry.unix_lines)
                yield str(entry.dest), entry.mode, digest
        elif isinstance(step, PythonStep):
            for file in step.sources:
                yield str(file.path), file.mode, sha256_of(file.content, root)
    for name, text in own_templates(root).items():
        yield f"templates/{name}", 0, hashlib.sha256(text.encode()).hexdigest()
