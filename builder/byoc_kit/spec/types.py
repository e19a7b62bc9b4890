"""What byoc.toml means once it is complete: nothing optional is left that has a default.

Made only by :func:`byoc_kit.spec.read.read_spec`; every value here has been checked. Paths of the project are
:class:`~pathlib.PurePosixPath` relative to the folder of the file, without ``..``.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from byoc_kit.oci.config import Platform

__all__ = [
    "OCI_TARGETS",
    "Build",
    "Chain",
    "Ecr",
    "File",
    "Image",
    "Network",
    "Process",
    "Publish",
    "Python",
    "Serve",
    "Server",
    "Spec",
    "Style",
    "System",
    "Target",
    "Train",
]


class Style(enum.StrEnum):
    """How training code gets into the container (architecture: the four styles)."""

    BASIC = "basic"
    SCRIPT_MODE_1 = "script-mode-1"
    SCRIPT_MODE_2 = "script-mode-2"
    FRAMEWORK = "framework"

    @property
    def has_toolkit(self) -> bool:
        """Whether sagemaker-training runs the script."""
        return self is not Style.BASIC

    @property
    def bakes_code(self) -> bool:
        """Whether the user's training program is part of the image."""
        return self in {Style.BASIC, Style.SCRIPT_MODE_1}


class Target(enum.StrEnum):
    """A job type of SageMaker that an image is for."""

    TRAINING = "training"
    TUNING = "tuning"
    PROCESSING = "processing"
    HOSTING = "hosting"
    SERVERLESS = "serverless"
    BATCH = "batch"
    ASYNC = "async"
    STREAMING = "streaming"
    MULTI_MODEL = "multi-model"
    PIPELINE = "pipeline"
    STUDIO = "studio"

    @property
    def trains(self) -> bool:
        """Started with the word ``train`` (HAR-01)."""
        return self in {Target.TRAINING, Target.TUNING}

    @property
    def serves(self) -> bool:
        """Started with the word ``serve`` (HAR-01)."""
        return self not in {Target.TRAINING, Target.TUNING, Target.PROCESSING, Target.STUDIO}


OCI_TARGETS = frozenset({Target.TRAINING, Target.TUNING, Target.PROCESSING, Target.STUDIO})
"""The targets that are known to take an OCI manifest, too (IMG-11 is about the others)."""


class Server(enum.StrEnum):
    """What answers /ping and /invocations."""

    ASGI = "asgi"
    MMS = "mms"


class Network(enum.StrEnum):
    """The network of RUN steps during a build."""

    DEFAULT = "default"
    HOST = "host"
    NONE = "none"


class Chain(enum.StrEnum):
    """What happens to an ENTRYPOINT that the base has already."""

    CHAIN = "chain"
    """Ours is PID 1 and starts ``[base entrypoint..., command]``."""
    REPLACE = "replace"
    KEEP = "keep"
    """The base's stays; the entry program is not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """``[image]``."""

    name: str
    version: str | None
    style: Style
    base: str
    platform: Platform
    targets: tuple[Target, ...]
    user: str
    """``""`` and ``root`` mean root."""
    instances: tuple[str, ...]
    """Instance types the image is meant for, e.g. ``ml.m5.xlarge``."""
    entrypoint: Chain
    prebuilt: str | None = None
    """Full short name of *base* where byoc.toml has one; the same in every region, unlike *base*."""

    @property
    def base_name(self) -> str:
        """What a lock calls the base: the short name, else the reference."""
        return self.prebuilt or self.base


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """``[python]``."""

    requirements: tuple[str, ...]
    """PEP 508 requirements: the inline ones, then those of the file."""
    requirements_file: PurePosixPath | None
    packages: tuple[PurePosixPath, ...]
    """Folders of the project with a pyproject.toml; built into wheels and installed."""
    index_url: str | None
    extra_index_urls: tuple[str, ...]
    find_links: tuple[str, ...]
    allow_change: tuple[str, ...]
    protect: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """``[system]``: packages of the base's own package manager."""

    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One entry of ``[files]``: a file or folder of the project at *dest* in the image."""

    dest: PurePosixPath
    source: PurePosixPath
    mode: int | None
    """Permission bits; None: 0755 for what is executable in the project, else 0644."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Train:
    """``[train]``."""

    program: str
    """File name below *source*."""
    source: PurePosixPath
    module: str | None
    """framework style: ``package.module:function`` for SAGEMAKER_TRAINING_MODULE (TTK-06)."""
    hyperparameters: Mapping[str, object]
    """As written in TOML; turned into strings when a job is made (CFG-01)."""
    channels: Mapping[str, PurePosixPath]
    metrics: Mapping[str, str]
    """Name to regular expression (TRN-13)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """``[serve]``."""

    program: str
    source: PurePosixPath
    server: Server
    workers: int | None
    """None: decided inside the container."""
    model: PurePosixPath | None
    """A folder of the project to serve when no run has made a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """``[process]``."""

    program: str
    source: PurePosixPath
    inputs: Mapping[str, PurePosixPath]
    """Name to a file or folder of the project, for local runs."""
    outputs: tuple[str, ...]
    """Names; each a folder of the name below /opt/ml/processing/output in local runs (PRC-05)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """``[build]``."""

    engine: str
    """``auto``, ``docker`` or ``layer``."""
    network: Network
    ca_bundle: str
    """``auto`` (SSL_CERT_FILE and its like, if set), ``none``, or a path on this machine."""
    secrets: Mapping[str, str]
    """Id to where it comes from: ``env:NAME`` or ``file:PATH``. Mounted at /run/secrets/ID in RUN steps."""
    cache: bool
    """Whether pip's and apt's caches are kept between builds on this machine (never in the image)."""
    compiler: bool | None
    """Whether the wheel stage gets a compiler; None: only where the style needs one (TTK-50)."""
    bytecode: str
    dockerfile: PurePosixPath | None
    """An existing Dockerfile to build instead of a rendered one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ecr:
    """``[publish.ecr]``: the repository in Amazon ECR as code. What is None or empty is left as it is."""

    create: bool
    """Whether publishing makes a repository that is missing."""
    encryption: str | None
    """``AES256``, ``KMS`` or ``KMS_DSSE``; ECR never changes it afterwards."""
    kms_key: str | None
    mutability: str | None
    """``mutable`` or ``immutable``."""
    mutability_exclusions: tuple[str, ...]
    """Patterns of tags for which the opposite of *mutability* holds."""
    scan: str | None
    """``off``, ``on-push`` or ``enhanced``."""
    keep_releases: int | None
    expire_untagged_days: int | None
    pull_accounts: tuple[str, ...] | None
    sagemaker_pull: bool | None
    """Whether the service itself (sagemaker.amazonaws.com) may pull, besides the roles of jobs."""
    resource_tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """``[publish]``."""

    repository: str
    region: str | None
    account: str | None
    tags: tuple[str, ...]
    """Templates (:mod:`byoc_kit.spec.tag_templates`)."""
    on_conflict: str
    oci: bool = False
    """Whether an OCI manifest is pushed, too."""
    profile: str | None
    role_arn: str | None
    external_id: str | None
    role_session_name: str | None
    endpoint_url: str | None
    """Of the ECR API."""
    roles: Mapping[str, str]
    """Account to the role that is assumed for its registries, where *role_arn* is not the one."""
    ecr: Ecr


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """``[verify]``."""

    request: PurePosixPath | None
    expect: str | None
    """A regular expression that the answer must hold."""
    content_type: str | None
    hyperparameters: Mapping[str, object] | None
    """None: those of ``[train]``; channels and metrics likewise."""
    channels: Mapping[str, PurePosixPath] | None
    metrics: Mapping[str, str] | None
    dynamic: bool
    time_limits: Mapping[str, float]
    waivers: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One byoc.toml, complete and checked."""

    image: Image
    python: Python
    system: System
    files: tuple[File, ...]
    env: Mapping[str, str]
    labels: Mapping[str, str]
    train: Train | None
    serve: Serve | None
    process: Process | None
    build: Build
    publish: Publish | None
    verify: Verify | None
    notes: tuple[str, ...] = ()
    """Sentences for the user about what was normalised or chosen, e.g. CRLF line ends in a program."""
