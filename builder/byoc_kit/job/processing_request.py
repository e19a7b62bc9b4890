"""A boto3 CreateProcessingJob request, already checked against the service's model, as a job to run here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from byoc_kit.errors import UsageError
from byoc_kit.job.processing import Distribution, ProcessingOutput

__all__ = ["ProcessingRequest", "RequestedInput", "read_processing_request"]

USED = frozenset(
    {
        "ProcessingJobName",
        "ProcessingInputs",
        "ProcessingOutputConfig",
        "ProcessingResources",
        "StoppingCondition",
        "AppSpecification",
        "Environment",
        "NetworkConfig",
        "RoleArn",
    }
)
"""Members of the request that decide how the container is started, or that it is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedInput:
    """An input of the request; its data lie in S3, or where ``--input`` says."""

    name: str
    uri: str
    target: PurePosixPath
    distribution: Distribution = "FullyReplicated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingRequest:
    """What a job file asks for, in the words of CreateProcessingJob."""

    name: str
    image: str
    inputs: tuple[RequestedInput, ...]
    outputs: tuple[ProcessingOutput, ...]
    entrypoint: tuple[str, ...] | None
    arguments: tuple[str, ...] | None
    environment: Mapping[str, str]
    instance_type: str
    instance_count: int
    volume: int
    role: str
    max_runtime: int | None
    isolated: bool
    ignored: tuple[str, ...]
    """Members that mean nothing on this machine."""


def read_processing_request(document: Mapping[str, Any], *, name: str) -> ProcessingRequest:
    """The request in *document* of the file *name*. Raises UsageError for what cannot be done here."""
    problems = tuple(_unsupported(document))
    if problems:
        raise UsageError(
            f"{name}: this job cannot be run here",
            why="byoc run process gives the container folders of this machine in place of S3 prefixes",
            fix="change the members named above in a copy of the file, and give byoc the copy",
            id="BYOC-E441",
            details=problems,
        )
    app = document["AppSpecification"]
    cluster = document["ProcessingResources"]["ClusterConfig"]
    return ProcessingRequest(
        name=document["ProcessingJobName"],
        image=app["ImageUri"],
        inputs=tuple(_input(entry) for entry in document.get("ProcessingInputs", ())),
        outputs=tuple(_output(entry) for entry in _outputs(document)),
        entrypoint=_words(app.get("ContainerEntrypoint")),
        arguments=_words(app.get("ContainerArguments")),
        environment=document.get("Environment", {}),
        instance_type=cluster["InstanceType"],
        instance_count=cluster["InstanceCount"],
        volume=cluster["VolumeSizeInGB"],
        role=document["RoleArn"],
        max_runtime=document.get("StoppingCondition", {}).get("MaxRuntimeInSeconds"),
        isolated=document.get("NetworkConfig", {}).get("EnableNetworkIsolation", False),
        ignored=tuple(sorted(document.keys() - USED)),
    )


def _unsupported(document: Mapping[str, Any]) -> Iterator[str]:
    for entry in document.get("ProcessingInputs", ()):
        source = entry.get("S3Input")
        if source is None or not source.get("LocalPath"):
            yield f"ProcessingInputs: {entry['InputName']} has no S3Input with a LocalPath (LCL-10)"
        elif source.get("S3InputMode") == "Pipe":
            yield f"ProcessingInputs: {entry['InputName']} has S3InputMode Pipe; File can be given (PRC-06)"
        elif source.get("S3DataType") == "ManifestFile":
            yield f"ProcessingInputs: {entry['InputName']} is a ManifestFile; S3Prefix can be given (PRC-06)"
    for entry in _outputs(document):
        if not entry.get("S3Output", {}).get("LocalPath"):
            yield f"ProcessingOutputConfig: {entry['OutputName']} has no S3Output with a LocalPath (LCL-10)"


def _outputs(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = document.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return outputs


def _input(entry: Mapping[str, Any]) -> RequestedInput:
    source = entry["S3Input"]
    return RequestedInput(
        name=entry["InputName"],
        uri=source["S3Uri"],
        target=PurePosixPath(source["LocalPath"]),
        distribution=source.get("S3DataDistributionType", "FullyReplicated"),
    )


def _output(entry: Mapping[str, Any]) -> ProcessingOutput:
    target = entry["S3Output"]
    return ProcessingOutput(
        name=entry["OutputName"],
        target=PurePosixPath(target["LocalPath"]),
        uri=target["S3Uri"],
        upload=target["S3UploadMode"],
    )


def _words(value: list[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)
