"""Checkpoints of an earlier run, for a new one to go on from (OUT-07)."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from byoc_kit.errors import UsageError
from byoc_kit.local.tree import HostTree, RunTree

__all__ = ["NEWEST", "find_checkpoints", "restore"]

NEWEST = "latest"


def find_checkpoints(runs: Path, asked: str) -> Path:
    """The checkpoints that *asked* means: ``latest``, the id of a run, or a folder. Raises UsageError."""
    if asked == NEWEST:
        found = [tree.checkpoints for tree in _newest_first(runs) if _holds(tree.checkpoints)]
        wanted = found[0] if found else None
    else:
        wanted = next((path for path in (runs / asked / "checkpoints", Path(asked)) if _holds(path)), None)
    if wanted is None:
        raise UsageError(
            f"there are no checkpoints to go on from: --resume {asked}",
            why=f"no run in {runs} has left any"
            if asked == NEWEST
            else "that is no run with checkpoints, and no folder with files",
            fix="run once without --resume; give `latest`, the name of a folder in .byoc/runs, or a path",
            id="BYOC-E427",
        )
    return wanted


def restore(checkpoints: Path, hosts: Iterable[HostTree]) -> int:
    """Copy *checkpoints* to each host, as the service puts them back at a start; how many files."""
    for host in hosts:
        shutil.copytree(checkpoints, host.checkpoints, dirs_exist_ok=True)
    return sum(path.is_file() for path in checkpoints.rglob("*"))


def _newest_first(runs: Path) -> list[RunTree]:
    found = [path.parent for path in runs.glob("*/job.json") if not path.parent.is_symlink()]
    return [RunTree(root) for root in sorted(found, key=lambda root: root.stat().st_mtime, reverse=True)]


def _holds(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())
