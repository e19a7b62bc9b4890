"""What is to be published, as far as it can be known without building."""

import contextlib
from collections.abc import Mapping

from byoc_kit.docker_api import connect
from byoc_kit.errors import ByocError, UsageError
from byoc_kit.images.push import find_image
from byoc_kit.oci.reference import Docker, Named, parse_image
from byoc_kit.plan.publish import Subject
from byoc_kit.work import build
from byoc_kit.work.git import read_source
from byoc_kit.work.key import key_of
from byoc_kit.work.project import Project
from byoc_kit.work.state import read_last_build

__all__ = ["find_subject", "in_engine"]


def find_subject(project: Project, image: str | None, environ: Mapping[str, str]) -> Subject:
    """*image* of the engine, else the project's last build if that is what a build would give now.

    Raises ByocError: UsageError for an image that cannot be published, BYOC-E602 where the engine lacks it.
    """
    published = project.spec.publish
    assert published is not None, "destination() comes first"
    key, image_id = _identity(project, image, environ)
    return Subject(
        platform=project.spec.image.platform,
        key=key,
        image_id=image_id,
        version=project.spec.image.version,
        further=published.tags,
        on_conflict=published.on_conflict,
        source=read_source(project.root),
    )


def in_engine(name: str, environ: Mapping[str, str]) -> str | None:
    """The id of the engine's image *name*; None: it has none."""
    with contextlib.closing(connect(environ)) as client:
        return find_image(client, name)


def _identity(
    project: Project, image: str | None, environ: Mapping[str, str]
) -> tuple[str | None, str | None]:
    """Content key and image id; without a plan of ours (another's image, a Dockerfile) the id is the key."""
    if image is not None:
        found = in_engine(_engine_name(image), environ)
        if found is None:
            raise _not_here(image)
        return found, found
    if project.spec.build.dockerfile:
        found = _last_build(project, None, environ)
        return found, found
    key = _content_key(project, environ)
    return key, _last_build(project, key, environ)


def _content_key(project: Project, environ: Mapping[str, str]) -> str:
    """The key that a build would have now."""
    return key_of(build.plan(project, environ=environ), project.root)


def _last_build(project: Project, key: str | None, environ: Mapping[str, str]) -> str | None:
    """The id of the last build, if it is still here and, where *key* is given, of that content."""
    try:
        built = read_last_build(project)
    except ByocError:
        return None
    return in_engine(built.image_id, environ) if key in {None, built.content_key} else None


def _engine_name(image: str) -> str:
    reference = parse_image(image)
    if isinstance(reference, Docker):
        return reference.name
    if isinstance(reference, Named):
        return str(reference)
    raise UsageError(
        f"{image} cannot be published yet",
        why="this release publishes images of the Docker engine",
        fix="`docker load` it and name it docker:NAME",
        id="BYOC-E603",
    )


def _not_here(image: str) -> ByocError:
    return ByocError(
        f"the engine has no image {image}",
        why="publishing takes an image from the local Docker engine",
        fix="check name and tag; `docker image ls` lists what is here",
        id="BYOC-E602",
    )
