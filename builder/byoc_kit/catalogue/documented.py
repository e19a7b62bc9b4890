"""Images that documentation lists: AWS's deep learning containers, and plain bases."""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from byoc_kit.catalogue.prebuilt import Prebuilt, architecture_of, targets_of
from byoc_kit.catalogue.regions import PUBLIC_GALLERY
from byoc_kit.catalogue.tags import parse_tag
from byoc_kit.spec.types import Target

__all__ = ["FORMAT", "documented", "plain"]

FORMAT = "byoc/prebuilt-images/1"
BOTH = frozenset({"sagemaker-scikit-learn", "sagemaker-xgboost"})
TRAINING_ONLY = frozenset({"pytorch"})
BARE = frozenset({"base"})
"""Bases without framework: an image for any target can be made from them."""


def documented(document: Mapping[str, Any], accounts: Mapping[str, Mapping[str, str]]) -> Iterator[Prebuilt]:
    """The images of *document*; *accounts*: further ones by repository. Raises ValueError for others."""
    _check(document)
    tables = document["accounts"]
    for each in document["images"]:
        table = tables.get(each.get("accounts", "deep-learning-containers"), {})
        yield _image(each, accounts=table | accounts.get(each["repository"], {}), source=document["source"])


def plain(document: Mapping[str, Any]) -> Iterator[Prebuilt]:
    """Bases of others, from public registries. Raises ValueError for another document."""
    _check(document)
    for each in document["images"]:
        registry = each["registry"]
        yield _image(each, accounts={}, source=document["source"], public=f"{registry}/{each['repository']}")


def _check(document: Mapping[str, Any]) -> None:
    if document.get("schema") != FORMAT:
        raise ValueError(f"not {FORMAT}")


def _image(
    told: Mapping[str, Any], *, accounts: Mapping[str, str], source: str, public: str | None = None
) -> Prebuilt:
    repository, tags = told["repository"], tuple(told["tags"])
    architecture = architecture_of(repository, tags[0])
    gallery = f"{PUBLIC_GALLERY}/{repository}" if told.get("public") else None
    return Prebuilt(
        repository=repository,
        tags=tags,
        framework=told["framework"],
        version=parse_tag(tags[0]).version or told["version"],
        device=told["device"],
        python=_python(told.get("python")),
        cuda=_cuda(told.get("cuda")),
        os=told.get("os"),
        variant=told["variant"],
        targets=_targets(repository, told["device"], architecture, bare=public is not None),
        accounts=accounts,
        public=public or gallery,
        released=_day(told.get("released")),
        ends=_day(told.get("ends")),
        architecture=architecture,
        source=source,
    )


def _targets(repository: str, device: str, architecture: str, *, bare: bool) -> tuple[Target, ...]:
    if bare or repository in BARE:
        return tuple(target for target in Target if target is not Target.STUDIO)
    if repository in BOTH:
        return targets_of(("training", "inference"), device, architecture)
    trains = "training" in repository or repository in TRAINING_ONLY
    return targets_of(("training" if trains else "inference",), device, architecture)


def _python(word: str | None) -> str | None:
    return parse_tag(word or "").python


def _cuda(word: str | None) -> str | None:
    return parse_tag(word or "").cuda


def _day(text: str | None) -> datetime.date | None:
    return datetime.date.fromisoformat(text) if text else None
