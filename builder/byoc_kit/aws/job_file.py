"""A job file is a boto3 Create...Job request as JSON; the service's own model says whether it is one."""

import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byoc_kit.errors import UsageError

if TYPE_CHECKING:
    from botocore.model import Shape

__all__ = ["read_job_file"]

OPERATION = "CreateTrainingJob"
KINDS = {
    "TrainingJobName": ("CreateTrainingJob", "byoc run train --job"),
    "ProcessingJobName": ("CreateProcessingJob", "byoc run process --job"),
    "TransformJobName": ("CreateTransformJob", "byoc run transform --job"),
    "HyperParameterTuningJobName": ("CreateHyperParameterTuningJob", "byoc run tune --job"),
}
"""The name that only one kind of request has, to its operation and the command that runs it here."""
FEW = 5  # values of an enumeration that a message names
LONGEST = 60  # characters of a value that a message shows


def read_job_file(path: Path, operation: str = OPERATION) -> dict[str, Any]:
    """The request for *operation* in *path*. Raises UsageError with all that the service would refuse."""
    document = _read(path, operation)
    problems = tuple(_problems(document, operation))
    if problems:
        _refuse_another_kind(path, document, operation)
        raise UsageError(
            f"{path} is not a {operation} request",
            why="it was compared with the service's own description of the request, as botocore has it",
            fix=f"mend the members named above; it is what boto3's {_method(operation)} takes, as JSON",
            id="BYOC-E801",
            details=problems,
        )
    return document


def _refuse_another_kind(path: Path, document: dict[str, Any], operation: str) -> None:
    """Raise UsageError for a request of another kind of job: its members would all be told as wrong."""
    for name, (kind, command) in KINDS.items():
        if name in document and kind != operation:
            raise UsageError(
                f"{path} is not a {operation} request",
                why=f"it has a {name}: it is a {kind} request",
                fix=f"run it with `{command} {path}`",
                id="BYOC-E801",
            )


def _method(operation: str) -> str:
    """``create_training_job`` for ``CreateTrainingJob``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()


def _read(path: Path, operation: str) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(path, operation, str(error.strerror)) from error
    except ValueError as error:
        raise _unreadable(path, operation, str(error)) from error
    if not isinstance(document, dict):
        raise _unreadable(path, operation, "it holds no JSON object")
    return document


def _unreadable(path: Path, operation: str, why: str) -> UsageError:
    return UsageError(
        f"the job file {path} cannot be read",
        why=why,
        fix=f"give --job a JSON file with a {operation} request",
        id="BYOC-E802",
    )


def _problems(document: dict[str, Any], operation: str) -> Iterator[str]:
    import botocore.session
    from botocore.validate import ParamValidator

    model = botocore.session.get_session().get_service_model("sagemaker")
    shape = model.operation_model(operation).input_shape
    assert shape is not None
    report = ParamValidator().validate(document, shape).generate_report()
    yield from report.splitlines()
    if not report:  # limits can only be read off values of the right types
        yield from _limits(shape, document, "")


def _limits(shape: "Shape", value: Any, where: str) -> Iterator[str]:
    """What botocore leaves to the service: longest, largest, patterns and the words of an enumeration."""
    if shape.type_name == "structure":
        for name, member in value.items():
            yield from _limits(shape.members[name], member, f"{where}.{name}".lstrip("."))  # type: ignore[attr-defined]
    elif shape.type_name == "list":
        yield from _too_many(shape, len(value), where, "entries")
        for index, member in enumerate(value):
            yield from _limits(shape.member, member, f"{where}[{index}]")  # type: ignore[attr-defined]
    elif shape.type_name == "map":
        yield from _too_many(shape, len(value), where, "entries")
        for key, member in value.items():
            yield from _limits(shape.key, key, f"{where} (key {_short(key)})")  # type: ignore[attr-defined]
            yield from _limits(shape.value, member, f"{where}.{key}")  # type: ignore[attr-defined]
    elif shape.type_name == "string":
        yield from _string(shape, value, where)
    elif shape.type_name in {"integer", "long", "float", "double"}:
        yield from _too_many(shape, value, where, "")


def _too_many(shape: "Shape", amount: float, where: str, unit: str) -> Iterator[str]:
    most = shape.metadata.get("max")
    if most is not None and amount > most:
        yield f"{where}: {amount} {unit}".rstrip() + f", {most} are allowed"


def _string(shape: "Shape", text: str, where: str) -> Iterator[str]:
    yield from _too_many(shape, len(text), where, "characters")
    pattern = shape.metadata.get("pattern")
    if pattern and not _fits(pattern, text):
        yield f"{where}: {_short(text)} does not fit the pattern {pattern}"
    words = shape.metadata.get("enum")
    if words and text not in words:
        near = words if len(words) <= FEW else difflib.get_close_matches(text, words, n=FEW)
        hint = f"; there are {', '.join(near)}" if near else ""
        yield f"{where}: {_short(text)} is none of the {len(words)} values that botocore knows{hint}"


def _fits(pattern: str, text: str) -> bool:
    """Whether *text* fits; patterns are Java's, and one that Python cannot read is left to the service."""
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return True


def _short(text: str) -> str:
    return repr(text if len(text) <= LONGEST else text[: LONGEST - 3] + "...")
