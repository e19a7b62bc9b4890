"""Where a build finds its base and puts its image: names of byoc.toml and of options as locations."""

import os
from pathlib import Path

from byoc_kit.errors import UsageError
from byoc_kit.oci.reference import (
    Archive,
    Docker,
    Layout,
    Location,
    Named,
    Repository,
    parse_location,
    parse_repository,
)
from byoc_kit.plan.output import parse_output
from byoc_kit.plan.tags import content_tag
from byoc_kit.plan.types import Output
from byoc_kit.work.accounts import in_ecr
from byoc_kit.work.project import Project

__all__ = ["base_location", "destination", "output_of", "place_of"]

IMAGE = "image"
"""Below the project's state: the layout that a build without engine and without output writes."""


def base_location(project: Project) -> Location:
    """The base that byoc.toml names; paths are relative to that file."""
    location = parse_location(project.spec.image.base)
    match location:
        case Layout(directory, digest):
            return Layout(str(project.root / directory), digest)
        case Archive(file):
            return Archive(str(project.root / file))
        case _:
            return location


def destination(project: Project) -> Repository:
    """The repository that byoc.toml names; without a registry, or with ``ecr:``, of the account's own ECR.

    Raises UsageError: BYOC-E514 where byoc.toml names none, BYOC-E816 where no region is known; ByocError
    where AWS has to tell whose account it is, and does not.
    """
    table = project.spec.publish
    if table is None:
        raise UsageError(
            f"{project.file.name} does not say where to publish to",
            why="there is no [publish] table",
            fix=f'write [publish] repository = "sagemaker/{project.spec.image.name}", which means the own '
            "account's ECR, or a whole registry/path",
            id="BYOC-E514",
        )
    if table.repository.startswith("ecr:"):
        return in_ecr(table)
    repository = parse_repository(table.repository)
    return repository if repository.host else in_ecr(table)


def output_of(project: Project, text: str | None, *, daemon: bool) -> Output:
    """What *text* (``--output``) means here; None: the engine if one answers, else a layout of the project.

    Raises UsageError for no output, and where ``registry`` is meant and byoc.toml names none.
    """
    if text is None:
        if daemon:
            return Output(kind="docker")
        return Output(kind="oci", where=str(project.state / IMAGE))
    output = parse_output(text)
    if output.kind == "registry":
        return Output(kind="registry", where=str(destination(project)))
    if output.where is not None:
        return Output(kind=output.kind, where=os.path.normpath(Path.cwd() / Path(output.where).expanduser()))
    return output


def place_of(output: Output, *, name: str, key: str) -> Location:
    """*output* for an image called *name* (``repository:tag``) with the content key *key*, as a location."""
    match output.kind:
        case "docker":
            return Docker(name)
        case "oci":
            return Layout(output.where or "")
        case "docker-archive":
            return Archive(output.where or "")
        case "registry":
            return Named(parse_repository(output.where or ""), tag=content_tag(key))
