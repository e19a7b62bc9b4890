"""The form of byoc.toml: every key, its type, default and meaning, once.

The reader checks files against these models, ``byoc schema`` prints them as JSON Schema, and
docs/byoc-toml.md is written from them. Strict: nothing is converted, and what is not listed is an error.
Rules that tie several keys together or need SageMaker's limits are in :mod:`byoc_kit.spec.rules`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic.fields import FieldInfo

from byoc_kit.spec.mistake import SOURCE
from byoc_kit.spec.types import Chain, Network, Server, Style, Target

__all__ = ["TABLES", "SpecFile", "fields_of"]

ROLE = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,512}$"
Text = Annotated[str, Field(min_length=1)]
ConvertedStyle = Annotated[Style, Field(strict=False)]
ConvertedTarget = Annotated[Target, Field(strict=False)]
ConvertedServer = Annotated[Server, Field(strict=False)]
ConvertedNetwork = Annotated[Network, Field(strict=False)]
ConvertedChain = Annotated[Chain, Field(strict=False)]


def _kebab(name: str) -> str:
    return name.replace("_", "-")


def _key(
    text: str, *, used: str, unit: str | None = None, examples: list[Any] | None = None, **more: Any
) -> Any:
    """A field: its sentence, the commands that use it, and its unit where it has one."""
    extra: dict[str, Any] = {"x-used-by": used} | ({"x-unit": unit} if unit else {})
    return Field(description=text, examples=examples, json_schema_extra=extra, **more)


class Table(BaseModel):
    """A table of byoc.toml."""

    model_config = ConfigDict(strict=True, extra="forbid", alias_generator=_kebab, defer_build=True)


class ImageTable(Table):
    """What the image is, and what it is for."""

    name: Text = _key(
        "Name of the image in the local engine: a docker repository name without registry and tag.",
        used="all",
        examples=["churn", "team/churn"],
    )
    version: Text | None = _key(
        "Version of the image; a final PEP 440 release gives the tags 1.4.2, 1.4, 1 and latest.",
        used="publish",
        examples=["1.4.2"],
        default=None,
    )
    style: ConvertedStyle | None = _key(
        "How training code gets into the container. Required, unless [build] dockerfile is set.",
        used="build, run",
        examples=["script-mode-1"],
        default=None,
    )
    base: Text | None = _key(
        "The image to build on: any reference, also one that only the local engine has, or the short name of "
        "a prebuilt image (`byoc bases`). Required, unless [build] dockerfile is set.",
        used="build",
        examples=[
            "public.ecr.aws/docker/library/python:3.12-slim",
            "dlc:pytorch-training:2.8-gpu",
            "mybase:dev",
        ],
        default=None,
    )
    platform: Literal["linux/amd64", "linux/arm64"] = _key(
        "Operating system and architecture of the instances, never of the machine that builds.",
        used="build, verify",
        default="linux/amd64",
    )
    targets: list[ConvertedTarget] | None = _key(
        "The job types the image is for. Left out: training where there is [train], hosting where there is "
        "[serve], processing where there is [process].",
        used="build, run, verify",
        examples=[["training", "hosting"]],
        default=None,
        min_length=1,
    )
    user: str = _key(
        "USER of the image. Left out: root, as SageMaker expects (IMG-05).", used="build, verify", default=""
    )
    instances: list[Text] = _key(
        "Instance types the image is meant for.",
        used="verify",
        examples=[["ml.m5.xlarge"]],
        default=[],
    )
    entrypoint: ConvertedChain = _key(
        "An ENTRYPOINT of the base: chain (ours starts it), replace, or keep (ours is not used).",
        used="build",
        default=Chain.CHAIN,
    )


class PythonTable(Table):
    """Python packages to add to the base's own interpreter."""

    requirements: list[Text] = _key(
        "PEP 508 requirements.", used="build", examples=[["scikit-learn", "pandas>=2"]], default=[]
    )
    requirements_file: Text | None = _key(
        "A requirements file of the project, read after the inline ones; it may include others with -r. "
        "Also a pyproject.toml (its project.dependencies) or a pylock.toml (PEP 751).",
        used="build",
        examples=["requirements.txt"],
        default=None,
    )
    packages: list[Text] = _key(
        "Folders of the project with a pyproject.toml or setup.py, built into wheels and installed.",
        used="build",
        examples=[["libs/features"]],
        default=[],
    )
    index_url: Text | None = _key(
        "The package index to use, without user and password: "
        "these come from a build secret or from pip's own settings.",
        used="build",
        examples=["https://index.example/simple"],
        default=None,
    )
    extra_index_urls: list[Text] = _key("Further package indexes.", used="build", default=[])
    find_links: list[Text] = _key(
        "URLs of pages that list distributions.",
        used="build",
        examples=[["https://index.example/wheels/"]],
        default=[],
    )
    allow_change: list[Text] = _key(
        "Distributions of the base that may change although they are protected.",
        used="build",
        examples=[["numpy"]],
        default=[],
    )
    protect: list[Text] = _key(
        "Distributions of the base that must stay exactly as they are.",
        used="build",
        examples=[["torch"]],
        default=[],
    )


class SystemTable(Table):
    """Packages of the base's own package manager (apt, dnf, apk)."""

    packages: list[Text] = _key(
        "Names, with a version where the package manager's own form has one.",
        used="build",
        examples=[["libgomp1"]],
        default=[],
    )


class FileTable(Table):
    """One entry of [files] with permission bits."""

    source: Text = _key("A file or folder of the project.", used="build")
    mode: str | None = _key(
        "Permission bits as octal text. Left out: 0755 for what is executable in the project, else 0644.",
        used="build",
        unit="octal",
        examples=["0755"],
        default=None,
        pattern="^0?[0-7]{3}$",
    )


class TrainTable(Table):
    """The training program."""

    program: Text = _key(
        "The file that trains, below source.", used="build, run train", examples=["train.py"]
    )
    source: Text = _key("Folder of the project with the program.", used="build, run train", default=SOURCE)
    module: str | None = _key(
        "Framework style only: package.module:function that every job calls (SAGEMAKER_TRAINING_MODULE).",
        used="build",
        examples=["acme_framework.training:main"],
        default=None,
        pattern="^[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$",
    )
    hyperparameters: dict[str, Any] = _key(
        "Defaults for local runs: text, numbers, booleans, arrays or tables.",
        used="run train",
        examples=[{"epochs": 3}],
        default={},
    )
    channels: dict[str, Text] = _key(
        "Input channels of local runs: name to file or folder of the project.",
        used="run train",
        examples=[{"train": "data"}],
        default={},
    )
    metrics: dict[str, Text] = _key(
        "Metric name to the regular expression that finds it in the log; its first group is the number.",
        used="run train, run tune",
        examples=[{"validation:f1": "f1=([0-9.]+)"}],
        default={},
    )


class ServeTable(Table):
    """The serving program."""

    program: Text = _key(
        "The file with model_fn, predict_fn and so on, below source.", used="build, run serve"
    )
    source: Text | None = _key(
        "Folder of the project with the program. Left out: that of [train], else src.",
        used="build, run serve",
        default=None,
    )
    server: ConvertedServer = _key(
        "What answers /ping and /invocations: asgi, or mms (sagemaker-inference, which needs Java).",
        used="build, run serve",
        default=Server.ASGI,
    )
    workers: int | None = _key(
        "Worker processes. Left out: decided inside the container by CPUs and GPUs.",
        used="build, run serve",
        unit="processes",
        default=None,
        ge=1,
        le=1024,
    )
    model: Text | None = _key(
        "Folder of the project to serve when no run has made a model yet.",
        used="run serve",
        examples=["model"],
        default=None,
    )


class ProcessTable(Table):
    """The processing program."""

    program: Text = _key(
        "The file that a processing job runs, below source.",
        used="build, run process",
        examples=["process.py"],
    )
    source: Text = _key("Folder of the project with the program.", used="build, run process", default=SOURCE)
    inputs: dict[str, Text] = _key(
        "Inputs of local runs, found at /opt/ml/processing/input/NAME: name to file or folder.",
        used="run process",
        examples=[{"raw": "data"}],
        default={},
    )
    outputs: list[Text] = _key(
        "Outputs of local runs: names of folders that the program fills, /opt/ml/processing/output/NAME.",
        used="run process",
        examples=[["train", "test"]],
        default=[],
    )


class BuildTable(Table):
    """How the image is built on this machine. Nothing of it stays in the image."""

    engine: Literal["auto", "docker", "layer"] = _key(
        "Which engine builds; auto: the layer engine where nothing has to run inside the base and the image "
        "leaves this machine, else docker.",
        used="build",
        default="auto",
    )
    network: ConvertedNetwork = _key("Network of the build steps.", used="build", default=Network.DEFAULT)
    ca_bundle: Text = _key(
        "CA certificates that build steps trust: auto (SSL_CERT_FILE and its like, if set), none, "
        "or a file on this machine.",
        used="build",
        examples=["/etc/ssl/certs/ca-certificates.crt"],
        default="auto",
    )
    secrets: dict[str, str] = _key(
        "Secret id to where it comes from, env:NAME or file:PATH; at /run/secrets/ID in build steps only.",
        used="build",
        examples=[{"pip_conf": "file:~/.config/pip/work.conf"}],
        default={},
    )
    cache: bool = _key(
        "Whether the caches of pip and apt are kept between builds on this machine.",
        used="build",
        default=True,
    )
    compiler: bool | None = _key(
        "Whether the wheel stage has a C compiler. Left out: only where the style needs one.",
        used="build",
        default=None,
    )
    bytecode: Literal["none", "imports", "all"] = _key(
        "Whether modules of installed packages are compiled beforehand: a quicker start, a larger image. "
        "imports: those that your programs, and what you ask for by name, import (docker engine: all).",
        used="build",
        default="none",
    )
    dockerfile: Text | None = _key(
        "A Dockerfile of the project to build as it is, instead of a rendered one.",
        used="build",
        examples=["Dockerfile"],
        default=None,
    )


class EcrTable(Table):
    """The repository in Amazon ECR as code. A key that is left out is not looked at, and ECR's default holds.

    `byoc repository plan` shows what differs, and `byoc repository apply` changes it.
    """

    create: bool = _key(
        "Whether `byoc publish` makes the repository, with these settings, where it is missing.",
        used="publish",
        default=True,
    )
    encryption: Literal["AES256", "KMS", "KMS_DSSE"] | None = _key(
        "How ECR encrypts; it cannot be changed later. Left out: as the repository of the base, where that "
        "is in the same registry, since blobs are shared only between equal encryptions; else AES256.",
        used="publish, repository",
        examples=["KMS"],
        default=None,
    )
    kms_key: Text | None = _key(
        "Key for KMS and KMS_DSSE: an ARN, an id or an alias. Left out: the account's aws/ecr key.",
        used="publish, repository",
        examples=["alias/ml-images"],
        default=None,
    )
    mutability: Literal["mutable", "immutable"] | None = _key(
        "Whether a tag may be moved to another image.",
        used="publish, repository",
        examples=["immutable"],
        default=None,
    )
    mutability_exclusions: list[
        Annotated[
            str, Field(pattern="^[0-9A-Za-z._-]*([*][0-9A-Za-z._-]*){0,2}$", min_length=1, max_length=128)
        ]
    ] = _key(
        "Tags for which the opposite of mutability holds; * stands for anything, at most twice.",
        used="publish, repository",
        examples=[["latest", "dev-*"]],
        default=[],
        max_length=5,
    )
    scan: Literal["off", "on-push", "enhanced"] | None = _key(
        "Scanning for vulnerabilities: off, on-push (basic), or enhanced (Amazon Inspector, a setting of the "
        "whole registry).",
        used="publish, repository",
        examples=["on-push"],
        default=None,
    )
    keep_releases: int | None = _key(
        "How many images with a version tag are kept; ECR deletes the oldest beyond that.",
        used="publish, repository",
        unit="images",
        examples=[20],
        default=None,
        ge=1,
    )
    expire_untagged_days: int | None = _key(
        "After how many days ECR deletes images that have no tag (any more).",
        used="publish, repository",
        unit="days",
        examples=[14],
        default=None,
        ge=1,
    )
    pull_accounts: list[Annotated[str, Field(pattern="^[0-9]{12}$")]] | None = _key(
        "Other accounts that may pull, by the repository's policy.",
        used="publish, repository",
        examples=[["444455556666"]],
        default=None,
    )
    sagemaker_pull: bool | None = _key(
        "Whether the service sagemaker.amazonaws.com may pull, by the repository's policy.",
        used="publish, repository",
        examples=[True],
        default=None,
    )
    resource_tags: dict[str, str] = _key(
        "AWS tags of the repository; others that it has are left alone.",
        used="publish, repository",
        examples=[{"team": "churn"}],
        default={},
    )


class PublishTable(Table):
    """Where the image goes."""

    repository: Text = _key(
        "A repository of the account's ECR, or a full registry/path.",
        used="publish",
        examples=["sagemaker/churn", "registry.example:5000/team/churn"],
    )
    region: str | None = _key(
        "AWS region. Left out: that of the AWS configuration.",
        used="publish",
        examples=["eu-west-1"],
        default=None,
        pattern="^[a-z]{2,4}(-[a-z]+)+-[0-9]+$",
    )
    account: str | None = _key(
        "AWS account. Left out: the caller's.",
        used="publish",
        examples=["111122223333"],
        default=None,
        pattern="^[0-9]{12}$",
    )
    tags: list[Text] = _key(
        "Further tags; in braces: version, name, style, framework, arch, commit, date, content.",
        used="publish",
        examples=[["{version}-{framework}"]],
        default=[],
    )
    oci: bool = _key(
        "Also push an OCI manifest over the same layers, under each tag with -oci behind it: for training, "
        "processing and Studio, never for hosting.",
        used="publish",
        default=False,
    )
    on_conflict: Literal["fail", "keep", "move"] = _key(
        "When a tag exists with another digest: fail, keep the old one, or move it.",
        used="publish",
        default="fail",
    )
    profile: Text | None = _key(
        "Profile of the AWS configuration. Left out: AWS_PROFILE, and whatever else boto3 finds.",
        used="publish, repository, doctor",
        examples=["ml-team"],
        default=None,
    )
    role_arn: Annotated[str, Field(pattern=ROLE)] | None = _key(
        "IAM role to assume before anything is asked of AWS.",
        used="publish, repository, doctor",
        examples=["arn:aws:iam::111122223333:role/publisher"],
        default=None,
    )
    external_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$")] | None = _key(
        "External id that the role's trust policy asks for.",
        used="publish, repository, doctor",
        default=None,
    )
    role_session_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@-]{2,64}$")] | None = _key(
        "Name of the role's session, as CloudTrail shows it. Left out: byoc.",
        used="publish, repository, doctor",
        examples=["byoc-ci"],
        default=None,
    )
    endpoint_url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")] | None = _key(
        "Address of the ECR API, where it is not AWS's public one.",
        used="publish, repository, doctor",
        examples=["https://vpce-1a2b3c.api.ecr.eu-west-1.vpce.amazonaws.com"],
        default=None,
    )
    roles: dict[str, Annotated[str, Field(pattern=ROLE)]] = _key(
        "Roles to assume for registries of other accounts: account to role.",
        used="publish, replicate, doctor",
        examples=[{"444455556666": "arn:aws:iam::444455556666:role/publisher"}],
        default={},
    )
    ecr: EcrTable = Field(default_factory=EcrTable)


class WaiverTable(Table):
    """One clause that is knowingly not kept."""

    clause: Text = _key("Id of the clause.", used="verify, publish", examples=["IMG-17"])
    reason: Text = _key("Why.", used="verify, publish", examples=["a ticket is open"])
    until: Text | None = _key(
        "Last day on which it counts, YYYY-MM-DD; afterwards the clause fails where it is broken.",
        used="verify, publish",
        default=None,
        pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        examples=["2027-01-31"],
    )


class VerifyTable(Table):
    """How the image is checked, and with what it is tried. What is left out is made up."""

    request: Text | None = _key(
        "A file of the project to send as a request.", used="verify", examples=["sample.csv"], default=None
    )
    expect: str | None = _key(
        "A regular expression that the answer must hold.",
        used="verify",
        examples=["setosa|virginica"],
        default=None,
    )
    content_type: Text | None = _key(
        "Content type of the request. Left out: by the file's name.",
        used="verify",
        examples=["text/csv"],
        default=None,
    )
    hyperparameters: dict[str, Any] | None = _key(
        "Hyperparameters to train with. Left out: those of [train].",
        used="verify",
        examples=[{"epochs": 1}],
        default=None,
    )
    channels: dict[str, Text] | None = _key(
        "Input channels to train with: name to file or folder of the project. Left out: those of [train].",
        used="verify",
        examples=[{"train": "sample"}],
        default=None,
    )
    metrics: dict[str, Text] | None = _key(
        "Metrics that training must print: name to regular expression. Left out: those of [train].",
        used="verify",
        examples=[{"validation:f1": "f1=([0-9.]+)"}],
        default=None,
    )
    dynamic: bool = _key(
        "Whether the image may be started to check it, where nothing else is asked for.",
        used="verify, publish",
        default=True,
    )
    time_limits: dict[str, float] = _key(
        "Limits for training, startup (until /ping answers) and invocation.",
        used="verify",
        unit="seconds",
        examples=[{"startup": 120}],
        default={},
    )
    waivers: list[WaiverTable] = _key(
        "Clauses that are knowingly not kept.",
        used="verify, publish",
        examples=[[{"clause": "IMG-17", "reason": "a ticket is open", "until": "2027-01-31"}]],
        default=[],
    )


def _form(entry: object) -> str:
    return "table" if isinstance(entry, dict | FileTable) else "text"


Entry = Annotated[Annotated[Text, Tag("text")] | Annotated[FileTable, Tag("table")], Discriminator(_form)]
"""A value of [files]: the source alone, or a table."""


class SpecFile(Table):
    """byoc.toml: one image for SageMaker."""

    requires_byoc: Text | None = _key(
        "Versions of byoc that understand this file.", used="all", examples=[">=0.1"], default=None
    )
    image: ImageTable
    python: PythonTable = Field(default_factory=PythonTable)
    system: SystemTable = Field(default_factory=SystemTable)
    files: dict[str, Entry] = _key(
        "Absolute path in the image to a file or folder of the project (ending in /: into that folder); "
        "a table for its mode.",
        used="build",
        examples=[{"/opt/acme/vocabulary.txt": "data/vocabulary.txt"}],
        default={},
    )
    env: dict[str, str] = _key(
        "Environment of the image.", used="build", examples=[{"OMP_NUM_THREADS": "1"}], default={}
    )
    labels: dict[str, str] = _key(
        "Labels of the image.",
        used="build",
        examples=[{"org.opencontainers.image.vendor": "Acme"}],
        default={},
    )
    train: TrainTable | None = None
    serve: ServeTable | None = None
    process: ProcessTable | None = None
    build: BuildTable = Field(default_factory=BuildTable)
    publish: PublishTable | None = None
    verify: VerifyTable | None = None


TABLES: Mapping[tuple[str | int, ...], type[Table]] = {
    (): SpecFile,
    ("image",): ImageTable,
    ("python",): PythonTable,
    ("system",): SystemTable,
    ("files", "*"): FileTable,
    ("train",): TrainTable,
    ("serve",): ServeTable,
    ("process",): ProcessTable,
    ("build",): BuildTable,
    ("publish",): PublishTable,
    ("publish", "ecr"): EcrTable,
    ("verify",): VerifyTable,
    ("verify", "waivers", "*"): WaiverTable,
}
"""Where in the file each table stands; ``*``: any key, any place in an array."""


def fields_of(table: type[Table]) -> dict[str, FieldInfo]:
    """The fields of a table by the keys of the file."""
    return {field.alias or name: field for name, field in table.model_fields.items()}
