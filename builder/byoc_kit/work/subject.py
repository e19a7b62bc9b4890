"""What is to be published, as far as it can be known without building."""

import contextlib
from collections.abc import Mapping
from dataclasses import replace

from byoc_kit.docker_api import answers, connect
from byoc_kit.errors import ByocError
from byoc_kit.images.push import find_image
from byoc_kit.oci.reference import Docker, Named, parse_image
from byoc_kit.plan.choose import DOCKER, LAYER
from byoc_kit.plan.publish import Subject, Way
from byoc_kit.plan.types import Plan
from byoc_kit.spec.lockfile import lock_name
from byoc_kit.spec.tag_templates import framework_of
from byoc_kit.work import build
from byoc_kit.work.accounts import accounts_of
from byoc_kit.work.git import read_source
from byoc_kit.work.images import open_image
from byoc_kit.work.key import key_of
from byoc_kit.work.project import Project
from byoc_kit.work.state import read_last_build

__all__ = ["find_subject", "in_engine"]


def find_subject(project: Project, image: str | None, environ: Mapping[str, str]) -> Subject:
    """*image*, else the project's last build if that is what a build would give now, else a build.

    Raises ByocError: BYOC-E602 where *image* is not there.
    """
    published = project.spec.publish
    assert published is not None, "destination() comes first"
    way, key, image_id = _identity(project, image, environ)
    return Subject(
        platform=project.spec.image.platform,
        key=key,
        image_id=image_id,
        way=way,
        version=project.spec.image.version,
        further=published.tags,
        values=_values(project),
        on_conflict=published.on_conflict,
        oci=published.oci,
        source=read_source(project.root, {lock_name(project.file.name)}),
    )


def _values(project: Project) -> dict[str, str | None]:
    """What the fields of tags mean, as far as byoc.toml tells."""
    image = project.spec.image
    return {
        "name": image.name.replace("/", "-"),
        "style": image.style.value,
        "framework": framework_of(image.base),
        "arch": image.platform.architecture,
    }


def in_engine(name: str, environ: Mapping[str, str]) -> str | None:
    """The id of the engine's image *name*; None: it has none."""
    with contextlib.closing(connect(environ)) as client:
        return find_image(client, name)


def _identity(
    project: Project, image: str | None, environ: Mapping[str, str]
) -> tuple[Way, str | None, str | None]:
    """Way, content key and image id; without a plan of ours (an IMAGE, a Dockerfile) the id is the key."""
    if image is not None:
        reference = parse_image(image)
        if isinstance(reference, Docker) or (isinstance(reference, Named) and not reference.repository.host):
            found = in_engine(reference.name if isinstance(reference, Docker) else image, environ)
            if found is None:
                raise _not_here(image)
            return "push", found, found
        accounts = accounts_of(project.spec.publish)
        wanted = project.spec.image.platform
        with open_image(reference, platform=wanted, environ=environ, accounts=accounts) as there:
            return "copy", there.manifest.config.digest, there.manifest.config.digest
    if project.spec.build.dockerfile:
        found = _last_build(project, None, environ)
        return "push", found, found
    tried = _tried(project, environ)
    if tried is not None:
        return "push", *tried
    plan = _planned(project, environ)
    key = key_of(plan, project.root)
    return ("layer" if plan.engine.name == LAYER else "push"), key, None


def _planned(project: Project, environ: Mapping[str, str]) -> Plan:
    """What a build would do. Where a lock exists the layer engine is asked first, and no Docker."""
    options = _usual(project, environ)
    if options.output == "registry" and project.spec.build.engine == "auto":
        with contextlib.suppress(
            ByocError
        ):  # then the engine that fits is looked for, and tells what is wrong
            alone = replace(options, engine=LAYER)
            return build.plan(project, environ=environ, options=alone, costs=False)
    return build.plan(project, environ=environ, options=options, costs=False)


def _usual(project: Project, environ: Mapping[str, str]) -> "build.BuildOptions":
    """Straight into the registry where a lock says what goes into the image, or no Docker engine answers.

    Without a lock each resolution is another image: then the engine whose builds can be run here is kept.
    """
    lock = project.root / lock_name(project.file.name)
    local = not lock.exists() and answers(environ)
    return build.BuildOptions(output="docker" if local else "registry")


def _tried(project: Project, environ: Mapping[str, str]) -> tuple[str, str | None] | None:
    """Key and id of the Docker engine's last build, if that is what a build there would give now.

    That is the image that was run here: it is published, and none that the layer engine would make. The id
    is None where the engine does not have the image any more; the registry may.
    """
    try:
        built = read_last_build(project)
    except ByocError:
        return None
    if built.content_key is None or built.engine != DOCKER:
        return None
    options = build.BuildOptions(engine=DOCKER, output="docker")
    key = key_of(build.plan(project, environ=environ, options=options, costs=False), project.root)
    return (key, _last_build(project, key, environ)) if key == built.content_key else None


def _last_build(project: Project, key: str | None, environ: Mapping[str, str]) -> str | None:
    """The id of the last build, if it is still here and, where *key* is given, of that content."""
    try:
        built = read_last_build(project)
    except ByocError:
        return None
    return in_engine(built.image_id, environ) if key in {None, built.content_key} else None


def _not_here(image: str) -> ByocError:
    return ByocError(
        f"the engine has no image {image}",
        why="publishing takes an image from the local Docker engine",
        fix="check name and tag; `docker image ls` lists what is here",
        id="BYOC-E602",
    )
