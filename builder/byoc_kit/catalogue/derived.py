"""Images that the SDK's tables name: every version, device and Python of them, with the tags they get."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from byoc_kit.catalogue.prebuilt import Prebuilt, architecture_of, targets_of
from byoc_kit.catalogue.question import Question, RefusedError
from byoc_kit.catalogue.retrieve import Located, locate
from byoc_kit.catalogue.tables import Config, Row, Tables
from byoc_kit.catalogue.tags import parse_tag
from byoc_kit.spec.types import Target

__all__ = ["derived", "repository_accounts"]

INSTANCES = {"cpu": "ml.m5.xlarge", "gpu": "ml.g5.xlarge", "inf": "ml.inf1.xlarge", "inf2": "ml.inf2.xlarge"}
"""An instance type for a word of the tables; what is missing here needs none."""
OTHER_NAMES: Mapping[str, Mapping[str, Any]] = {
    "huggingface-neuron": {"framework": "huggingface", "inference_tool": "neuron"},
    "huggingface-neuronx": {"framework": "huggingface", "inference_tool": "neuronx"},
    "huggingface-training-compiler": {"framework": "huggingface", "training_compiler": True},
    "pytorch-neuron": {"framework": "pytorch", "inference_tool": "neuron"},
    "pytorch-training-compiler": {"framework": "pytorch", "training_compiler": True},
}
"""Tables that are not asked for by their own name."""


STUDIO = frozenset({"sagemaker-distribution-prod"})
"""What notebooks run in."""


def derived(tables: Tables) -> Iterator[Prebuilt]:
    """Every image of *tables* once, with all its tags."""
    found: dict[tuple[str, str], Prebuilt] = {}
    for framework in tables.frameworks:
        for scope, config in tables.scopes(framework):
            for keys, row in tables.rows(config):
                for image in _of_row(tables, (framework, scope), config, keys, row):
                    key = image.repository, image.tag
                    found[key] = _joined(found[key], image) if key in found else image
    yield from found.values()


def repository_accounts(tables: Tables) -> dict[str, dict[str, str]]:
    """Region to account of every repository, of all its versions together."""
    found: dict[str, dict[str, str]] = {}
    for framework in tables.frameworks:
        for _, config in tables.scopes(framework):
            for _, row in tables.rows(config):
                found.setdefault(row["repository"], {}).update(tables.registries(row))
    return found


def _joined(one: Prebuilt, other: Prebuilt) -> Prebuilt:
    targets = tuple(sorted({*one.targets, *other.targets}, key=list(Target).index))
    tags = tuple(dict.fromkeys((*one.tags, *other.tags)))
    return replace(one, tags=tags, targets=targets, accounts={**one.accounts, **other.accounts})


def _of_row(
    tables: Tables, named: tuple[str, str], config: Config, keys: tuple[str, ...], row: Row
) -> Iterator[Prebuilt]:
    """The images of one row: one for each device and Python."""
    framework, scope = named
    for device in config.get("processors") or row.get("processors") or [None]:
        for python in row.get("py_versions") or [None]:
            asked = _question(framework, scope, keys, python)
            instance = INSTANCES.get(device or "")
            tags = [
                located
                for version in _names(config, keys[0])
                if (located := _located(tables, asked | {"version": version, "instance_type": instance}))
            ]
            if tags:
                yield _image((framework, scope, keys[-1]), device, python, tags, tables.source)


def _question(framework: str, scope: str, keys: tuple[str, ...], python: str | None) -> dict[str, Any]:
    below = keys[1] if len(keys) > 1 else None
    hugging_face = framework.startswith("huggingface")
    return {
        "framework": framework,
        "image_scope": scope or None,
        "py_version": python if hugging_face or python else below,
        "base_framework_version": below if hugging_face else None,
        **OTHER_NAMES.get(framework, {}),
    }


def _names(config: Config, version: str) -> list[str]:
    """*version* and its aliases."""
    return [version, *(name for name, meant in config.get("version_aliases", {}).items() if meant == version)]


def _located(tables: Tables, asked: Mapping[str, Any]) -> Located | None:
    try:
        return locate(tables, Question(region="", **asked))
    except RefusedError:
        return None


def _image(
    named: tuple[str, str, str], device: str | None, python: str | None, found: list[Located], source: str
) -> Prebuilt:
    framework, scope, version = named
    first = found[0]
    tag = parse_tag(first.tag)
    kind = tag.device or parse_tag(device or "cpu").device or "cpu"
    architecture = "arm64" if scope == "inference_graviton" else architecture_of(first.repository, first.tag)
    return Prebuilt(
        repository=first.repository,
        tags=tuple(dict.fromkeys(each.tag for each in found)),
        framework=framework,
        version=tag.version or version.removeprefix("pytorch").removeprefix("tensorflow"),
        device=kind,
        python=tag.python or parse_tag(python or "").python,
        cuda=tag.cuda,
        os=tag.os,
        variant=tag.variant or "sagemaker",
        targets=_targets(first.repository, scope, device, targets_of((scope,), kind, architecture)),
        accounts=first.accounts,
        public=None,
        architecture=architecture,
        source=source,
    )


def _targets(
    repository: str, scope: str, device: str | None, targets: tuple[Target, ...]
) -> tuple[Target, ...]:
    """*targets* as they are, except for images that hold no program of the user's, and Studio's own."""
    if scope == "training" and device is None:  # a built-in algorithm: the tables make no difference there
        return tuple(target for target in targets if target is not Target.PROCESSING)
    return (*targets, Target.STUDIO) if repository in STUDIO else targets
