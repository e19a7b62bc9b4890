"""A container that hosts a model, ready to start: for an endpoint and for a batch transform."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from byoc_kit.job.container import ContainerPlan, Mount, serving_container
from byoc_kit.job.limits import job_name
from byoc_kit.job.variants import MODEL
from byoc_kit.local import tree
from byoc_kit.local.containers import Session
from byoc_kit.local.images import Place
from byoc_kit.local.models import prepare_model
from byoc_kit.local.multi_model import Model
from byoc_kit.talk import Talk
from byoc_kit.work.jobs import ContainerOptions, endpoint, job_base, serving_code, source_mounts
from byoc_kit.work.project import Project
from byoc_kit.work.start import opened, stamp, with_options

__all__ = ["Find", "Hosted", "find_model", "hosted", "job_stamp", "named_model", "scratch_folder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """A container that can start."""

    place: Place
    model: Path | None
    session: Session
    plan: ContainerPlan
    models: tuple[Model, ...] = ()
    """Of a multi-model endpoint."""


class Find:
    """Said in place of a model: the one that :func:`find_model` finds."""


@contextmanager
def hosted(
    project: Project | None,
    image: str | None,
    options: ContainerOptions,
    talk: Talk,
    *,
    model: "Path | Find | None",
    name: str,
) -> Iterator[Hosted]:
    """*image*, else the last build, with *model*, for a job called *name*; its port is any of this machine.

    Nothing is started. Raises ByocError.
    """
    with opened(project, image, talk) as place:
        found = find_model(project, place, talk) if isinstance(model, Find) else model
        job = endpoint(project, options, name=name, model=found)
        session = Session(place.client, job.name, talk=talk, keep=options.keep)
        with scratch_folder(place.state / "serve" / job.name) as scratch:
            folder = prepare_model(found, code=serving_code(project), scratch=scratch)
            plan = serving_container(
                job,
                image=place.image.id,
                mounts=(
                    *([Mount(folder, MODEL, read_only=True)] if folder else []),
                    *_live(project, options),
                ),
                network=session.network,
                port=0,
            )
            yield Hosted(place=place, model=found, session=session, plan=with_options(plan, options))


def job_stamp(project: Project | None, image: str | None) -> str:
    """A new name for a job of this project or image."""
    return job_name(job_base(project, image), stamp())


@contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """A folder that is gone at the end."""
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _live(project: Project | None, options: ContainerOptions) -> tuple[Mount, ...]:
    """The source over the code in the image; script-mode-2 and framework have it in the model already."""
    spec = project.spec.serve if project else None
    if not options.live or serving_code(project) is not None:
        return ()
    return source_mounts(project, spec.source if spec else None, live=True)


def find_model(project: Project | None, place: Place, talk: Talk) -> Path | None:
    """The newest successful run's, else ``[serve] model``, else none; which one is told."""
    newest = tree.newest_success(place.state / "runs")
    if newest is not None:
        talk.note(f"the model is that of the newest successful run, {newest.root.name}")
        return newest.model
    spec = project.spec.serve if project else None
    if project is not None and spec is not None and spec.model is not None:
        talk.note(f"no run has made a model yet: [serve] model, {spec.model}, is served")
        return (project.root / spec.model).resolve()
    talk.note("no run has made a model and none is named: the container gets none (INF-16)")
    return None


def named_model(model: Path | None) -> "Path | Find":
    """What a person said on the command line, or that it has to be found."""
    return Find() if model is None else model.expanduser().resolve()
