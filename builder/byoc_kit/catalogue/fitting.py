"""Which prebuilt images carry a given distribution, as far as their names tell it."""

import datetime
import re
from dataclasses import dataclass
from typing import Any, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from byoc_kit.catalogue.catalogue import Catalogue
from byoc_kit.catalogue.prebuilt import Prebuilt
from byoc_kit.spec.types import Target

__all__ = ["Like", "carried", "fitting"]

FEW: Final = 3
CARRIED: Final = (
    (re.compile(r"(huggingface-)?pytorch(-(training|inference))?(-arm64|-graviton)?"), "torch"),
    (re.compile(r"(huggingface-)?tensorflow-training"), "tensorflow"),
    (re.compile(r"huggingface-tensorflow-inference"), "tensorflow"),
    (re.compile(r"mxnet-(training|inference)"), "mxnet"),
    (re.compile(r"autogluon-(training|inference)"), "autogluon"),
    (re.compile(r"sagemaker-scikit-learn"), "scikit-learn"),
    (re.compile(r"sagemaker-xgboost"), "xgboost"),
    (re.compile(r"vllm(-arm64)?"), "vllm"),
    (re.compile(r"sglang"), "sglang"),
    (re.compile(r"ray"), "ray"),
)
"""Repository to the distribution that its tags' version is of. TensorFlow's inference images carry the
server, not the distribution, and are none of these."""
PARTS: Final = frozenset({"transformers", "deepspeed"})
"""Words of tags that are names of distributions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Like:
    """What another base should have in common with the one that does not fit."""

    python: str
    """``3.12``."""
    architecture: str
    device: str
    """``cpu`` or ``gpu``."""
    targets: tuple[Target, ...] = ()
    """Empty: any."""
    repository: str | None = None
    """Of the catalogue; None: it is not a prebuilt one."""


def carried(image: Prebuilt) -> dict[str, str]:
    """Distribution to version, as the names of *image* tell it; versions may have two parts or three."""
    found = {name: part for name, part in image.parsed.parts.items() if name in PARTS}
    for repository, name in CARRIED:
        if repository.fullmatch(image.repository) and image.parsed.version:
            found[name] = image.parsed.version
    return found


def fitting(
    catalogue: Catalogue, name: str, wanted: str, like: Like, *, today: datetime.date
) -> tuple[Prebuilt, ...]:
    """Images that carry *name* as *wanted*, the most like *like* first; at most :data:`FEW`.

    *wanted* is a requirement (``torch>=2.9``) or a version, of which the first two numbers are compared:
    names of images tell no more. Those whose patches have ended are left out.
    """
    fits = _specifiers(wanted)
    found = [
        image
        for image in catalogue.images
        if image.architecture == like.architecture
        and image.device == like.device
        and image.variant != "ec2"
        and not image.ended(today)
        and (not like.targets or set(like.targets) & set(image.targets))
        and _holds(fits, carried(image).get(canonicalize_name(name)))
    ]
    return tuple(sorted(found, key=lambda image: _likeness(image, like), reverse=True)[:FEW])


def _specifiers(wanted: str) -> SpecifierSet:
    try:
        first, *more = Version(wanted).release
        return SpecifierSet(f"=={first}.{more[0] if more else 0}.*")
    except InvalidVersion:
        pass
    try:
        return Requirement(wanted).specifier
    except InvalidRequirement:
        return SpecifierSet("<0")


def _holds(fits: SpecifierSet, version: str | None) -> bool:
    try:
        return version is not None and fits.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def _likeness(image: Prebuilt, like: Like) -> tuple[Any, ...]:
    return (
        image.repository == like.repository,
        len(set(image.targets) & set(like.targets)),
        image.python == like.python,
        image.order,
    )
