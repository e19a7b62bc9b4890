"""``byoc doctor``: what on this machine would stop you, and the exact fix. No check changes anything."""

import contextlib
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from byoc_kit.docker_api import connect, endpoint
from byoc_kit.engines.command import find_docker
from byoc_kit.errors import ByocError, UsageError
from byoc_kit.images.http import Backoff, ca_bundle
from byoc_kit.images.keychain import docker_config
from byoc_kit.images.push import find_image
from byoc_kit.images.registry import RemoteRepository
from byoc_kit.images.session import Session
from byoc_kit.oci.reference import (
    Archive,
    Docker,
    Layout,
    Repository,
    is_loopback,
    parse_image,
    parse_repository,
)
from byoc_kit.work.accounts import Accounts, AwsOptions, accounts_of, with_options
from byoc_kit.work.checks import Check, Result, State, checked
from byoc_kit.work.doctor_aws import aws_checks, publishes_to_ecr
from byoc_kit.work.images import open_image
from byoc_kit.work.logins import logins
from byoc_kit.work.project import Project, find, load

__all__ = ["Check", "State", "examine"]

ROOM = 10_000_000_000
"""Bytes; below that a build on a base with a framework may not fit."""
LITTLE = 2_000_000_000
"""Bytes; below that hardly any build fits."""
AS_WRITTEN = AwsOptions()
HUB = "registry-1.docker.io"


def examine(
    file: Path | None = None, environ: Mapping[str, str] = os.environ, *, options: AwsOptions = AS_WRITTEN
) -> Iterator[Check]:
    """Look at one thing after the other; a project is looked at where there is one, or *file* names it.

    *options*: as whom AWS is asked, over what byoc.toml says.
    """
    machine: dict[str, Callable[[], Result]] = {
        "python": _python,
        "engine": lambda: _engine(environ),
        "builder": lambda: _builder(environ),
        "disk": lambda: _disk(environ),
        "certificates": lambda: _certificates(environ),
        "logins": lambda: _logins(environ),
    }
    for name, look in machine.items():
        yield checked(name, look)
    yield from _project_checks(file, environ, options)


def _project_checks(file: Path | None, environ: Mapping[str, str], options: AwsOptions) -> Iterator[Check]:
    if file is None and not _has_project():
        yield Check(name="project", state=State.OK, seen="none here: only the machine was looked at")
        return
    loaded: list[Project] = []

    def read() -> Result:
        loaded.append(with_options(load(file), options))
        return State.OK, f"{loaded[0].file} says what it must", ""

    yield checked("project", read)
    if loaded:
        yield checked("base", lambda: _base(loaded[0], environ))
        if loaded[0].spec.publish is not None and not publishes_to_ecr(loaded[0].spec.publish):
            yield checked("publish", lambda: _publish(loaded[0], environ))
        yield from aws_checks(loaded[0])


def _python() -> Result:
    return State.OK, f"{platform.python_version()} at {sys.executable}", ""


def _engine(environ: Mapping[str, str]) -> Result:
    with contextlib.closing(connect(environ)) as client:
        told = client.version()
    seen = f"Docker {told.get('Version')} ({told.get('Os')}/{told.get('Arch')}) at {endpoint(environ)}"
    return State.OK, seen, ""


def _builder(environ: Mapping[str, str]) -> Result:
    docker = find_docker(environ)
    seen = f"{docker.path} builds with BuildKit{' (buildx)' if docker.buildx else ''}"
    return State.OK, "; ".join([*docker.passed_over, seen]), ""


def _disk(environ: Mapping[str, str]) -> Result:
    """Where the engine keeps images, if that is this machine; else where we are."""
    place = Path.cwd()
    with contextlib.suppress(ByocError), contextlib.closing(connect(environ)) as client:
        root = Path(client.info().get("DockerRootDir") or "/nowhere")
        place = root if root.is_dir() else place
    free = shutil.disk_usage(place).free
    seen = f"{free / 1e9:,.1f} GB free in {place}"
    if free >= ROOM:
        return State.OK, seen, ""
    fix = "`docker image prune` and `docker builder prune` make room; `byoc clean` too"
    return State.WARN if free >= LITTLE else State.FAIL, seen, fix


def _certificates(environ: Mapping[str, str]) -> Result:
    found = ca_bundle(environ)
    if found is None:
        return State.OK, "the system's own", ""
    name, path = found
    if Path(path).is_file():
        return State.OK, f"{path} ({name})", ""
    return State.FAIL, f"{name} names {path}, which is not there", f"correct or unset {name}"


def _logins(environ: Mapping[str, str]) -> Result:
    keychain = docker_config(environ)
    return State.OK, f"{', '.join(keychain.hosts) or 'none'} ({keychain.path})", ""


def _base(project: Project, environ: Mapping[str, str]) -> Result:
    base = project.spec.image.base
    if project.spec.build.dockerfile is not None:
        return State.OK, f"{project.spec.build.dockerfile} says which", ""
    reference = parse_image(base)
    if isinstance(reference, Layout | Archive):
        with open_image(reference, platform=project.spec.image.platform, environ=environ) as image:
            return State.OK, f"{base} is there, for {image.config.platform}", ""
    with contextlib.suppress(ByocError), contextlib.closing(connect(environ)) as client:
        if find_image(client, reference.name if isinstance(reference, Docker) else base):
            return State.OK, f"{base} is in the engine", ""
    if isinstance(reference, Docker):
        return State.FAIL, f"the engine has no {base}", "build or load it, or correct [image] base"
    accounts = accounts_of(project.spec.publish)
    if _remote(_with_registry(reference.repository), environ, accounts).manifest(reference.target) is None:
        return State.FAIL, f"neither the engine nor its registry has {base}", "correct [image] base"
    return State.OK, f"{base} is in its registry; the first build pulls it", ""


def _publish(project: Project, environ: Mapping[str, str]) -> Result:
    assert project.spec.publish is not None
    repository = parse_repository(project.spec.publish.repository)
    assert repository.host is not None, "names without a registry are ECR's"
    tags = _remote(repository, environ).tags()
    seen = f"{repository} answers: {len(tags)} tags"
    if docker_config(environ)(repository.host) is None and not is_loopback(repository.host):
        return State.WARN, f"{seen}; nobody is logged in", f"`docker login {repository.host}`"
    return State.OK, seen, ""


def _with_registry(repository: Repository) -> Repository:
    """What the engine would ask: a name without a registry is Docker Hub's."""
    if repository.host not in {None, "docker.io"}:
        return repository
    path = repository.path if "/" in repository.path else f"library/{repository.path}"
    return Repository(HUB, path)


def _remote(
    repository: Repository, environ: Mapping[str, str], accounts: Accounts | None = None
) -> RemoteRepository:
    """A client that does not wait long."""
    once = Backoff(total=1, connect=0, raise_on_status=False)
    return RemoteRepository(
        Session(repository, keychain=logins(environ, accounts), environ=environ, actions="pull", backoff=once)
    )


def _has_project() -> bool:
    try:
        find(Path.cwd())
    except UsageError:
        return False
    return True
