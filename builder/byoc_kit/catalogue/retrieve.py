"""The URI that the SageMaker SDK's ``image_uris.retrieve`` gives, from the same tables.

The reference is SDK 3.27.0, whose odd sides are part of the answer: an alias of a version stays in the tag,
the newest Neuron SDK is the last one by spelling, and a Triton tag loses every trailing letter of ``-gpu``.
Our tests ask the SDK and this module every question that its tables allow.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from packaging.version import InvalidVersion, Version

from byoc_kit.catalogue.question import Question, RefusedError, family
from byoc_kit.catalogue.regions import Regions
from byoc_kit.catalogue.tables import Config, Row, Tables

__all__ = ["Located", "locate", "retrieve"]

HUGGING_FACE: Final = "huggingface"
GRAVITON: Final = frozenset({"m6g", "m6gd", "c6g", "c6gd", "c6gn", "c7g", "r6g", "r6gd"})
GRAVITON_FRAMEWORKS: Final = frozenset({"tensorflow", "pytorch", "xgboost", "sklearn"})
GRAVITON_SCOPE: Final = "inference_graviton"
GRAVITON_TAGS: Final = {
    "xgboost": {"1.5-1": "1.5-1-arm64", "1.3-1": "1.3-1-arm64"},
    "sklearn": {"1.0-1": "1.0-1-arm64-cpu-py3"},
}
ALGORITHMS: Final = frozenset({"xgboost", "sklearn"})
COMPILED: Final = frozenset({"huggingface", "pytorch"})
"""Frameworks with a table of their own for the training compiler, and with one for Neuron."""
TAGGED_BY_NEURON_SDK: Final = frozenset(
    {
        "pytorch-training-neuron",
        "pytorch-training-neuronx",
        "huggingface-vllm-inference-neuronx",
    }
)
HUGGING_FACE_NEURON: Final = frozenset(
    {
        "huggingface-pytorch-inference-neuron",
        "huggingface-pytorch-inference-neuronx",
    }
)
HUGGING_FACE_COMPILED: Final = frozenset(
    {
        "huggingface-pytorch-trcomp-training",
        "huggingface-tensorflow-trcomp-training",
    }
)
TAKES_CONTAINER_VERSION: Final = frozenset({"huggingface", "pytorch-smp", "spark"})
P2_ENDED: Final = {"pytorch": Version("1.13"), "tensorflow": Version("2.12")}
"""From these versions on nothing runs on P2 instances any more."""
CUDA_11_TAGS: Final = {
    "tensorflow-2.3-gpu-py37": "cu110-ubuntu18.04-v3",
    "tensorflow-2.3.1-gpu-py37": "cu110-ubuntu18.04",
    "tensorflow-2.3.2-gpu-py37": "cu110-ubuntu18.04",
    "tensorflow-1.15-gpu-py37": "cu110-ubuntu18.04-v8",
    "tensorflow-1.15.4-gpu-py37": "cu110-ubuntu18.04",
    "tensorflow-1.15.5-gpu-py37": "cu110-ubuntu18.04",
    "mxnet-1.8-gpu-py37": "cu110-ubuntu16.04-v1",
    "mxnet-1.8.0-gpu-py37": "cu110-ubuntu16.04",
    "pytorch-1.6-gpu-py36": "cu110-ubuntu18.04-v3",
    "pytorch-1.6.0-gpu-py36": "cu110-ubuntu18.04",
    "pytorch-1.6-gpu-py3": "cu110-ubuntu18.04-v3",
    "pytorch-1.6.0-gpu-py3": "cu110-ubuntu18.04",
}
"""On ml.p4d, and for smdistributed, these have an image with another CUDA."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """An image of the tables, without the region it is asked for."""

    repository: str
    tag: str
    accounts: Mapping[str, str]
    """Region to account."""

    def uri(self, region: str, regions: Regions) -> str:
        """Its URI in *region*. Raises RefusedError where the tables have no account there."""
        registry = regions.registry(_one_of("region", region, self.accounts), region)
        if registry is None:
            raise RefusedError("region", region, self.accounts)
        return f"{registry}/{self.repository}" + (f":{self.tag}" if self.tag else "")


def retrieve(tables: Tables, regions: Regions, asked: Question) -> str:
    """The URI of the image for *asked*. Raises RefusedError where the SDK has no answer either."""
    return locate(tables, asked).uri(asked.region, regions)


def locate(tables: Tables, asked: Question) -> Located:
    """As :func:`retrieve`, before the region counts."""
    config = _config(tables, asked)
    version = _version(tables, asked, config)
    exact = config.get("version_aliases", {}).get(version, version)
    row = _row(config["versions"][exact], asked)
    python = _python(row, asked)
    row = (row.get(python) if python else None) or row
    if "repository" not in row:
        raise RefusedError("py_version", asked.py_version, row)
    tag = _tag(config, row, asked, (version, exact, python))
    return Located(repository=row["repository"], tag=tag, accounts=tables.registries(row))


def _one_of(argument: str, value: str | None, known: Mapping[str, Any]) -> Any:
    """The entry of *known* that *value* names. Raises RefusedError where it has none."""
    if value is None or value not in known:
        raise RefusedError(argument, value, known)
    return known[value]


def _tool(asked: Question) -> str | None:
    """``neuron`` or ``neuronx`` where PyTorch or Hugging Face is for Inferentia or Trainium."""
    if asked.training_compiler or asked.framework not in COMPILED or asked.inference_tool:
        return asked.inference_tool
    return "neuron" if family(asked.instance_type).startswith(("inf", "trn")) else None


def _table_name(asked: Question) -> str:
    if asked.framework not in COMPILED:
        return asked.framework
    if asked.training_compiler:
        return f"{asked.framework}-training-compiler"
    tool = _tool(asked)
    return f"{asked.framework}-{tool}" if tool in {"neuron", "neuronx"} else asked.framework


def _scope(asked: Question) -> str | None:
    """The scope that is meant before the table is known."""
    if asked.training_compiler and asked.framework in COMPILED:
        return asked.image_scope
    if asked.framework in GRAVITON_FRAMEWORKS and family(asked.instance_type) in GRAVITON:
        return GRAVITON_SCOPE
    if asked.image_scope is None and asked.framework in ALGORITHMS:
        return "training"
    return asked.image_scope


def _config(tables: Tables, asked: Question) -> Config:
    """The table for the framework and the scope."""
    _refuse_instances(asked)
    whole: Mapping[str, Any] = _one_of("framework", _table_name(asked), tables.frameworks)
    scope, known = _scope(asked), list(whole.get("scope", whole))
    if asked.accelerator_type:
        if not asked.accelerator_type.startswith(("ml.eia", "local_sagemaker_notebook")):
            raise RefusedError("accelerator_type", asked.accelerator_type)
        scope = "eia"
    if len(known) == 1 or (not scope and "scope" in whole and set(known) == {"training", "inference"}):
        scope = known[0]
    if scope not in known:
        raise RefusedError("image_scope", scope, known)
    config: Config = whole if "scope" in whole else whole[str(scope)]
    if "versions" not in config:
        raise RefusedError("framework", asked.framework)
    return config


def _refuse_instances(asked: Question) -> None:
    """Trainium is PyTorch's alone, Graviton that of four frameworks."""
    if asked.training_compiler and asked.framework in COMPILED:
        return
    instance = asked.instance_type or ""
    if "trn" in instance and asked.framework != "pytorch":
        raise RefusedError("instance_type", instance)
    if family(instance) in GRAVITON and asked.framework not in GRAVITON_FRAMEWORKS:
        raise RefusedError("instance_type", instance)


def _version(tables: Tables, asked: Question, config: Config) -> str:
    """The version as it was asked for, alias or not; the only one there is, else the newest, if none was."""
    known, aliases = config["versions"], config.get("version_aliases", {})
    if len(known) == 1 and asked.version not in aliases:
        return str(next(iter(known)))
    version = asked.version or _newest(tables.frameworks.get(asked.framework, {}), asked.image_scope)
    if version is None or (version not in known and version not in aliases):
        raise RefusedError("version", version, (*known, *aliases))
    return version


def _newest(whole: Mapping[str, Any], scope: str | None) -> str | None:
    """The version that is meant when none was asked for: the first or the last of the table."""
    of_scope = whole.get(scope or "") or {}
    if isinstance(of_scope, Mapping) and "latest" in of_scope.get("version_aliases", {}):
        return str(of_scope["version_aliases"]["latest"])
    for table in (whole, of_scope, whole.get("processing", {})):
        if isinstance(table, Mapping) and "versions" in table:
            return _newest_of(list(table["versions"]))
    return None


def _newest_of(versions: Sequence[str]) -> str | None:
    first, last = versions[0], versions[-1]
    if len(versions) == 1 or "latest" in {first, last}:
        return first if len(versions) == 1 else None
    if first.endswith(".x") or last.endswith(".x"):
        return f"{max(int(each[:-2]) for each in (first, last))}.x"
    return first if _parsed(first) >= _parsed(last) else last


def _parsed(version: str) -> Version:
    try:
        return Version(version)
    except InvalidVersion as error:
        raise RefusedError("version", version) from error


def _row(row: Row, asked: Question) -> Row:
    """*row* itself; of Hugging Face, the row of the PyTorch or TensorFlow below it."""
    if asked.framework != HUGGING_FACE:
        return row
    aliases = row.get("version_aliases") or {}
    below = {name: each for name, each in row.items() if name != "version_aliases"} if aliases else {}
    wanted = asked.base_framework_version
    found: Row = _one_of("base_framework_version", aliases.get(wanted or "", wanted), below)
    return found


def _python(row: Row, asked: Question) -> str | None:
    """The Python version: the one asked for, the only one there is, or none where the tag has none."""
    known = row.get("py_versions") if "repository" in row else list(row)
    if not known or (asked.py_version is None and asked.framework == "spark"):
        return None
    if asked.py_version is None and len(known) == 1:
        return str(known[0])
    if asked.py_version not in known:
        raise RefusedError("py_version", asked.py_version, known)
    return asked.py_version


def _processor(known: Sequence[str] | None, asked: Question) -> str | None:
    """The word for the hardware; None where the table makes no difference."""
    if not known:
        return None
    if len(known) == 1 and not asked.instance_type:
        return known[0]
    if asked.serverless:
        return "cpu"
    found = _processor_of(asked.instance_type or "", known)
    if found not in known:
        raise RefusedError("instance_type", asked.instance_type, known)
    return found


def _processor_of(instance: str, known: Sequence[str]) -> str | None:
    if instance.startswith("local"):
        return "cpu" if instance == "local" else "gpu"
    if instance.startswith("neuron"):
        return "neuron"
    name = family(instance)
    if name in known or not name:
        return name
    if name.startswith(("inf", "trn")):
        return name[:3]
    return "gpu" if name[0] in "gp" else "cpu"


def _tag(config: Config, row: Row, asked: Question, names: tuple[str, str, str | None]) -> str:
    """The tag; *names* are the version as asked, the exact version, and the Python version."""
    version, exact, python = names
    processor = _processor(config.get("processors") or row.get("processors"), asked)
    suffix = _suffix(row, asked, processor)
    prefix = _prefix(config, row, asked, (version, exact))
    _refuse_p2(asked, version)
    _refuse_container_version(row, asked)
    if asked.framework in ALGORITHMS and _is_graviton(asked):
        return str(_one_of("version", version, GRAVITON_TAGS[asked.framework]))
    shown = processor if row.get("processor_in_tag", True) else None
    middle = _tool(asked) or shown
    tag = "-".join(part for part in (prefix, middle, python, suffix) if part)
    if asked.framework not in ALGORITHMS and (family(asked.instance_type) == "p4d" or _smdistributed(asked)):
        tag = "-".join(filter(None, (tag, CUDA_11_TAGS.get(f"{asked.framework}-{tag}"))))
    return tag.rstrip("-gpu") if asked.framework == "sagemaker-tritonserver" and shown == "gpu" else tag


def _smdistributed(asked: Question) -> bool:
    return asked.smdistributed and asked.instance_type is not None


def _is_graviton(asked: Question) -> bool:
    name = family(asked.instance_type)
    if name and name not in GRAVITON and _scope(asked) == GRAVITON_SCOPE:
        raise RefusedError("instance_type", asked.instance_type, GRAVITON)
    return name in GRAVITON or _scope(asked) == GRAVITON_SCOPE


def _suffix(row: Row, asked: Question, processor: str | None) -> str | None:
    """What comes last in the tag: CUDA, operating system, variant."""
    suffix, repository = asked.container_version, row["repository"]
    if row.get("container_version"):
        suffix = _one_of("instance_type", processor, row["container_version"])
    hugging_face = asked.framework == HUGGING_FACE and repository in HUGGING_FACE_NEURON
    if repository in TAGGED_BY_NEURON_SDK or hugging_face:
        sdk = asked.sdk_version or max(row.get("sdk_versions", ()), default=None)
        if sdk is None or suffix is None:
            raise RefusedError("sdk_version", asked.sdk_version)
        suffix = f"{sdk}-{suffix}"
    if repository in {f"{asked.framework}-inference-graviton", f"{asked.framework}-inference-arm64"}:
        return f"{suffix}-sagemaker"
    return suffix


def _prefix(config: Config, row: Row, asked: Question, names: tuple[str, str]) -> str:
    """What comes first in the tag: the version, of Hugging Face two of them."""
    version, exact = names
    if asked.framework != HUGGING_FACE:
        return str(row.get("tag_prefix", version))
    below = asked.base_framework_version or ""
    if row["repository"] in HUGGING_FACE_NEURON:
        if config.get("version_aliases") is None:
            raise RefusedError("version", version)
        below = config["versions"][exact].get("version_aliases", {}).get(below, below)
    number = re.sub(r"^(pytorch|tensorflow)", "", below)
    if number == below:
        raise RefusedError("base_framework_version", asked.base_framework_version)
    transformers = version if row["repository"] in HUGGING_FACE_COMPILED else exact
    return f"{number}-transformers{transformers}"


def _refuse_p2(asked: Question, version: str) -> None:
    ended = P2_ENDED.get(asked.framework)
    if ended and family(asked.instance_type) == "p2" and _parsed(version) >= ended:
        raise RefusedError("instance_type", asked.instance_type, ended=True)


def _refuse_container_version(row: Row, asked: Question) -> None:
    """A container version that the caller gives is part of the tag for a few images only."""
    if asked.container_version is None or row.get("container_version"):
        return
    repository = row["repository"]
    takes = asked.framework in TAKES_CONTAINER_VERSION or "neuron" in repository
    if not takes and repository != f"{asked.framework}-inference-graviton":
        raise RefusedError("container_version", asked.container_version)
