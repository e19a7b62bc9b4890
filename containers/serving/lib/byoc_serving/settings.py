"""What was asked for: the command line and the variables that SageMaker and its users set."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from typing import Mapping, Optional, Sequence

from byoc_serving import machine
from byoc_serving.errors import ServingError

DEFAULT_PORT = 8080  # INF-01
DEFAULT_MAX_PAYLOAD_IN_MB = 100  # the most that batch transform sends (BAT-04); real time needs 25 (INF-10)
LEAST_PAYLOAD_IN_MB = (
    25  # the variable may raise the limit, never lower it below what a client may send (INF-10)
)
NO_LIMIT_IN_MB = 1 << 20  # 0 is batch transform's word for a body in chunks without a limit (BAT-04)
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


def read_settings(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Settings from *arguments* and *environ*. Raises ServingError for a value that cannot be used."""
    parsed = _parser().parse_args(arguments)
    base = environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
    megabytes = _number(environ, "SAGEMAKER_MAX_PAYLOAD_IN_MB", DEFAULT_MAX_PAYLOAD_IN_MB, least=0)
    return Settings(
        program=parsed.program,
        code=parsed.code,
        model_dir=parsed.model_dir or os.path.join(base, "model"),
        port=_number(environ, "SAGEMAKER_BIND_TO_PORT", DEFAULT_PORT),
        workers=_workers(parsed.workers, environ),
        max_payload=max(megabytes or NO_LIMIT_IN_MB, LEAST_PAYLOAD_IN_MB) * 1024 * 1024,
        default_accept=environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or DEFAULT_ACCEPT,
        startup_timeout=_number(environ, "SAGEMAKER_STARTUP_TIMEOUT", DEFAULT_STARTUP_TIMEOUT),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="byoc-serving", description=__doc__)
    parser.add_argument("--program", default="inference.py", help="file name of the user's program")
    parser.add_argument("--code", help="folder of the program inside the image")
    parser.add_argument("--workers", type=int, help="processes that each hold the model")
    parser.add_argument("--model-dir", help="default: /opt/ml/model")
    return parser


def _workers(asked: Optional[int], environ: Mapping[str, str]) -> int:
    wanted = environ.get("SAGEMAKER_MODEL_SERVER_WORKERS")
    if wanted:
        return _number(environ, "SAGEMAKER_MODEL_SERVER_WORKERS", 1)
    if asked is not None and asked < 1:
        raise ServingError(
            "--workers is {}".format(asked),
            why="there must be at least one",
            fix="set [serve] workers to 1 or more",
        )
    return asked or machine.worker_count()


def _number(environ: Mapping[str, str], name: str, default: int, least: int = 1) -> int:
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
