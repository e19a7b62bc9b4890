"""``byoc render``: the Dockerfile of a project, a folder for plain ``docker build``, or the templates."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from byoc_kit import assets
from byoc_kit.docker_api import connect, inspect_image
from byoc_kit.engines.context import write_context
from byoc_kit.errors import ByocError, UsageError
from byoc_kit.images.daemon import known
from byoc_kit.inventory import Inventory
from byoc_kit.plan.render import eject_texts, render
from byoc_kit.plan.types import Rendered
from byoc_kit.spec.lock import Lock
from byoc_kit.store import user_store
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.plan import look_into, plan_of, templates_of
from byoc_kit.work.project import Project
from byoc_kit.work.state import lock_path, writing

__all__ = ["eject", "render_project", "write_folder"]

UNREACHABLE = {"BYOC-E301", "BYOC-E302"}
"""Errors that say: no engine answers."""


def render_project(
    project: Project, *, talk: Talk | None = None, environ: Mapping[str, str] = os.environ
) -> Rendered:
    """The Dockerfile of *project* and the list of files it needs, exactly as ``byoc build`` uses them.

    Versions are those of the lock, where the project has one. The base is looked into by the local engine,
    and pulled where it is missing. Where no engine answers, python3 of the base's PATH and apt-get are
    assumed, and *talk* is told. Raises UsageError.
    """
    voice = talk or Silence()
    made = plan_of(project, _seen(project, environ, voice), talk=voice)
    return render(replace(made, lock=_lock(project)), templates_of(project.root))


def write_folder(project: Project, rendered: Rendered, out: Path) -> None:
    """Write *rendered* as a build context to *out*, a folder that is empty or does not exist yet.

    ``docker build`` with BuildKit makes the same image of it; without secrets pip uses its default index.
    Raises UsageError where something is in the way.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(
            f"{out} is not empty",
            why="files that were there before would become part of the build",
            fix="name a new folder, or empty that one",
            id="BYOC-E215",
        )
    with writing(out):
        write_context(rendered, project.root, out)


def eject(project: Project) -> tuple[Path, ...]:
    """Write the templates of the project's style to its ``templates`` folder; the files written.

    Raises UsageError where one of them exists already: nothing is overwritten.
    """
    own = {path.name: path.read_text(encoding="utf-8") for path in assets.templates().glob("*.j2")}
    texts = eject_texts(project.spec.image.style.value, own)
    folder = project.root / "templates"
    taken = [name for name in texts if (folder / name).exists()]
    if taken:
        raise UsageError(
            f"templates/{taken[0]} exists already",
            why="your changes in it would be lost",
            fix="edit it, or remove it first",
            id="BYOC-E215",
        )
    with writing(folder):
        folder.mkdir(exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    return tuple(folder / name for name in texts)


def _lock(project: Project) -> Lock | None:
    """What the project's lock says is installed, where it has one."""
    if project.spec.build.dockerfile is not None or not lock_path(project).exists():
        return None
    from byoc_kit.work.lock import lock_as_written

    return lock_as_written(project)


def _seen(project: Project, environ: Mapping[str, str], talk: Talk) -> Inventory | None:
    """What is in the base, in the quickest way there is; None where no engine answers."""
    base, store = project.spec.image.base, user_store(environ)
    if project.spec.build.dockerfile is not None:
        return None
    try:
        found = inspect_image(base, environ)
        seen = known(found, base, store=store) if found else None
        if seen is not None:
            return seen
        with contextlib.closing(connect(environ)) as client:
            return look_into(project, client, store=store, talk=talk)
    except ByocError as error:
        if error.id not in UNREACHABLE:
            raise
        talk.note(f"{error.what}: the Dockerfile is written without a look into the base")
        return None
