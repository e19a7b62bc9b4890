"""With what an image is tried: what is asked for, else ``[verify]``, else the tables of the project."""

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import Any

from byoc_kit.contract.evidence import Case, File
from byoc_kit.errors import UsageError
from byoc_kit.job.arguments import hyperparameter
from byoc_kit.job.media import content_type
from byoc_kit.job.metrics import metrics
from byoc_kit.local import tree
from byoc_kit.spec.types import Spec, Verify
from byoc_kit.work.project import Project

__all__ = ["CaseOptions", "earlier_model", "make_case"]

NOTHING = Verify(
    request=None,
    expect=None,
    content_type=None,
    hyperparameters=None,
    channels=None,
    metrics=None,
    dynamic=True,
    time_limits={},
    waivers=(),
)
KINDS = ((S_ISREG, "file"), (S_ISDIR, "dir"), (S_ISLNK, "symlink"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOptions:
    """What can be asked of ``byoc verify`` about the case; each goes over what byoc.toml says."""

    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    """Name to a file or folder of this machine."""
    metrics: Mapping[str, str] = field(default_factory=dict)
    request: Path | None = None
    content_type: str | None = None
    expect: str | None = None
    model: Path | None = None


def make_case(project: Project | None, options: CaseOptions) -> Case:
    """The case for *project*, or for an image without one. Raises UsageError for files that are not there."""
    spec = project.spec if project else None
    asked = (spec.verify if spec else None) or NOTHING
    request = _request(project, asked, options)
    found = {**_own_channels(project, asked), **{k: Path(v) for k, v in options.channels.items()}}
    wanted = {**(_of_train(spec, asked, "metrics")), **options.metrics}
    metrics(wanted)
    typed = {**_of_train(spec, asked, "hyperparameters"), **options.hyperparameters}
    model = _there(options.model, "--model") if options.model else None
    return Case(
        hyperparameters={key: hyperparameter(value, sdk=False) for key, value in typed.items()},
        channels={name: str(_there(path, f"channel {name}")) for name, path in found.items()},
        inputs=_inputs(project, options),
        outputs=spec.process.outputs if spec and spec.process else (),
        metrics=wanted,
        model=str(model) if model else None,
        model_files=tuple(_listed(model)) if model else None,
        request=str(request) if request else None,
        content_type=_type(request, asked, options),
        expect=options.expect or asked.expect,
        time_limits=asked.time_limits,
        region=spec.publish.region if spec and spec.publish else None,
        **_code(project),
    )


def earlier_model(project: Project | None) -> Path | None:
    """What endpoints serve where nothing is trained: the newest run's model, else ``[serve] model``."""
    if project is None:
        return None
    newest = tree.newest_success(project.state / "runs")
    if newest is not None:
        return newest.model
    serve = project.spec.serve
    return (project.root / serve.model).resolve() if serve and serve.model else None


def _of_train(spec: Spec | None, asked: Verify, key: str) -> Mapping[str, Any]:
    """*key* of ``[verify]`` where it is written there, else of ``[train]``."""
    own: Mapping[str, Any] | None = getattr(asked, key)
    if own is not None:
        return own
    return getattr(spec.train, key) if spec and spec.train else {}


def _own_channels(project: Project | None, asked: Verify) -> Mapping[str, Path]:
    if project is None:
        return {}
    paths = _of_train(project.spec, asked, "channels")
    return {name: project.root / str(path) for name, path in paths.items()}


def _inputs(project: Project | None, options: CaseOptions) -> Mapping[str, str]:
    """What a processing job is given: the project's own inputs, and what ``--channel`` names."""
    process = project.spec.process if project else None
    own = {name: project.root / path for name, path in process.inputs.items()} if project and process else {}
    found = {**own, **{name: Path(path) for name, path in options.channels.items()}}
    return {name: str(_there(path, f"input {name}")) for name, path in found.items()}


def _request(project: Project | None, asked: Verify, options: CaseOptions) -> Path | None:
    if options.request is not None:
        return _there(options.request, "--request")
    if project is None or asked.request is None:
        return None
    return _there(project.root / asked.request, "[verify] request")


def _type(request: Path | None, asked: Verify, options: CaseOptions) -> str:
    by_name = content_type(PurePosixPath(request.name)) if request else "application/json"
    return options.content_type or asked.content_type or by_name


def _code(project: Project | None) -> dict[str, str]:
    """The code of a project whose image fetches it at the start of a job."""
    if project is None or project.spec.image.style.bakes_code or not project.spec.image.style.has_toolkit:
        return {}
    train, serve = project.spec.train, project.spec.serve
    return {
        **({"train_files": _folder(project, train.source), "train_program": train.program} if train else {}),
        **({"serve_files": _folder(project, serve.source), "serve_program": serve.program} if serve else {}),
    }


def _folder(project: Project, path: PurePosixPath) -> str:
    return str((project.root / path).resolve())


def _there(path: Path, what: str) -> Path:
    found = path.expanduser().resolve()
    if found.exists():
        return found
    raise UsageError(
        f"{what}: there is no {path}",
        why="the image is tried with it",
        fix="correct the path; those of byoc.toml are relative to its folder",
        id="BYOC-E606",
    )


def _listed(model: Path) -> Iterator[File]:
    """What a model.tar.gz, or a folder, holds (INF-15)."""
    if model.is_dir():
        for path in sorted(model.rglob("*")):
            yield _file(path.relative_to(model).as_posix(), path)
        return
    try:
        with tarfile.open(model) as archive:
            for member in archive:
                kind = "dir" if member.isdir() else "file" if member.isfile() else _linked(member)
                yield File(path=member.name, kind=kind, size=member.size, link=member.linkname)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UsageError(
            f"--model: {model} is no model archive",
            why=str(error),
            fix="name a folder, or a model.tar.gz",
            id="BYOC-E606",
        ) from error


def _linked(member: tarfile.TarInfo) -> str:
    return "symlink" if member.issym() or member.islnk() else "other"


def _file(name: str, path: Path) -> File:
    found = path.lstat()
    kind = next((word for is_one, word in KINDS if is_one(found.st_mode)), "other")
    link = str(path.readlink()) if kind == "symlink" else ""
    return File(path=name, kind=kind, size=found.st_size, mode=found.st_mode & 0o7777, link=link)
