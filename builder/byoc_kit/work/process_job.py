"""From a project, the options of a run and perhaps a job file to the processing job that is to run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from byoc_kit.aws.job_file import read_job_file
from byoc_kit.errors import UsageError
from byoc_kit.job.container import Mount
from byoc_kit.job.limits import check_processing, job_name
from byoc_kit.job.processing import (
    PLACE,
    ProcessingInput,
    ProcessingJob,
    ProcessingOutput,
    input_argument,
    output_argument,
)
from byoc_kit.job.processing_request import ProcessingRequest, RequestedInput, read_processing_request
from byoc_kit.job.s3 import SCHEME, S3Uri
from byoc_kit.job.types import host_names
from byoc_kit.talk import Talk
from byoc_kit.work.fetch import place_of, state_of
from byoc_kit.work.jobs import DEFAULT_RUNTIME, PROGRAM, ContainerOptions, region, source_mounts
from byoc_kit.work.project import Project

__all__ = ["ProcessOptions", "live_code", "processing_job"]

Words = tuple[str, ...] | None
CODE = PLACE / "input" / "code"  # where both SDKs put sourcedir.tar.gz, to be unpacked there (PRC-10)
BUCKET = "s3://byoc-local"  # stands in config files for where a real job would have its data


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessOptions(ContainerOptions):
    """What can be asked of ``byoc run process``."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    """Name to ``PATH[:LOCALPATH]``, PATH of this machine or ``s3://...``; over byoc.toml or the job file."""
    outputs: Sequence[str] = ()
    """``NAME[:LOCALPATH]``; over those of byoc.toml or the job file."""
    fetch: bool = False
    """Fetch the job file's inputs from S3 where nothing of this machine stands in for them."""
    entrypoint: Sequence[str] | None = None
    """ContainerEntrypoint; None: the job file's, else the image's own (PRC-01)."""
    arguments: Sequence[str] | None = None
    """ContainerArguments; None: the job file's, else the image's CMD (PRC-01)."""
    job_file: Path | None = None
    """A CreateProcessingJob request as JSON; it replaces what byoc.toml says of the job."""
    instance_type: str | None = None
    """What the config file says; None: the job file's, else ml.m5.xlarge."""
    hosts: int | None = None
    """How many hosts; None: the job file's, else 1."""
    time_limit: float | None = None
    """Seconds; None: the job file's, else a day (PRC-08)."""
    isolated: bool = False
    """No network but between the hosts (NetworkConfig.EnableNetworkIsolation)."""


def processing_job(
    project: Project | None, options: ProcessOptions, *, image: str, base: str, stamp: str, talk: Talk
) -> ProcessingJob:
    """The job to run, within the service's limits; *stamp* makes its name unique. Raises UsageError."""
    request = _request(options, talk)
    name = job_name(request.name if request else base, stamp)
    entrypoint, arguments = _words(options, request)
    job = ProcessingJob(
        name=name,
        image=request.image if request else image,
        outputs=tuple(_outputs(project, options, request, name)),
        environment={**(request.environment if request else {}), **options.environment},
        hosts=_hosts(options, request),
        instance_type=options.instance_type or (request.instance_type if request else "ml.m5.xlarge"),
        region=region(project, options),
        max_runtime=round(options.time_limit or (request and request.max_runtime) or DEFAULT_RUNTIME),
        isolated=options.isolated or bool(request and request.isolated),
        entrypoint=entrypoint,
        arguments=arguments,
    )
    job = replace(job, inputs=tuple(_inputs(project, options, request, job)))
    if request:
        job = replace(job, role=request.role, volume=request.volume)
    check_processing(job)
    return job


def _request(options: ProcessOptions, talk: Talk) -> ProcessingRequest | None:
    if options.job_file is None:
        return None
    document = read_job_file(options.job_file, "CreateProcessingJob")
    request = read_processing_request(document, name=str(options.job_file))
    if request.ignored:
        talk.note(f"{options.job_file}: without effect on this machine: {', '.join(request.ignored)}")
    talk.note(f"{options.job_file}: ImageUri is not used; give IMAGE to run another than the last build")
    return request


def _words(options: ProcessOptions, request: ProcessingRequest | None) -> tuple[Words, Words]:
    """Entrypoint and arguments. An entrypoint of the command line leaves no arguments of the file's."""
    entrypoint = request.entrypoint if request else None
    arguments = request.arguments if request else None
    if options.entrypoint is not None:
        entrypoint, arguments = tuple(options.entrypoint), None
    if options.arguments is not None:
        arguments = tuple(options.arguments)
    return entrypoint, arguments


def _hosts(options: ProcessOptions, request: ProcessingRequest | None) -> tuple[str, ...]:
    count = options.hosts if options.hosts is not None else (request.instance_count if request else 1)
    if count < 1:
        raise UsageError(
            f"a processing job cannot have {count} hosts",
            why="at least one container has to be started",
            fix="give --hosts 1 or more, or leave it out",
            id="BYOC-E446",
        )
    return host_names(count)


def _outputs(
    project: Project | None, options: ProcessOptions, request: ProcessingRequest | None, job: str
) -> Iterator[ProcessingOutput]:
    """The job file's, else byoc.toml's; those of the command line over them."""
    asked = dict(output_argument(text) for text in options.outputs)
    spec = project.spec.process if project and request is None else None
    wanted = {output.name: output for output in (request.outputs if request else ())}
    for name in dict.fromkeys([*wanted, *(spec.outputs if spec else ()), *asked]):
        usual = wanted.get(name) or ProcessingOutput(
            name=name, target=PLACE / "output" / name, uri=f"{BUCKET}/{job}/output/{name}"
        )
        yield replace(usual, target=asked.get(name) or usual.target)


def _inputs(
    project: Project | None, options: ProcessOptions, request: ProcessingRequest | None, job: ProcessingJob
) -> Iterator[ProcessingInput]:
    """The job file's, for which data are named here, else byoc.toml's; the command line's over them."""
    asked = {name: input_argument(text, name) for name, text in options.inputs.items()}
    spec = project.spec.process if project else None
    own = {
        name: (project.root if project else Path()) / path
        for name, path in (spec.inputs if spec else {}).items()
    }
    wanted = {given.name: given for given in (request.inputs if request else ())}
    missing = [given for name, given in wanted.items() if name not in asked and name not in own]
    if not options.fetch:
        _require_data(missing)
    remote = {given.name: given.uri for given in missing}
    for name in dict.fromkeys([*(wanted or own), *asked]):
        path, place = asked.get(name) or (str(own.get(name) or remote[name]), None)
        usual = wanted.get(name) or RequestedInput(
            name=name, uri=f"{BUCKET}/{job.name}/input/{name}", target=PLACE / "input" / name
        )
        fetched = path.startswith(SCHEME)
        uri = str(S3Uri.parse(path)) if fetched else usual.uri
        yield ProcessingInput(
            name=name,
            source=place_of(state_of(project), uri) if fetched else Path(path).expanduser().resolve(),
            target=place or usual.target,
            uri=uri,
            distribution=usual.distribution,
            fetched=fetched,
            writable=_holds_the_program(place or usual.target, job),
        )


def _require_data(missing: Sequence[RequestedInput]) -> None:
    if missing:
        raise UsageError(
            f"{len(missing)} input{'s' * (len(missing) > 1)} of the job file need data of this machine",
            why="nothing is fetched from S3 unless you ask for it",
            fix="add "
            + " ".join(f"--input {given.name}=PATH" for given in missing)
            + "; or fetch them: --fetch",
            id="BYOC-E442",
            details=[f"input {given.name}: {given.uri}" for given in missing],
        )


def _holds_the_program(target: PurePosixPath, job: ProcessingJob) -> bool:
    """Whether code lies at *target*, which may unpack beside itself.

    The SDK has one place for it (PRC-10); elsewhere a word of the command names a file below.
    """
    if target == CODE:
        return True
    words = (*(job.entrypoint or ()), *(job.arguments or ()))
    return any(target in PurePosixPath(word).parents for word in words if word.startswith("/"))


def live_code(project: Project | None, options: ProcessOptions) -> tuple[Mount, ...]:
    """With ``--live`` the project's own source over the code in the image. Raises UsageError if in vain."""
    if not options.live:
        return ()
    spec = project.spec.process if project else None
    source_mounts(project, spec.source if spec else None, live=True)  # raises where there is nothing to mount
    assert project is not None
    assert spec is not None
    return (Mount((project.root / spec.source).resolve(), PROGRAM, read_only=True),)
