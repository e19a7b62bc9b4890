"""``byoc run transform``: a batch transform of local files, in one container, as the service would do it."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from byoc_kit.aws.job_file import read_job_file
from byoc_kit.aws.s3 import fetch_prefix
from byoc_kit.errors import ByocError, UsageError
from byoc_kit.job.batches import Split, Strategy
from byoc_kit.job.joining import DataProcessing
from byoc_kit.job.jsonpath import parse
from byoc_kit.job.limits import job_name
from byoc_kit.job.media import content_type
from byoc_kit.job.s3 import SCHEME
from byoc_kit.job.transform import (
    Assemble,
    Compression,
    Parameters,
    TransformJob,
    check_transform,
    environment,
    parameters,
    told_parameters,
)
from byoc_kit.job.transform_request import MEMBERS, TransformRequest, read_transform_request
from byoc_kit.local import serving
from byoc_kit.local.serving import Server
from byoc_kit.local.transform import Input, Transformed, find_inputs, transform
from byoc_kit.talk import Talk
from byoc_kit.work.fetch import place_of, state_of
from byoc_kit.work.hosting import Hosted, hosted, named_model
from byoc_kit.work.jobs import ContainerOptions, job_base
from byoc_kit.work.project import Project
from byoc_kit.work.start import shell, stamp

__all__ = ["TransformOptions", "TransformResult", "run_transform", "shell_transform"]

OPERATION = "CreateTransformJob"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformOptions(ContainerOptions):
    """What can be asked of ``byoc run transform``; None: the job file's word, else as TransformJob says."""

    source: str | Path | None = None
    """A file, a folder of files, or ``s3://BUCKET/PREFIX``."""
    fetch: bool = False
    """Fetch what the job file names in S3, where no *source* stands in for it."""
    into: Path | None = None
    """Where the ``.out`` files go; None: a new folder below ``.byoc/runs``."""
    model: Path | None = None
    """A folder or a model.tar.gz; None: as ``byoc run serve``."""
    job_file: Path | None = None
    """A CreateTransformJob request as JSON."""
    content_type: str | None = None
    """None: by the name of the first file."""
    accept: str | None = None
    split: Split | None = None
    compression: Compression | None = None
    assemble: Assemble | None = None
    strategy: Strategy | None = None
    max_payload: int | None = None
    max_concurrent: int | None = None
    timeout: int | None = None
    """Seconds one answer may take."""
    retries: int | None = None
    join: bool | None = None
    input_filter: str | None = None
    output_filter: str | None = None
    startup: float = serving.STARTUP
    """Seconds until the first good ping (INF-04)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformResult:
    """A transform that went well."""

    image: str
    model: Path | None
    output: Path
    """The folder with the ``.out`` files."""
    files: tuple[Transformed, ...]
    parameters: Parameters
    seconds: float
    """From the first request to the last answer."""


def run_transform(
    project: Project | None, *, image: str | None = None, options: TransformOptions, talk: Talk
) -> TransformResult:
    """Transform the files; Ctrl-C leaves only whole outputs. Raises ByocError, also for one bad file."""
    job, inputs = _job(project, image, options, talk)
    with _hosted(project, image, options, job, talk) as ready:
        run = ready.place.state / "runs" / job.name
        into = (options.into or run / "output").absolute()
        _refuse_inside(into, Path(job.source))
        _make(run, into)
        talk.say(f"transforming {len(inputs)} file{'s' * (len(inputs) != 1)} in {ready.place.image.name}")
        with serving.serving(
            ready.plan, ready.session, log=run / "log", timeout=options.startup, talk=talk
        ) as server:
            agreed = _agreed(job, server, talk)
            begun = time.monotonic()
            files = transform(job, agreed, inputs, into, server, talk)
            seconds = time.monotonic() - begun
        result = _result(ready, into, files, agreed, seconds)
    _record(run, result)
    _refuse_failures(files, into)
    talk.say(_summary(files, seconds))
    return result


def shell_transform(
    project: Project | None, *, image: str | None = None, options: TransformOptions, talk: Talk
) -> None:
    """Open a shell where the service would start serving for a transform."""
    job, _ = _job(project, image, options, talk)
    with _hosted(project, image, options, job, talk) as ready:
        shell(ready.place, ready.plan, ready.session, talk)


@contextmanager
def _hosted(
    project: Project | None, image: str | None, options: TransformOptions, job: TransformJob, talk: Talk
) -> Iterator[Hosted]:
    models = replace(options, environment={})  # the job's own variables are not the model's
    with hosted(project, image, models, talk, model=named_model(options.model), name=job.name) as ready:
        yield replace(ready, plan=replace(ready.plan, env={**ready.plan.env, **environment(job)}))


def _result(
    ready: Hosted, into: Path, files: tuple[Transformed, ...], agreed: Parameters, seconds: float
) -> TransformResult:
    return TransformResult(
        image=ready.place.image.reference,
        model=ready.model,
        output=into,
        files=files,
        parameters=agreed,
        seconds=round(seconds, 3),
    )


def _job(
    project: Project | None, image: str | None, options: TransformOptions, talk: Talk
) -> tuple[TransformJob, tuple[Input, ...]]:
    """The job within the service's limits, and its files. Raises UsageError."""
    request = _request(options, talk)
    source = _source(project, options, request, talk)
    inputs = find_inputs(source)
    if not inputs:
        raise _nothing_to_do(source, "there is no file in it")
    asked = {name: getattr(options, name) for name in MEMBERS if name != "environment"}
    members: dict[str, Any] = dict(request.members) if request else {}
    members |= {name: value for name, value in asked.items() if value is not None}
    members["environment"] = {**members.get("environment", {}), **options.environment}
    members.setdefault("content_type", _content_type(inputs[0].path, members.get("compression")))
    job = TransformJob(
        name=job_name(request.name if request else job_base(project, image), stamp()),
        source=source,
        processing=_processing(members),
        **members,
    )
    check_transform(job)
    return job, inputs


def _content_type(first: Path, compression: Compression | None) -> str:
    zipped = compression == "Gzip" and first.suffix.lower() in {".gz", ".gzip"}
    return content_type(first.with_suffix("") if zipped else first)


def _processing(members: dict[str, Any]) -> DataProcessing:
    """Takes its own members out of *members*."""
    filters = {
        name: parse(members.pop(name), option=f"--{name.replace('_', '-')}")
        for name in ("input_filter", "output_filter")
        if name in members
    }
    return DataProcessing(join=members.pop("join", False), **filters)


def _request(options: TransformOptions, talk: Talk) -> TransformRequest | None:
    if options.job_file is None:
        return None
    document = read_job_file(options.job_file, OPERATION)
    request = read_transform_request(document, name=str(options.job_file))
    if request.ignored:
        talk.note(f"{options.job_file}: without effect on this machine: {', '.join(request.ignored)}")
    return request


def _source(
    project: Project | None, options: TransformOptions, request: TransformRequest | None, talk: Talk
) -> Path:
    """The file or folder to transform, fetched where that is asked for. Raises ByocError."""
    asked = request.uri if options.source is None and options.fetch and request else options.source
    if asked is None:
        where = f"the job file's data are at {request.uri}" if request else "nothing says what to transform"
        raise UsageError(
            "no input is given",
            why=f"{where}; byoc run transform takes files of this machine, and fetches only when told to",
            fix="add --input with a file, a folder or s3://...; --fetch takes what a job file names",
            id="BYOC-E464",
        )
    if str(asked).startswith(SCHEME):
        folder = place_of(state_of(project), str(asked))
        fetch_prefix(str(asked), folder, talk)
        return folder
    source = Path(asked).expanduser().absolute()
    if not source.exists():
        raise _nothing_to_do(source, "it is not there")
    return source


def _nothing_to_do(source: Path, why: str) -> UsageError:
    return UsageError(
        f"the input {source} cannot be transformed",
        why=why,
        fix="name a file, or a folder with files, with --input",
        id="BYOC-E464",
    )


def _refuse_inside(into: Path, source: Path) -> None:
    """Outputs among the inputs would be the next transform's input; hidden folders are never input."""
    below = into.parts[len(source.parts) :] if into.is_relative_to(source) else (".elsewhere",)
    if source.is_dir() and not any(part.startswith(".") for part in below):
        raise UsageError(
            f"the output {into} is inside the input",
            why="the next transform would take these outputs for input",
            fix="give --output a folder beside it, or leave it out",
            id="BYOC-E464",
        )


def _make(*folders: Path) -> None:
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"the folder {folder} cannot be made",
                why=f"{error.strerror}: {error.filename}",
                fix="give another one with --output, or change its owner",
                id="BYOC-E464",
            ) from error


def _agreed(job: TransformJob, server: Server, talk: Talk) -> Parameters:
    """What holds for the requests: the container is asked (BAT-02)."""
    answer = server.ask("GET", "/execution-parameters", b"", {}, seconds=serving.PING)
    told: Mapping[str, Any] = {}
    if answer.status == 200:
        try:
            told = told_parameters(json.loads(answer.body))
        except ValueError as error:
            raise ByocError(
                "the container's /execution-parameters cannot be used",
                why=f"{error} (BAT-02)",
                fix="answer 404, or JSON with MaxConcurrentTransforms, BatchStrategy and MaxPayloadInMB",
                id="BYOC-E465",
                details=[answer.body[:200].decode(errors="replace")],
            ) from error
    agreed = parameters(job, told)
    says = "the container asks for" if told else "the container says nothing of batches, so"
    payload = f"{agreed.max_payload} MB" if agreed.max_payload else "any size, in chunks"
    talk.say(f"{says} {agreed.max_concurrent} at a time, {agreed.strategy}, {payload}")
    return agreed


def _record(run: Path, result: TransformResult) -> None:
    """``job.json``, beside the log: what was done, whole or not at all."""
    content = {
        "schema": "byoc/run-transform/1",
        "status": "Failed" if any(file.failure for file in result.files) else "Completed",
        "image": result.image,
        "output": str(result.output),
        "seconds": result.seconds,
    }
    fresh = run / ".job.json"
    fresh.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    fresh.replace(run / "job.json")


def _refuse_failures(files: tuple[Transformed, ...], into: Path) -> None:
    """Raise ByocError if a file failed; the others have their outputs, as in the cloud."""
    failed = [file for file in files if file.failure]
    if not failed:
        return
    good = len(files) - len(failed)
    raise ByocError(
        f"{len(failed)} of {len(files)} files could not be transformed",
        why="a file fails as a whole, for its output would not be in the order of its records",
        fix="read the container's log above; send what input_fn reads, or mend what is named here",
        id="BYOC-E463",
        details=[
            *(f"{file.name}: {file.failure}" for file in failed[:20]),
            *([f"{good} outputs are in {into}"] if good else []),
        ],
    )


def _summary(files: tuple[Transformed, ...], seconds: float) -> str:
    records, requests = sum(file.records for file in files), sum(file.requests for file in files)
    rate = records / seconds if seconds else 0.0
    return f"{records:,} records in {requests:,} requests, {seconds:.1f} s, {rate:,.0f} records/s"
