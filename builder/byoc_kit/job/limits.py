"""SageMaker's limits on a job; the service refuses a request that breaks one, so byoc does too."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from byoc_kit.errors import UsageError
from byoc_kit.job.processing import PLACE, ProcessingJob
from byoc_kit.job.types import ServeJob, TrainingJob

__all__ = ["check_endpoint", "check_processing", "check_training", "job_name"]

JOB_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")  # api:TrainingJobName
CHANNEL_NAME = re.compile(r"[A-Za-z0-9.\-_]{1,64}")  # CFG-10
ENV_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")  # ENV-01, INF-17
ENTRIES = 100  # of hyperparameters (CFG-01), of environments (ENV-01, INF-17)
PROCESSING_ENDS = 10  # inputs, and outputs, of a processing job (PRC-05)
PROCESSING_TIME = 777_600  # seconds (PRC-08)
METRICS, METRIC_NAME, METRIC_REGEX = 40, 255, 500  # definitions, characters (TRN-13)
MODEL_ENV_BYTES = 32 * 1024  # whole environment of a model (INF-17)


def job_name(base: str, suffix: str) -> str:
    """A TrainingJobName from an image's name: letters, digits and dashes, at most 63 with ``-suffix``."""
    cleaned = re.sub(r"[^a-zA-Z0-9]+", "-", base.rpartition("/")[2]).strip("-") or "byoc"
    return f"{cleaned[: 62 - len(suffix)].rstrip('-')}-{suffix}"


def check_training(job: TrainingJob) -> None:
    """Raise one UsageError that tells every limit *job* breaks."""
    _refuse("the training job", _training(job))


def check_processing(job: ProcessingJob) -> None:
    """Raise one UsageError that tells every limit *job* breaks."""
    _refuse("the processing job", _processing(job))


def check_endpoint(job: ServeJob) -> None:
    """Raise one UsageError that tells every limit of CreateModel that *job* breaks (INF-17)."""
    _refuse("the endpoint", _environment(job.environment, most=1024, clause="INF-17", total=MODEL_ENV_BYTES))


def _refuse(thing: str, found: Iterable[str]) -> None:
    problems = tuple(found)
    if problems:
        raise UsageError(
            f"{thing} breaks {len(problems)} of SageMaker's limits",
            why="the service would refuse the request; better here than there",
            fix="shorten, rename or leave out what is named above",
            id="BYOC-E407",
            details=problems,
        )


def _training(job: TrainingJob) -> Iterator[str]:
    if not JOB_NAME.fullmatch(job.name):
        yield f"job name {job.name!r}: 1 to 63 letters, digits and single dashes between them are allowed"
    yield from _hyperparameters(job.hyperparameters)
    yield from _channels([channel.name for channel in job.channels])
    yield from _environment(job.environment, most=512, clause="ENV-01")
    yield from _words("entrypoint", job.entrypoint)
    yield from _words("arguments", job.arguments)
    yield from _metrics(job.metrics)


def _metrics(definitions: Mapping[str, str]) -> Iterator[str]:
    if len(definitions) > METRICS:
        yield f"metrics: {len(definitions)} of them, {METRICS} are allowed (TRN-13)"
    for name, regex in definitions.items():
        if not 0 < len(name) <= METRIC_NAME:
            yield f"metric {_short(name)}: a name of 1 to {METRIC_NAME} characters is allowed (TRN-13)"
        if not 0 < len(regex) <= METRIC_REGEX:
            yield f"metric {_short(name)}: {len(regex)} characters, 1 to {METRIC_REGEX} are allowed (TRN-13)"


def _processing(job: ProcessingJob) -> Iterator[str]:
    if not JOB_NAME.fullmatch(job.name):
        yield f"job name {job.name!r}: 1 to 63 letters, digits and single dashes between them are allowed"
    yield from _ends("input", [(given.name, given.target) for given in job.inputs])
    yield from _ends("output", [(given.name, given.target) for given in job.outputs])
    yield from _environment(job.environment, most=256, clause="PRC-08")
    yield from _words("entrypoint", job.entrypoint)
    yield from _words("arguments", job.arguments)
    if not 0 < job.max_runtime <= PROCESSING_TIME:
        yield f"time limit: {job.max_runtime} s, {PROCESSING_TIME} are allowed (PRC-08)"


def _ends(kind: str, named: Sequence[tuple[str, PurePosixPath]]) -> Iterator[str]:
    """Limits on the inputs, or the outputs, of a processing job (PRC-05)."""
    if len(named) > PROCESSING_ENDS:
        yield f"{kind}s: {len(named)} of them, {PROCESSING_ENDS} are allowed (PRC-05)"
    for name, target in named:
        if PLACE not in target.parents or ".." in target.parts or len(str(target)) > 256:
            yield f"{kind} {_short(name)}: {target} is not below {PLACE}, or longer than 256 (PRC-05)"
        if [other for _, other in named].count(target) > 1:
            yield f"{kind} {_short(name)}: {target} is the LocalPath of another {kind} too (PRC-05)"


def _hyperparameters(values: Mapping[str, str]) -> Iterator[str]:
    if len(values) > ENTRIES:
        yield f"hyperparameters: {len(values)} of them, {ENTRIES} are allowed (CFG-01)"
    for key, value in values.items():
        if not 0 < len(key) <= 256:
            yield f"hyperparameter {_short(key)}: {len(key)} characters in a name, 1 to 256 allowed (CFG-01)"
        if len(value) > 2500:
            yield f"hyperparameter {_short(key)}: {len(value)} characters, 2500 are allowed (CFG-01)"


def _channels(names: list[str]) -> Iterator[str]:
    if len(names) > 20:
        yield f"channels: {len(names)} of them, 20 are allowed (CFG-10)"
    for name in names:
        if not CHANNEL_NAME.fullmatch(name):
            yield f"channel {_short(name)}: 1 to 64 of letters, digits, '.', '-' and '_' are allowed (CFG-10)"


def _environment(
    values: Mapping[str, str], *, most: int, clause: str, total: int | None = None
) -> Iterator[str]:
    if len(values) > ENTRIES:
        yield f"environment: {len(values)} variables, {ENTRIES} are allowed ({clause})"
    for key, value in values.items():
        if not ENV_NAME.fullmatch(key) or len(key) > most:
            yield f"environment {_short(key)}: a name has letters, digits and '_', at most {most} ({clause})"
        if len(value) > most:
            yield f"environment {_short(key)}: {len(value)} characters, {most} are allowed ({clause})"
    size = sum(len(key.encode()) + len(value.encode()) for key, value in values.items())
    if total is not None and size > total:
        yield f"environment: {size} bytes in all, {total} are allowed ({clause})"


def _words(what: str, words: tuple[str, ...] | None) -> Iterator[str]:
    if words is None:
        return
    if not 1 <= len(words) <= 100:
        yield f"{what}: {len(words)} words, 1 to 100 are allowed (TRN-03)"
    for word in words:
        if len(word) > 256:
            yield f"{what} {_short(word)}: {len(word)} characters, 256 are allowed (TRN-03)"


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
