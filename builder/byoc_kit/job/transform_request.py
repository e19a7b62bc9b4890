"""A boto3 CreateTransformJob request, already checked against the service's model, as members of a job."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from byoc_kit.errors import UsageError

__all__ = ["TransformRequest", "read_transform_request"]

USED = frozenset(
    {
        "TransformJobName",
        "MaxConcurrentTransforms",
        "ModelClientConfig",
        "MaxPayloadInMB",
        "BatchStrategy",
        "Environment",
        "TransformInput",
        "TransformOutput",
        "DataProcessing",
    }
)
"""Members of the request that mean something on this machine."""

MEMBERS: Mapping[str, tuple[str, ...]] = {
    "environment": ("Environment",),
    "split": ("TransformInput", "SplitType"),
    "content_type": ("TransformInput", "ContentType"),
    "compression": ("TransformInput", "CompressionType"),
    "accept": ("TransformOutput", "Accept"),
    "assemble": ("TransformOutput", "AssembleWith"),
    "strategy": ("BatchStrategy",),
    "max_payload": ("MaxPayloadInMB",),
    "max_concurrent": ("MaxConcurrentTransforms",),
    "timeout": ("ModelClientConfig", "InvocationsTimeoutInSeconds"),
    "retries": ("ModelClientConfig", "InvocationsMaxRetries"),
    "input_filter": ("DataProcessing", "InputFilter"),
    "output_filter": ("DataProcessing", "OutputFilter"),
    "join": ("DataProcessing", "JoinSource"),
}
"""What a transform is asked to do, and where the request says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformRequest:
    """What a job file asks for."""

    name: str
    uri: str
    """Where its data are; which of this machine stand in for them must be said beside it."""
    members: Mapping[str, Any]
    """Those of MEMBERS that the request gives."""
    ignored: tuple[str, ...]
    """Members that mean nothing on this machine."""


def read_transform_request(document: Mapping[str, Any], *, name: str) -> TransformRequest:
    """The request in *document* of the file *name*. Raises UsageError for data that cannot be given here."""
    data = document["TransformInput"]["DataSource"]["S3DataSource"]
    if data["S3DataType"] != "S3Prefix":
        raise UsageError(
            f"{name}: S3DataType {data['S3DataType']} cannot be transformed here",
            why="byoc run transform takes a file, or the files below a folder, as S3Prefix does",
            fix="put the listed files in a folder, write S3Prefix, and give the folder with --input",
            id="BYOC-E462",
        )
    return TransformRequest(
        name=document["TransformJobName"],
        uri=data["S3Uri"],
        members=dict(_given(document)),
        ignored=tuple(sorted(document.keys() - USED)),
    )


def _given(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for member, path in MEMBERS.items():
        value: Any = document
        for step in path:
            value = value.get(step) if value is not None else None
        if value is not None:
            yield member, value == "Input" if member == "join" else value
