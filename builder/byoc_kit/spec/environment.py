"""Environment and labels of the image, and which of them are not the image's to set (IMG-18, IMG-22)."""

import re
from collections.abc import Iterator

from byoc_kit.spec.mistake import Mistake, View
from byoc_kit.spec.parse import Key
from byoc_kit.spec.secrets import credential_named

__all__ = ["OWNED", "check_env", "check_labels"]

OWNED = frozenset(
    {
        # read by the toolkits from the image (TTK-06)
        "SAGEMAKER_PROGRAM",
        "SAGEMAKER_TRAINING_MODULE",
        "SAGEMAKER_SERVING_MODULE",
        # knobs of the servers that the platform itself never sets (STK-06)
        "SAGEMAKER_MODEL_SERVER_WORKERS",
        "SAGEMAKER_MODEL_SERVER_TIMEOUT",
        "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS",
        "SAGEMAKER_MODEL_SERVER_VMARGS",
        "SAGEMAKER_STARTUP_TIMEOUT",
        "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",
    }
)
"""Variables with a platform's prefix that an image may set."""

PLATFORM = frozenset(
    {
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "TRAINING_JOB_NAME",
        "TRAINING_JOB_ARN",
        "PROCESSING_JOB_ARN",
    }
)
PREFIXES = ("SAGEMAKER_", "SM_", "AWS_CONTAINER_", "ECS_CONTAINER_METADATA_")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # ENV-01
LONGEST_NAME = 512  # characters; a job could not override a longer one (ENV-01)
LARGEST = 32 * 1024  # bytes of names and values together: what a model's environment may have (INF-17)
ENDS = re.compile(r"[\0\r\n]")
LABEL = re.compile(r"[^\s=\0\"'\\$`]+")
RESERVED_LABEL = "com.amazonaws.sagemaker."
ALLOWED_LABELS = frozenset(
    {
        "com.amazonaws.sagemaker.capabilities.bidirectional-streaming",
        "com.amazonaws.sagemaker.inference.cuda.verified_versions",
    }
)
"""What only the image's author can know (IMG-18)."""


def check_env(view: View) -> Iterator[Mistake]:
    """Variables that SageMaker sets, and names and sizes that it would not take."""
    table = view.table("env")
    for name, value in table.items():
        if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            yield _wrong_name(name)
        elif not isinstance(value, str):
            continue
        elif _is_platforms(name) and credential_named(name, value) is None:
            yield _shadows(name)
        elif ENDS.search(value):
            yield _not_one_line(("env", name))
    size = sum(
        len(name.encode()) + len(value.encode()) for name, value in table.items() if isinstance(value, str)
    )
    if size > LARGEST:
        yield Mistake(
            key=("env",),
            what=f"{size} bytes of environment",
            why=f"SageMaker takes {LARGEST} for a model (INF-17)",
            fix="put large values in a file with [files]",
            id="BYOC-E123",
        )


def check_labels(view: View) -> Iterator[Mistake]:
    """Labels that SageMaker reads, and forms that no Dockerfile can write."""
    for name, value in view.table("labels").items():
        if not LABEL.fullmatch(name):
            yield Mistake(
                key=("labels", name),
                what="this is not the name of a label",
                why="a name has no blanks, quotes or '='",
                fix='write for example "org.opencontainers.image.vendor" = "Acme"',
                id="BYOC-E122",
            )
        elif name.startswith(RESERVED_LABEL) and name not in ALLOWED_LABELS:
            yield Mistake(
                key=("labels", name),
                what="this label tells SageMaker what the image can do",
                why="byoc sets it from the targets, so that it cannot be wrong (IMG-18)",
                fix="take it out, and name multi-model or pipeline in [image] targets",
                id="BYOC-E121",
            )
        elif isinstance(value, str) and ENDS.search(value):
            yield _not_one_line(("labels", name))


def _is_platforms(name: str) -> bool:
    return name in PLATFORM or (name.startswith(PREFIXES) and name not in OWNED)


def _shadows(name: str) -> Mistake:
    return Mistake(
        key=("env", name),
        what="SageMaker or its toolkit sets this variable",
        why="a value in the image would stay wherever the platform does not set it, and be wrong (IMG-22)",
        fix="take it out; a job that needs another value gives it in its own Environment",
        id="BYOC-E121",
    )


def _not_one_line(key: Key) -> Mistake:
    return Mistake(
        key=key,
        what="the value has a line end or a NUL character",
        why="a value is one line, in the image's config as in a Dockerfile",
        fix="write it on one line, or put it in a file with [files]",
        id="BYOC-E122",
    )


def _wrong_name(name: str) -> Mistake:
    return Mistake(
        key=("env", name),
        what="this is not the name of a variable",
        why=f"a name is at most {LONGEST_NAME} letters, digits and '_', and starts with no digit (ENV-01)",
        fix="rename it",
        id="BYOC-E122",
    )
