"""A batch transform as a value, in the words of CreateTransformJob (BAT-01 to BAT-07)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Literal

from byoc_kit.errors import UsageError
from byoc_kit.job.batches import Split, Strategy
from byoc_kit.job.joining import DataProcessing, kind_of

__all__ = [
    "Assemble",
    "Compression",
    "Parameters",
    "TransformJob",
    "check_transform",
    "environment",
    "parameters",
    "told_parameters",
]

Assemble = Literal["None", "Line"]
Compression = Literal["None", "Gzip"]

MOST_PAYLOAD = 100  # MB in one request, and in all that are under way (BAT-04)
MOST_TIMEOUT, MOST_RETRIES = 3600, 3  # seconds; attempts after the first (BAT-05)
MOST_VARIABLES, LONGEST_NAME, LONGEST_VALUE = 16, 1024, 10_240  # (BAT-05)
ENV_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
WORDS: Mapping[Strategy, str] = {"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformJob:
    """One batch transform job; what is None is asked of the container, then of the service's defaults."""

    name: str
    source: PurePath
    """A file, or a folder of files, of this machine."""
    content_type: str
    environment: Mapping[str, str] = field(default_factory=dict)
    split: Split = "None"
    compression: Compression = "None"
    accept: str | None = None
    assemble: Assemble = "None"
    strategy: Strategy | None = None
    max_payload: int | None = None
    """MB of one request; 0: any, sent in chunks (BAT-04)."""
    max_concurrent: int | None = None
    """Requests at a time."""
    timeout: int = 600
    """Seconds one answer may take (BAT-05)."""
    retries: int = 3
    processing: DataProcessing = field(default_factory=DataProcessing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What holds for all requests of one job."""

    max_concurrent: int = 1
    strategy: Strategy = "MultiRecord"
    max_payload: int = 6
    """MB; 0: any."""

    @property
    def limit(self) -> int | None:
        """The most bytes of one request; None: any."""
        return self.max_payload << 20 or None


def environment(job: TransformJob) -> dict[str, str]:
    """What the container is told: always that it is a batch job, the rest only where asked (BAT-01)."""
    asked = {
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": job.max_payload,
        "SAGEMAKER_BATCH_STRATEGY": job.strategy and WORDS[job.strategy],
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": job.max_concurrent,
    }
    given = {name: str(value) for name, value in asked.items() if value is not None}
    return {"SAGEMAKER_BATCH": "true", **given, **job.environment}


def told_parameters(document: object) -> Mapping[str, Any]:
    """What GET /execution-parameters said, as members of Parameters (BAT-02). Raises ValueError."""
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - a wrong document, not a wrong call
    told: dict[str, Any] = {}
    for name, member in (("MaxConcurrentTransforms", "max_concurrent"), ("MaxPayloadInMB", "max_payload")):
        if name in document:
            told[member] = _whole_number(name, document[name])
    if "BatchStrategy" in document:
        names = {word: strategy for strategy, word in WORDS.items()}
        if document["BatchStrategy"] not in names:
            raise ValueError(f"BatchStrategy is {document['BatchStrategy']!r}, neither {' nor '.join(names)}")
        told["strategy"] = names[document["BatchStrategy"]]
    return told


def _whole_number(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} is {value!r}, no whole number")
    return value


def parameters(job: TransformJob, told: Mapping[str, Any]) -> Parameters:
    """The request's word, else the container's, else the service's default (BAT-02). Raises UsageError."""
    asked = {
        "max_concurrent": job.max_concurrent,
        "strategy": job.strategy,
        "max_payload": job.max_payload,
    }
    agreed = Parameters(**{**told, **{name: value for name, value in asked.items() if value is not None}})
    together = agreed.max_concurrent * agreed.max_payload
    if agreed.max_concurrent < 1 or agreed.max_payload > MOST_PAYLOAD or together > MOST_PAYLOAD:
        raise UsageError(
            f"{agreed.max_concurrent} requests at a time of {agreed.max_payload} MB each are not allowed",
            why=f"at least one, and together at most {MOST_PAYLOAD} MB may be under way (BAT-04)",
            fix="lower --max-payload or --max-concurrent; without them /execution-parameters decides",
            id="BYOC-E460",
        )
    return agreed


def check_transform(job: TransformJob) -> None:
    """Raise one UsageError that tells every limit of CreateTransformJob that *job* breaks."""
    problems = tuple(_problems(job))
    if problems:
        raise UsageError(
            f"the transform job breaks {len(problems)} of SageMaker's rules",
            why="the service would refuse the request, or fail when it has begun; better here than there",
            fix="change what is named above",
            id="BYOC-E460",
            details=problems,
        )


def _problems(job: TransformJob) -> Iterator[str]:
    yield from _variables(job.environment)
    if not 1 <= job.timeout <= MOST_TIMEOUT:
        yield f"an invocation may take 1 to {MOST_TIMEOUT} seconds, not {job.timeout} (BAT-05)"
    if not 0 <= job.retries <= MOST_RETRIES:
        yield f"0 to {MOST_RETRIES} retries are allowed, not {job.retries} (BAT-05)"
    for member, value in (("content type", job.content_type), ("accept", job.accept or "")):
        if not (value.isascii() and value.isprintable()):
            yield f"{member} {value!r}: a header has letters, digits and signs of ASCII, on one line"
    if job.processing.is_needed and (job.split in {"RecordIO", "TFRecord"} or not kind_of(job.content_type)):
        yield (
            f"filters and joins read text/csv, application/json and application/jsonlines,"
            f" not {job.content_type} split by {job.split}"
        )


def _variables(values: Mapping[str, str]) -> Iterator[str]:
    if len(values) > MOST_VARIABLES:
        yield f"environment: {len(values)} variables, {MOST_VARIABLES} are allowed (BAT-05)"
    for name, value in values.items():
        if not ENV_NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            yield f"environment {name[:40]!r}: letters, digits and '_', at most {LONGEST_NAME} (BAT-05)"
        if len(value) > LONGEST_VALUE:
            yield f"environment {name[:40]!r}: {len(value)} characters, {LONGEST_VALUE} are allowed (BAT-05)"
