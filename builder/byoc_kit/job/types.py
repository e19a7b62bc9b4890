"""What a training job and an endpoint are made of, in the words of CreateTrainingJob and CreateModel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

__all__ = ["Channel", "InstanceGroup", "ServeJob", "TrainingJob"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One entry of InputDataConfig (CFG-03, CFG-10, CHN-01)."""

    name: str
    source: PurePath
    """A file or folder on this machine; absolute."""
    mode: Literal["File", "FastFile", "Pipe"] = "File"
    content_type: str | None = None
    distribution: Literal["FullyReplicated", "ShardedByS3Key"] = "FullyReplicated"
    record_wrapper: Literal["None", "RecordIO"] = "None"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceGroup:
    """One entry of ResourceConfig.InstanceGroups (CFG-05)."""

    name: str
    instance_type: str
    hosts: tuple[str, ...]


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
    """Whether /opt/ml/checkpoints is mounted (OUT-07)."""

    @property
    def arn(self) -> str:
        """TRAINING_JOB_ARN (ENV-01)."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:training-job/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeJob:
    """One real-time endpoint's container."""

    name: str
    model: PurePath | None
    """Folder mounted read-only at /opt/ml/model (INF-14); None: nothing is mounted (INF-16)."""
    environment: Mapping[str, str] = field(default_factory=dict)
    region: str = "us-east-1"
