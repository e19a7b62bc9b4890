"""A boto3 CreateTrainingJob request, already checked against the service's model, as a job to run here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from byoc_kit.errors import UsageError

__all__ = ["RequestedChannel", "TrainingRequest", "read_request"]

USED = frozenset(
    {
        "TrainingJobName",
        "HyperParameters",
        "AlgorithmSpecification",
        "InputDataConfig",
        "ResourceConfig",
        "StoppingCondition",
        "CheckpointConfig",
        "Environment",
    }
)
"""Members of the request that decide how the container is started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedChannel:
    """A channel of the request; where its data lie on this machine must be said beside it."""

    name: str
    uri: str
    mode: str
    content_type: str | None
    record_wrapper: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRequest:
    """What a job file asks for, in the words of CreateTrainingJob."""

    name: str
    image: str | None
    hyperparameters: Mapping[str, str]
    environment: Mapping[str, str]
    channels: tuple[RequestedChannel, ...]
    entrypoint: tuple[str, ...] | None
    arguments: tuple[str, ...] | None
    instance_type: str | None
    max_runtime: int | None
    ignored: tuple[str, ...]
    """Members that mean nothing on this machine."""


def read_request(document: Mapping[str, Any], *, name: str) -> TrainingRequest:
    """The request in *document* of the file *name*. Raises UsageError for what one host cannot do."""
    problems = tuple(_unsupported(document))
    if problems:
        raise UsageError(
            f"{name}: this job cannot be run here",
            why="byoc run train starts one host and gives it whole files (modes File and FastFile)",
            fix="change the members named above in a copy of the file, and give byoc the copy",
            id="BYOC-E408",
            details=problems,
        )
    algorithm = document.get("AlgorithmSpecification", {})
    return TrainingRequest(
        name=document["TrainingJobName"],
        image=algorithm.get("TrainingImage"),
        hyperparameters=document.get("HyperParameters", {}),
        environment=document.get("Environment", {}),
        channels=tuple(_channels(document)),
        entrypoint=_words(algorithm.get("ContainerEntrypoint")),
        arguments=_words(algorithm.get("ContainerArguments")),
        instance_type=document.get("ResourceConfig", {}).get("InstanceType"),
        max_runtime=document.get("StoppingCondition", {}).get("MaxRuntimeInSeconds"),
        ignored=tuple(sorted(document.keys() - USED)),
    )


def _unsupported(document: Mapping[str, Any]) -> Iterator[str]:
    resources = document.get("ResourceConfig", {})
    if resources.get("InstanceCount", 1) != 1:
        yield f"ResourceConfig.InstanceCount: {resources['InstanceCount']} hosts; 1 can be started"
    if resources.get("InstanceGroups"):
        yield "ResourceConfig.InstanceGroups: groups of hosts; 1 host can be started"
    if document.get("EnableNetworkIsolation"):
        yield "EnableNetworkIsolation: the container here has a network"
    for channel in _channels(document):
        if channel.mode == "Pipe":
            yield f"InputDataConfig: channel {channel.name} has mode Pipe; File and FastFile can be given"


def _channels(document: Mapping[str, Any]) -> Iterator[RequestedChannel]:
    usual = document.get("AlgorithmSpecification", {}).get("TrainingInputMode", "File")
    for channel in document.get("InputDataConfig", ()):
        source = channel.get("DataSource", {})
        yield RequestedChannel(
            name=channel["ChannelName"],
            uri=source.get("S3DataSource", {}).get("S3Uri") or "a file system",
            mode=channel.get("InputMode", usual),
            content_type=channel.get("ContentType"),
            record_wrapper=channel.get("RecordWrapperType", "None"),
        )


def _words(value: list[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)
