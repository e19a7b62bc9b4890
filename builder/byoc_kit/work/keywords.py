"""The options of ``byoc run`` and ``byoc build`` as keyword arguments, typed, for the Python API."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypedDict

from byoc_kit.job.batches import Split, Strategy
from byoc_kit.job.transform import Assemble, Compression

__all__ = [
    "BuildKeywords",
    "ProcessKeywords",
    "ServeKeywords",
    "TrainKeywords",
    "TransformKeywords",
    "TuneKeywords",
]


class Keywords(TypedDict, total=False):
    """What can be asked of any container."""

    environment: Mapping[str, str]
    """More variables for the container."""
    live: bool
    """Mount the project's source over the code in the image, so that a change needs no build."""
    keep: bool
    """Leave the stopped container and its network for a look."""
    init: bool
    """Start it with Docker's init as PID 1."""
    shm_size: str
    """Size of /dev/shm, e.g. ``2g``; 64m without it."""
    aws_credentials: bool
    """Hand the caller's AWS credentials to the container."""
    region: str
    """AWS_REGION in the container."""


class TrainKeywords(Keywords, total=False):
    """What can be asked of a training job."""

    metrics: Mapping[str, str]
    """Name to the regular expression whose first group is the number; found ones are in the result."""
    driver: Literal["sdk3"]
    """As ModelTrainer of the SageMaker SDK 3 starts it, with the project's source."""
    job_file: Path
    """A CreateTrainingJob request as JSON."""
    sdk: bool
    """Encode hyperparameters as the SageMaker SDK does."""
    instance_type: str
    """What resourceconfig.json says."""
    hosts: int
    """How many hosts, each a container."""
    groups: Sequence[str]
    """``NAME=INSTANCE-TYPE:COUNT`` each: hosts of different kinds."""
    isolated: bool
    """Without a network but between the hosts."""
    time_limit: float
    """Seconds after which the job is stopped; a day without it."""
    stop_after: float
    """Seconds after which the job is stopped as StopTrainingJob does it."""
    interrupt_after: float
    """Seconds after which the hosts vanish as spot instances do; then the job begins anew."""
    resume: str
    """Whose checkpoints are there at the start: ``latest``, the id of a run, or a folder."""
    fetch: bool
    """Fetch the job file's channels from S3."""
    warm_pool: bool
    """Mount the cache folder that a managed warm pool keeps from job to job."""
    limits: bool
    """As much CPU and memory as the instance type has."""
    gpus: int
    """How many GPUs each host gets; -1: all."""


class ProcessKeywords(Keywords, total=False):
    """What can be asked of a processing job."""

    outputs: Sequence[str]
    """``NAME[:LOCALPATH]`` each: folders that the container fills."""
    entrypoint: Sequence[str]
    """In place of the image's own."""
    arguments: Sequence[str]
    """In place of the image's CMD."""
    job_file: Path
    """A CreateProcessingJob request as JSON."""
    fetch: bool
    """Fetch the job file's inputs from S3."""
    hosts: int
    """How many hosts, each a container."""
    isolated: bool
    """Without a network but between the hosts."""
    time_limit: float
    """Seconds after which the job is stopped; a day without it."""


class TuneKeywords(TypedDict, total=False):
    """What can be asked of a tuning job."""

    objective: str
    """The metric that is compared; without it the only one there is."""
    minimize: bool
    """Less is better."""
    jobs: int
    """How many training jobs; 4 without it."""
    parallel: int
    """How many at a time."""
    seed: int
    """Of the order of the values."""
    job_file: Path
    """A CreateHyperParameterTuningJob request as JSON."""


class ServeKeywords(Keywords, total=False):
    """What can be asked of an endpoint."""

    timeout: float
    """Seconds until the first good ping; 480 without it."""
    target: str
    """How it is hosted, e.g. ``serverless`` or ``multi-model``; ``hosting`` without it."""
    memory: int
    """MB of a serverless endpoint."""
    bind_port: int
    """SAGEMAKER_BIND_TO_PORT in the container."""
    images: tuple[str, ...]
    """The containers of a pipeline, in order."""
    models: tuple[Path, ...]
    """Of a pipeline's containers, in order."""


class TransformKeywords(Keywords, total=False):
    """What can be asked of a batch transform, in the words of CreateTransformJob."""

    into: Path
    """The folder for the ``.out`` files."""
    model: Path
    """A folder or a model.tar.gz; without it the newest successful run's."""
    job_file: Path
    """A CreateTransformJob request as JSON."""
    content_type: str
    accept: str
    split: Split
    assemble: Assemble
    compression: Compression
    strategy: Strategy
    max_payload: int
    """MB of one request; 0: any."""
    max_concurrent: int
    timeout: int
    """Seconds one answer may take."""
    retries: int
    join: bool
    input_filter: str
    output_filter: str


class BuildKeywords(TypedDict, total=False):
    """What can be asked of a build."""

    tag: str
    """The name in the engine; ``<image name>:latest`` without it."""
    no_cache: bool
    """Build every step again."""
    engine: str
    """``auto``, ``docker`` or ``layer``."""
    output: str
    """``docker``, ``registry``, ``oci:DIR`` or ``docker-archive:FILE``."""
