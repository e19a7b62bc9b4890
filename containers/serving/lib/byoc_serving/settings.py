"""What was asked for: the command line and the variables that SageMaker and its users set."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from typing import FrozenSet, Mapping, Optional, Sequence

from byoc_serving import machine
from byoc_serving.errors import ServingError

DEFAULT_PORT = 8080  # INF-01
DEFAULT_MAX_PAYLOAD_IN_MB = 100  # the most that batch transform sends (BAT-04); real time needs 25 (INF-10)
LEAST_PAYLOAD_IN_MB = (
    25  # the variable may raise the limit, never lower it below what a client may send (INF-10)
)
NO_LIMIT_IN_MB = 1 << 20  # 0 is batch transform's word for a body in chunks without a limit (BAT-04)
ASYNC_PAYLOAD_IN_MB = 1024  # the most that an asynchronous endpoint sends (ASY-01)
MOST_REQUESTS = 100  # that one worker holds at a time
MOST_ASYNC_REQUESTS = 1000  # MaxConcurrentInvocationsPerInstance: 503 would make one of them fail (ASY-01)
NOT_SERVED = frozenset({"training", "tuning", "processing", "studio"})  # targets without a server
DEFAULT_ACCEPT = "application/json"
DEFAULT_STARTUP_TIMEOUT = 600  # seconds, as in sagemaker-inference (STK-06)


@dataclass(frozen=True)
class Settings:
    """One server, as it was asked for."""

    program: str
    """File name of the user's program, e.g. ``inference.py``."""
    code: Optional[str]
    """Folder of the program that is part of the image; None: the program comes with the model only."""
    model_dir: str
    """Where SageMaker unpacks the model; read-only, maybe absent (INF-14, INF-16)."""
    port: int
    workers: int
    max_payload: int
    """Bytes of a request body; more is answered with 413."""
    default_accept: str
    """Media type of the answer where the client does not care."""
    startup_timeout: int
    """Seconds a model may take to load behind multi-model-server."""
    most_requests: int = MOST_REQUESTS
    """That one worker holds at a time."""
    targets: FrozenSet[str] = frozenset()
    """What the image was built for: ``[image] targets``."""
    batch: bool = False
    """Whether a batch transform job started this container, or the image is made for them (BAT-01)."""
    lines_for_lines: bool = False
    """Whether records that came as lines are answered as lines: in a job that says nothing else (BAT-03)."""
    multi_model: bool = False
    """Whether models come and go by POST and DELETE /models (MME-01)."""


def read_settings(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Settings from *arguments* and *environ*. Raises ServingError for a value that cannot be used."""
    parsed = _parser().parse_args(arguments)
    base = environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
    targets = frozenset(filter(None, parsed.targets.split(",")))
    usual = ASYNC_PAYLOAD_IN_MB if "async" in targets else DEFAULT_MAX_PAYLOAD_IN_MB
    megabytes = number(environ, "SAGEMAKER_MAX_PAYLOAD_IN_MB", usual, least=0)
    batch = environ.get("SAGEMAKER_BATCH", "").lower() == "true"
    return Settings(
        program=parsed.program,
        code=parsed.code,
        model_dir=parsed.model_dir or os.path.join(base, "model"),
        port=number(environ, "SAGEMAKER_BIND_TO_PORT", DEFAULT_PORT),
        workers=_workers(parsed.workers, targets, environ),
        max_payload=max(megabytes or NO_LIMIT_IN_MB, LEAST_PAYLOAD_IN_MB) * 1024 * 1024,
        default_accept=environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or DEFAULT_ACCEPT,
        startup_timeout=number(environ, "SAGEMAKER_STARTUP_TIMEOUT", DEFAULT_STARTUP_TIMEOUT),
        most_requests=MOST_ASYNC_REQUESTS if "async" in targets else MOST_REQUESTS,
        targets=targets,
        batch=batch or "batch" in targets,
        lines_for_lines=batch and not environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"),
        multi_model=_multi_model(targets, environ),
    )


def _multi_model(targets: FrozenSet[str], environ: Mapping[str, str]) -> bool:
    """The service says so by variable; an image that serves nothing else needs no telling."""
    said = environ.get("SAGEMAKER_MULTI_MODEL", "").lower()
    return said == "true" or (not said and targets - NOT_SERVED == {"multi-model"})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="byoc-serving", description=__doc__)
    parser.add_argument("--program", default="inference.py", help="file name of the user's program")
    parser.add_argument("--code", help="folder of the program inside the image")
    parser.add_argument("--workers", type=int, help="processes that each hold the model")
    parser.add_argument("--targets", default="", help="what the image is for, with commas between")
    parser.add_argument("--model-dir", help="default: /opt/ml/model")
    return parser


def _workers(asked: Optional[int], targets: FrozenSet[str], environ: Mapping[str, str]) -> int:
    wanted = environ.get("SAGEMAKER_MODEL_SERVER_WORKERS")
    if wanted:
        return number(environ, "SAGEMAKER_MODEL_SERVER_WORKERS", 1)
    if asked is not None and asked < 1:
        raise ServingError(
            "--workers is {}".format(asked),
            why="there must be at least one",
            fix="set [serve] workers to 1 or more",
        )
    # a serverless endpoint has room for one copy of the model (SLS-03)
    return asked or (1 if "serverless" in targets else machine.worker_count())


def number(environ: Mapping[str, str], name: str, default: int, least: int = 1) -> int:
    """A whole number from a variable. Raises ServingError if it is none, or below *least*."""
    text = environ.get(name) or str(default)
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise ServingError(
            "{} is {!r}".format(name, text),
            why="it must be a whole number of at least {}".format(least),
            fix="correct the variable in the model's environment, or leave it out",
        )
    return value
