"""The state of the project's git repository, as far as git tells."""

import subprocess
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from byoc_kit.plan.tags import Source

__all__ = ["Git", "read_source"]

Git = Callable[[Path, tuple[str, ...]], str | None]
"""Runs git in a folder; what it printed, or None where it failed or is not installed."""


def git(folder: Path, arguments: tuple[str, ...]) -> str | None:
    """The real :data:`Git`."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def read_source(folder: Path, made: Collection[str] = (), run: Git = git) -> Source:
    """The commit of *folder*, and whether files of that folder differ from it (``.byoc`` aside).

    *made*: files that byoc itself may just have written there, such as a first lock; as long as git does not
    know them they are no difference, or publishing the same again would be another thing.
    """
    head = (run(folder, ("log", "-1", "--format=%H %ct")) or "").split()
    if len(head) != 2:
        return Source()
    changes = run(folder, ("status", "--porcelain", "--", ".", ":(exclude).byoc"))
    day = datetime.fromtimestamp(int(head[1]), UTC)
    return Source(commit=head[0], day=f"{day:%Y%m%d}", dirty=changes is None or _differ(changes, made))


def _differ(changes: str, made: Collection[str]) -> bool:
    """Whether *changes*, as ``git status --porcelain`` tells them, are more than new files of *made*."""
    return any(
        not (line.startswith("?? ") and PurePosixPath(line[3:].strip('"')).name in made)
        for line in changes.splitlines()
        if line.strip()
    )
