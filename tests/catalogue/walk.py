"""Ask an installed SageMaker SDK for every image that its tables allow; prints one JSON document per line.

Run by the interpreter that has the SDK, version 2 or 3. What the SDK reads from disk for each question is
kept in memory between them: its answers are the same, a thousand times faster.
"""

import functools
import importlib
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

SDKS = {"sagemaker.core.image_uris": "sagemaker.core.common_utils", "sagemaker.image_uris": "sagemaker.utils"}
INSTANCES = (
    None,
    "ml.m5.xlarge",
    "ml.g5.xlarge",
    "ml.p2.xlarge",
    "ml.p4d.24xlarge",
    "ml.inf1.xlarge",
    "ml.inf2.xlarge",
    "ml.trn1.2xlarge",
    "ml.m6g.large",
    "local",
    "local_gpu",
)
"""One of each class that makes a difference to the SDK."""
FEW = (None, "ml.m5.xlarge", "ml.g5.xlarge", "ml.p4d.24xlarge")
EXTRAS: Mapping[str, Mapping[str, Any]] = {
    "accelerator": {"accelerator_type": "ml.eia2.medium"},
    "container": {"container_version": "cu110-ubuntu18.04"},
    "neuronx": {"inference_tool": "neuronx"},
    "sdk": {"sdk_version": "sdk2.9.1"},
    "compiler": {"training_compiler_config": True},
    "serverless": {"serverless_inference_config": True},
    "smdistributed": {"distribution": {"smdistributed": {"dataparallel": {"enabled": True}}}},
}
"""Further arguments, one at a time."""
EVERYWHERE = frozenset({"us-east-1", "us-west-2"})
Words = tuple[str | None, ...]
"""Version, Python version, scope, base framework version."""


def main() -> None:
    """Print ``[framework, *words, instance type, extra, {region: uri}]`` for each question, or a list of the
    regions where it is refused in all. In the mode ``one`` only for one region; ``extras``: the same for each
    of EXTRAS.
    """
    logging.disable(logging.CRITICAL)
    sdk, mode = found(), sys.argv[1]
    for framework in frameworks(sdk):
        config = sdk.config_for_framework(framework)
        places = sorted(regions(sdk, framework))[: None if mode == "all" else 1]
        for words in questions(config):
            for instance in FEW if mode == "extras" else INSTANCES:
                for extra in EXTRAS if mode == "extras" else (None,):
                    asked = {"framework": framework, "instance_type": instance, **EXTRAS.get(extra or "", {})}
                    told = answers(sdk, asked, words, places)
                    print(json.dumps([framework, *words, instance, extra, told if told else places]))


def found() -> Any:
    """The SDK's module, which now remembers what it has read."""
    for name, beside in SDKS.items():
        try:
            sdk, utils = importlib.import_module(name), importlib.import_module(beside)
        except ImportError:
            continue
        for module, function in ((sdk, "config_for_framework"), (utils, "_botocore_resolver")):
            setattr(module, function, functools.cache(getattr(module, function)))
        return sdk
    raise SystemExit("there is no SageMaker SDK")


def frameworks(sdk: Any) -> list[str]:
    folder = os.path.join(os.path.dirname(sdk.__file__), "image_uri_config")  # noqa: PTH118, PTH120
    return sorted(name[:-5] for name in os.listdir(folder) if name != "instance_gpu_info.json")  # noqa: PTH208


def regions(sdk: Any, framework: str) -> set[str]:
    """Of the framework's table, and of those that the SDK may take instead: huggingface-neuron, ..."""
    names = [name for name in frameworks(sdk) if name == framework or name.startswith(f"{framework}-")]
    found = [row["registries"] for name in names for row, _ in rows(sdk.config_for_framework(name), ())]
    assert all(EVERYWHERE & table.keys() for table in found), framework
    return {region for table in found for region in table}


def rows(config: Any, keys: tuple[str, ...]) -> Iterator[tuple[Mapping[str, Any], tuple[str, ...]]]:
    if isinstance(config, dict) and "repository" in config:
        yield config, keys
    elif isinstance(config, dict):
        for key, value in config.items():
            yield from rows(value, (*keys, key))


def questions(config: Mapping[str, Any]) -> Iterator[Words]:
    """Everything that the table has a word for, and without it."""
    scopes = config.get("scope") or [scope for scope in config if "versions" in config[scope]]
    for scope in (None, *scopes):
        table = config if "versions" in config else config.get(scope or (scopes[0] if scopes else ""), {})
        aliases = table.get("version_aliases", {})
        for version in (None, *table.get("versions", {}), *aliases):
            block = table.get("versions", {}).get(aliases.get(version, version), {})
            for base in (None, *block.get("version_aliases", {}), *nested(block)):
                for python in pythons(block):
                    yield version, python, scope, base


def nested(block: Mapping[str, Any]) -> list[str]:
    if "repository" in block:
        return []
    return [key for key, value in block.items() if isinstance(value, dict) and "repository" in value]


def pythons(block: Mapping[str, Any]) -> list[str | None]:
    names: dict[str | None, None] = {None: None}
    for row, keys in rows(block, ()):
        names.update(dict.fromkeys([*row.get("py_versions", []), *keys]))
    return list(names)


def answers(sdk: Any, asked: dict[str, Any], words: Words, places: list[str]) -> dict[str, str]:
    """Region to URI. Every row has one of EVERYWHERE: what is refused in these is refused in all regions."""
    first = [region for region in EVERYWHERE if region in places] or places
    if not any(answer(sdk, asked | {"region": region}, words) for region in first):
        return {}
    told = ((region, answer(sdk, asked | {"region": region}, words)) for region in places)
    return {region: uri for region, uri in told if uri}


def answer(sdk: Any, asked: Mapping[str, Any], words: Words) -> str | None:
    version, python, scope, base = words
    named = {"version": version, "py_version": python, "image_scope": scope, "base_framework_version": base}
    try:
        return str(sdk.retrieve.__wrapped__(**asked, **named, sagemaker_session=None))
    except Exception:  # each kind of refusal is an exception of its own, some of them by accident
        return None


if __name__ == "__main__":
    main()
