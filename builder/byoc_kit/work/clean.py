"""``byoc clean``: what runs and builds of this project left, found first, removed then."""

import contextlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from byoc_kit.docker_api import connect
from byoc_kit.docker_helper import RUN
from byoc_kit.errors import ByocError
from byoc_kit.images.push import find_image, remove_image
from byoc_kit.local.leftovers import left_runs, remove
from byoc_kit.local.tree import newest_success
from byoc_kit.talk import Talk
from byoc_kit.work.project import Project
from byoc_kit.work.state import read_last_build

__all__ = ["Leftovers", "find_leftovers", "remove_leftovers"]


KEPT = ("data", "warmpool")
"""Beside the runs: what was fetched from S3 for them, and what they share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """What a clean removes; ``--dry-run`` prints it."""

    folders: tuple[Path, ...]
    """Of runs, below ``.byoc/runs``, and what runs share."""
    size: int
    """Bytes in *folders*."""
    engine_runs: tuple[str, ...]
    """Runs of which the engine still has containers or networks."""
    images: tuple[str, ...]
    """Names in the engine."""

    def to_json(self) -> dict[str, object]:
        """Schema ``byoc/clean/1``."""
        return {
            "schema": "byoc/clean/1",
            "folders": [str(folder) for folder in self.folders],
            "bytes": self.size,
            "engine_runs": list(self.engine_runs),
            "images": list(self.images),
        }

    def lines(self) -> tuple[str, ...]:
        """For a person, one thing each; none if there is nothing."""
        return (
            *(f"run       {folder}" for folder in self.folders),
            *(f"engine    containers and network of {run}" for run in self.engine_runs),
            *(f"image     {image}" for image in self.images),
        )


def find_leftovers(
    project: Project,
    *,
    everything: bool,
    images: bool,
    talk: Talk,
    environ: Mapping[str, str] = os.environ,
) -> Leftovers:
    """What can go: runs but the latest and the newest good one, or *everything*; *images* if asked for.

    Without an engine only the folders are found (said on *talk*), unless *images* are asked for.
    """
    folders = _folders(project.state / "runs", everything=everything)
    try:
        with contextlib.closing(connect(environ)) as client:
            runs = tuple(run for run in left_runs(client, kept=True) if _is_ours(run, project))
            found = tuple(name for name in _built(project) if find_image(client, name)) if images else ()
    except ByocError as error:
        if images:
            raise
        talk.note(f"containers were not looked for: {error.what}")
        runs, found = (), ()
    return Leftovers(folders=folders, size=sum(map(_size, folders)), engine_runs=runs, images=found)


def remove_leftovers(project: Project, leftovers: Leftovers, environ: Mapping[str, str] = os.environ) -> None:
    """Remove exactly these. Raises ByocError (BYOC-E517) for a folder that may not be removed."""
    if leftovers.engine_runs or leftovers.images:
        with contextlib.closing(connect(environ)) as client:
            for run in leftovers.engine_runs:
                remove(client, f"{RUN}={run}")
            for image in leftovers.images:
                remove_image(client, image)
    for folder in leftovers.folders:
        _remove_folder(folder)
    latest = project.state / "runs" / "latest"
    if latest.is_symlink() and not latest.exists():
        latest.unlink()


def _is_ours(run: str, project: Project) -> bool:
    """Whether *run* is of *project*: by its folder, or, where that is gone, by the name of the image."""
    named = f"{re.escape(project.spec.image.name)}-[0-9-]+"
    return (project.state / "runs" / run).is_dir() or re.fullmatch(named, run) is not None


def _folders(runs: Path, *, everything: bool) -> tuple[Path, ...]:
    """The folders that can go; ``run serve`` still finds the model it would have taken."""
    found = {path for path in runs.glob("*") if path.is_dir() and not path.is_symlink()}
    best = newest_success(runs)
    kept = set() if everything else {(runs / "latest").resolve(), best.root if best else runs}
    fetched = [folder for name in KEPT if (folder := runs.with_name(name)).is_dir()] if everything else []
    return (*sorted(path for path in found if path not in kept), *fetched)


def _built(project: Project) -> tuple[str, ...]:
    """The name of the last build, if there was one."""
    try:
        return (read_last_build(project).name,)
    except ByocError:
        return ()


def _size(folder: Path) -> int:
    files = (Path(root, name) for root, _, names in os.walk(folder) for name in names)
    return sum(file.lstat().st_size for file in files)


def _remove_folder(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise ByocError(
            f"{folder} cannot be removed",
            why=f"{error.strerror}: {error.filename}",
            fix=f"files of a container belong to root: sudo rm -r {folder}",
            id="BYOC-E517",
        ) from error
