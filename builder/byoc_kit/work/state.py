"""What a build leaves behind for later commands: ``.byoc/last-build.json``, schema ``byoc/built/1``."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.oci.config import Platform
from byoc_kit.plan.key import plain
from byoc_kit.plan.types import Built
from byoc_kit.spec.lockfile import lock_name
from byoc_kit.work.project import Project

__all__ = ["built_json", "keep_out_of_git", "lock_path", "read_last_build", "write_last_build", "writing"]

SCHEMA = "byoc/built/1"
FILE = "last-build.json"


def built_json(built: Built) -> dict[str, object]:
    """*built* for machines."""
    return {"schema": SCHEMA, **plain(built)}


def read_last_build(project: Project) -> Built:
    """What ``byoc build`` built last. Raises ByocError where there is nothing that can be read."""
    path = project.state / FILE
    try:
        return _built(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ByocError(
            f"{project.spec.image.name} has not been built yet",
            why=f"there is no {path}",
            fix="run `byoc build` first, or name an image",
            id="BYOC-E314",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ByocError(
            f"{path} cannot be read",
            why=f"it is not what a build of this version leaves ({error})",
            fix="run `byoc build` again",
            id="BYOC-E314",
        ) from error


def write_last_build(project: Project, built: Built) -> None:
    """Remember *built*: whole or not at all."""
    keep_out_of_git(project)
    path = project.state / FILE
    new = path.with_suffix(".new")
    with writing(path):
        new.write_text(json.dumps(built_json(built), indent=2, sort_keys=True) + "\n", encoding="utf-8")
        new.replace(path)


def lock_path(project: Project) -> Path:
    """Where the lock of *project* is, or would be: beside its byoc.toml."""
    return project.root / lock_name(project.file.name)


def keep_out_of_git(project: Project) -> None:
    """Make the state folder, ignored by git wherever the project is."""
    ignore = project.state / ".gitignore"
    with writing(project.state):
        project.state.mkdir(exist_ok=True)
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell an OSError of this block as UsageError about *path*."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written",
            why=str(error.strerror or error),
            fix="correct the permissions of the folder, or what stands in its place, or free some space",
            id="BYOC-E315",
        ) from error


def _built(data: Mapping[str, Any]) -> Built:
    if data["schema"] != SCHEMA:
        raise ValueError(f"its schema is {data['schema']!r}")
    return Built(
        reference=data["reference"],
        name=data["name"],
        image_id=data["image_id"],
        engine=data["engine"],
        platform=Platform.parse(data["platform"]),
        size=data["size"],
        seconds=data["seconds"],
        content_key=data.get("content_key"),
        steps=data.get("steps") or {},
    )
