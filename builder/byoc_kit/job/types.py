"""What a training job and an endpoint are made of, in the words of CreateTrainingJob and CreateModel."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath
from typing import Literal

__all__ = [
    "CHECKPOINTS",
    "HOMOGENEOUS",
    "Channel",
    "InstanceGroup",
    "ServeJob",
    "TrainingJob",
    "host_names",
    "instance_groups",
]

HOMOGENEOUS = "homogeneousCluster"  # the one group's name when a job has no instance groups (CFG-05)
CHECKPOINTS = PurePosixPath("/opt/ml/checkpoints")  # the usual CheckpointConfig.LocalPath (OUT-07)


def host_names(count: int) -> tuple[str, ...]:
    """``algo-1`` to ``algo-N``, the names by which the hosts of a job know each other (HAR-04)."""
    return tuple(f"algo-{number}" for number in range(1, count + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One entry of InputDataConfig (CFG-03, CFG-10, CHN-01)."""

    name: str
    source: PurePath
    """A file or folder on this machine; absolute."""
    uri: str | None = None
    """Where *source* is fetched from, ``s3://...``; None: it is this machine's own."""
    mode: Literal["File", "FastFile", "Pipe"] = "File"
    content_type: str | None = None
    distribution: Literal["FullyReplicated", "ShardedByS3Key"] = "FullyReplicated"
    record_wrapper: Literal["None", "RecordIO"] = "None"
    data_type: Literal["S3Prefix", "ManifestFile", "AugmentedManifestFile"] = "S3Prefix"
    """What *source* is: the data, or a file that lists them (CHN-06)."""
    attributes: tuple[str, ...] = ()
    """AttributeNames: which members of an augmented manifest's lines are sent, in this order."""
    compression: Literal["None", "Gzip"] = "None"
    """Gzip: the objects are decompressed on their way into a pipe (CHN-04)."""
    shuffle: int | None = None
    """Seed of ShuffleConfig: the order of the objects is another for each epoch; None: by key."""
    groups: tuple[str, ...] = ()
    """InstanceGroupNames: only the hosts of these groups get the channel; empty: all."""
    read_only: bool = True
    """False for a file system whose access mode is ``rw`` (CHN-05)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceGroup:
    """One entry of ResourceConfig.InstanceGroups (CFG-05)."""

    name: str
    instance_type: str
    hosts: tuple[str, ...]


def instance_groups(asked: Iterable[tuple[str, str, int]]) -> tuple[InstanceGroup, ...]:
    """Groups from names, instance types and counts; the hosts are numbered through all groups.

    A group's own hosts are not sorted (CFG-05): nothing may rely on their order.
    """
    groups: list[InstanceGroup] = []
    taken = 0
    for name, instance_type, count in asked:
        hosts = tuple(reversed(host_names(taken + count)[taken:]))
        groups.append(InstanceGroup(name=name, instance_type=instance_type, hosts=hosts))
        taken += count
    return tuple(groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """One training job, complete: what is needed to start its containers as SageMaker would."""

    name: str
    """TrainingJobName, 1 to 63 of ``[A-Za-z0-9-]``."""
    hyperparameters: Mapping[str, str]
    """All values are strings (CFG-01)."""
    channels: tuple[Channel, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ("algo-1",)
    instance_type: str = "ml.m5.xlarge"
    groups: tuple[InstanceGroup, ...] = ()
    """Empty: one group ``homogeneousCluster``."""
    entrypoint: tuple[str, ...] | None = None
    """ContainerEntrypoint (HAR-02)."""
    arguments: tuple[str, ...] | None = None
    """ContainerArguments (HAR-02)."""
    region: str = "us-east-1"
    account: str = "111122223333"
    max_runtime: int = 86_400
    """Seconds; StoppingCondition.MaxRuntimeInSeconds (TRN-07)."""
    checkpoints: bool = True
    """Whether *checkpoint_path* is mounted (OUT-07)."""
    checkpoint_path: PurePosixPath = CHECKPOINTS
    """CheckpointConfig.LocalPath."""
    metrics: Mapping[str, str] = field(default_factory=dict)
    """MetricDefinitions: name to the expression whose first group is the number (TRN-13)."""
    isolated: bool = False
    """EnableNetworkIsolation: the hosts reach each other and nothing else (TRN-11)."""
    writable_input: bool = False
    """Whether the container may write to /opt/ml/input, as the SDK's driver does (TMD-03)."""
    warm_pool: bool = False
    """Whether the cache folder of a managed warm pool is mounted (TRN-10)."""

    @property
    def arn(self) -> str:
        """TRAINING_JOB_ARN (ENV-01)."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:training-job/{self.name}"

    def group_of(self, host: str) -> InstanceGroup:
        """The group *host* is in; the one group's name is ``homogeneousCluster`` without groups (CFG-05)."""
        whole = InstanceGroup(name=HOMOGENEOUS, instance_type=self.instance_type, hosts=self.hosts)
        return next(group for group in self.groups or (whole,) if host in group.hosts)

    def hosts_of(self, channel: Channel) -> tuple[str, ...]:
        """The hosts that get *channel*, in the order in which its objects are dealt out to them."""
        return tuple(
            host for host in self.hosts if not channel.groups or self.group_of(host).name in channel.groups
        )

    def channels_of(self, host: str) -> tuple[Channel, ...]:
        """The channels that *host* gets."""
        return tuple(channel for channel in self.channels if host in self.hosts_of(channel))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeJob:
    """One real-time endpoint's container."""

    name: str
    model: PurePath | None
    """Folder mounted read-only at /opt/ml/model (INF-14); None: nothing is mounted (INF-16)."""
    environment: Mapping[str, str] = field(default_factory=dict)
    region: str = "us-east-1"
