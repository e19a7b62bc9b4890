"""A processing job: its values, the config files it is given, and its containers (PRC-01 to PRC-08)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath
from typing import Literal

from byoc_kit.errors import UsageError
from byoc_kit.job.container import ContainerPlan, Mount

__all__ = [
    "PLACE",
    "Distribution",
    "ProcessingInput",
    "ProcessingJob",
    "ProcessingOutput",
    "input_argument",
    "output_argument",
    "processing_config_files",
    "processing_container",
]

PLACE = PurePosixPath("/opt/ml/processing")  # every LocalPath starts with it (PRC-05)
Distribution = Literal["FullyReplicated", "ShardedByS3Key"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingInput:
    """One entry of ProcessingInputs."""

    name: str
    source: PurePath
    """A file or folder on this machine; absolute."""
    target: PurePosixPath
    """LocalPath: the folder that the container finds the data in."""
    uri: str
    """S3Uri, as the config file tells it."""
    distribution: Distribution = "FullyReplicated"
    fetched: bool = False
    """Whether *source* is fetched from *uri* before the job starts."""
    writable: bool = False
    """Whether the container gets a copy that it may change; else the data themselves, read-only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingOutput:
    """One entry of ProcessingOutputConfig."""

    name: str
    target: PurePosixPath
    """LocalPath: the folder that the container writes to; made before it starts (PRC-05)."""
    uri: str
    upload: Literal["EndOfJob", "Continuous"] = "EndOfJob"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingJob:
    """One processing job, complete: what is needed to start its containers as SageMaker would."""

    name: str
    image: str
    inputs: tuple[ProcessingInput, ...] = ()
    outputs: tuple[ProcessingOutput, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] | None = None
    """ContainerEntrypoint; None: the image's own (PRC-01)."""
    arguments: tuple[str, ...] | None = None
    """ContainerArguments; None: the image's CMD, unless there is an entrypoint (PRC-01)."""
    hosts: tuple[str, ...] = ("algo-1",)
    instance_type: str = "ml.m5.xlarge"
    volume: int = 30
    """VolumeSizeInGB; only told, not kept."""
    region: str = "us-east-1"
    account: str = "111122223333"
    role: str = "arn:aws:iam::111122223333:role/byoc"
    max_runtime: int = 86_400
    """Seconds; StoppingCondition.MaxRuntimeInSeconds (PRC-08)."""
    isolated: bool = False
    """NetworkConfig.EnableNetworkIsolation."""

    @property
    def arn(self) -> str:
        """ProcessingJobArn (PRC-04)."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:processing-job/{self.name}"


def processing_config_files(job: ProcessingJob, host: str) -> Mapping[str, str]:
    """File name to JSON text below /opt/ml/config, for the container of *host* (PRC-04)."""
    contents = {
        "processingjobconfig.json": _job_config(job),
        "resourceconfig.json": {"current_host": host, "hosts": sorted(job.hosts)},
    }
    return {name: json.dumps(content, ensure_ascii=False) for name, content in contents.items()}


def _job_config(job: ProcessingJob) -> dict[str, object]:
    """The whole request, as the service writes it down; what was not given is null (PRC-04)."""
    return {
        "ProcessingJobArn": job.arn,
        "ProcessingJobName": job.name,
        "AppSpecification": {
            "ImageUri": job.image,
            "ContainerEntrypoint": _list(job.entrypoint),
            "ContainerArguments": _list(job.arguments),
        },
        "Environment": dict(job.environment),
        "ProcessingInputs": [_input(given) for given in job.inputs],
        "ProcessingOutputConfig": {"Outputs": [_output(given) for given in job.outputs], "KmsKeyId": None},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": len(job.hosts),
                "InstanceType": job.instance_type,
                "VolumeSizeInGB": job.volume,
                "VolumeKmsKeyId": None,
            }
        },
        "RoleArn": job.role,
        "StoppingCondition": {"MaxRuntimeInSeconds": job.max_runtime},
    }


def _list(words: tuple[str, ...] | None) -> list[str] | None:
    return None if words is None else list(words)


def _input(given: ProcessingInput) -> dict[str, object]:
    source = {
        "LocalPath": str(given.target),
        "S3Uri": given.uri,
        "S3DataDistributionType": given.distribution,
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3CompressionType": "None",
        "S3DownloadMode": "StartOfJob",
    }
    return {"InputName": given.name, "AppManaged": False, "S3Input": source, "DatasetDefinitionInput": None}


def _output(given: ProcessingOutput) -> dict[str, object]:
    target = {"LocalPath": str(given.target), "S3Uri": given.uri, "S3UploadMode": given.upload}
    return {"OutputName": given.name, "AppManaged": False, "S3Output": target, "FeatureStoreOutput": None}


def processing_container(
    job: ProcessingJob, host: str, *, image: str, mounts: tuple[Mount, ...], network: str
) -> ContainerPlan:
    """``docker run IMAGE``: no word is added, entrypoint and arguments replace the image's own (PRC-01)."""
    ambient = {} if job.isolated else {"AWS_REGION": job.region}
    return ContainerPlan(
        name=f"{network}-{host}",
        image=image,
        command=job.arguments,
        entrypoint=job.entrypoint,
        env={**ambient, "NVIDIA_VISIBLE_DEVICES": "void", "PROCESSING_JOB_ARN": job.arn, **job.environment},
        mounts=mounts,
        network=network,
        alias=host,
        hostname=f"ip-10-0-0-{12 + job.hosts.index(host)}.ec2.internal",  # HAR-05
    )


def input_argument(text: str, name: str) -> tuple[str, PurePosixPath | None]:
    """``PATH[:LOCALPATH]`` of ``--input NAME=``: where the data are, and where they go. Raises UsageError."""
    path, colon, target = text.rpartition(":/")
    if (
        len(path) == 1 and path.isalpha()
    ) or path == "s3":  # C:/data and s3://bucket have a colon of their own
        colon = ""
    if path or not colon:
        return (path, PurePosixPath(f"/{target}")) if colon else (text, None)
    raise UsageError(
        f"--input {name}={text} names no data",
        why="the path before the colon is empty",
        fix=f"for example --input {name}=data/{name}, or --input {name}=data:{PLACE}/input/{name}",
        id="BYOC-E440",
    )


def output_argument(text: str) -> tuple[str, PurePosixPath | None]:
    """``NAME[:LOCALPATH]`` of ``--output``. Raises UsageError."""
    name, colon, target = text.partition(":/")
    if name and "/" not in name and name not in {".", ".."}:
        return name, PurePosixPath(f"/{target}") if colon else None
    raise UsageError(
        f"--output {text!r} names no output",
        why="an output is NAME or NAME:LOCALPATH; the files are then in the folder NAME of the run",
        fix=f"for example --output train, or --output train:{PLACE}/train",
        id="BYOC-E440",
    )
