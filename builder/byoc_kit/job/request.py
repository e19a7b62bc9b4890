"""A boto3 CreateTrainingJob request, already checked against the service's model, as a job to run here."""

from collections.abc import Iterable, Iterator, Mapping
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
        "EnableNetworkIsolation",
        "Environment",
    }
)
"""Members of the request that decide how the containers are started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedChannel:
    """A channel of the request; its data are fetched from *uri*, or something of this machine stands in."""

    name: str
    uri: str
    """``s3://...``; a file system where *file_system* is set, and a dataset otherwise."""
    settings: Mapping[str, str]
    """What the request says of it, by the names that ``--channel`` has for it."""
    file_system: bool = False
    """Whether it is an EFS or FSx (CHN-05)."""


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
    hosts: int
    groups: tuple[tuple[str, str, int], ...]
    """Name, instance type and count of each instance group."""
    max_runtime: int | None
    checkpoint_path: str | None
    """CheckpointConfig.LocalPath; None: the job has no checkpoints (OUT-07)."""
    metrics: Mapping[str, str]
    """MetricDefinitions: name to regular expression (TRN-13)."""
    isolated: bool
    warm_pool: bool
    ignored: tuple[str, ...]
    """Members that mean nothing on this machine."""


def read_request(document: Mapping[str, Any], *, name: str) -> TrainingRequest:
    """The request in *document* of the file *name*. Raises UsageError for what the service refuses."""
    channels = tuple(_channels(document))
    resources = document.get("ResourceConfig", {})
    groups = tuple(_groups(resources))
    problems = (*_channel_faults(channels), *_resource_faults(resources))
    if problems:
        raise UsageError(
            f"{name}: the service would refuse this job",
            why="its members do not go together",
            fix="change the members named above",
            id="BYOC-E408",
            details=problems,
        )
    algorithm = document.get("AlgorithmSpecification", {})
    checkpoints = document.get("CheckpointConfig")
    return TrainingRequest(
        name=document["TrainingJobName"],
        image=algorithm.get("TrainingImage"),
        hyperparameters=document.get("HyperParameters", {}),
        environment=document.get("Environment", {}),
        channels=channels,
        entrypoint=_words(algorithm.get("ContainerEntrypoint")),
        arguments=_words(algorithm.get("ContainerArguments")),
        instance_type=resources.get("InstanceType"),
        hosts=resources.get("InstanceCount", 1),
        groups=groups,
        max_runtime=document.get("StoppingCondition", {}).get("MaxRuntimeInSeconds"),
        checkpoint_path=checkpoints.get("LocalPath", "/opt/ml/checkpoints") if checkpoints else None,
        metrics={each["Name"]: each["Regex"] for each in algorithm.get("MetricDefinitions", ())},
        isolated=document.get("EnableNetworkIsolation", False),
        warm_pool=bool(resources.get("KeepAlivePeriodInSeconds")),
        ignored=tuple(sorted(document.keys() - USED)),
    )


def _groups(resources: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    for group in resources.get("InstanceGroups", ()):
        yield group["InstanceGroupName"], group["InstanceType"], group["InstanceCount"]


def _channels(document: Mapping[str, Any]) -> Iterator[RequestedChannel]:
    usual = document.get("AlgorithmSpecification", {}).get("TrainingInputMode", "File")
    for channel in document.get("InputDataConfig", ()):
        source = channel.get("DataSource", {})
        s3 = source.get("S3DataSource", {})
        files = source.get("FileSystemDataSource", {})
        said = {
            "mode": channel.get("InputMode") or ("File" if files else usual),
            "type": channel.get("ContentType"),
            "distribution": s3.get("S3DataDistributionType"),
            "wrapper": channel.get("RecordWrapperType"),
            "data": s3.get("S3DataType"),
            "attributes": "+".join(s3.get("AttributeNames", ())),
            "compression": channel.get("CompressionType"),
            "shuffle": channel.get("ShuffleConfig", {}).get("Seed"),
            "groups": "+".join(s3.get("InstanceGroupNames", ())),
            "access": files.get("FileSystemAccessMode"),
        }
        yield RequestedChannel(
            name=channel["ChannelName"],
            uri=s3.get("S3Uri") or files.get("DirectoryPath") or "a dataset",
            settings={key: str(value) for key, value in said.items() if value not in (None, "")},
            file_system=bool(files),
        )


def _channel_faults(channels: Iterable[RequestedChannel]) -> Iterator[str]:
    for channel in channels:
        if channel.file_system and channel.settings["mode"] != "File":
            yield f"channel {channel.name}: a file system is mounted; its mode is File only (CHN-05)"


def _resource_faults(resources: Mapping[str, Any]) -> Iterator[str]:
    if resources.get("InstanceGroups") and (resources.keys() & {"InstanceType", "InstanceCount"}):
        yield "ResourceConfig: InstanceGroups go without InstanceType and InstanceCount"
    if resources.get("InstanceGroups") and resources.get("KeepAlivePeriodInSeconds"):
        yield "ResourceConfig: instance groups have no warm pool (TRN-10)"


def _words(value: list[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)
