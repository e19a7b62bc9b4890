"""One prebuilt image as the catalogue knows it."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from byoc_kit.catalogue.tags import Tag, begins_with, parse_tag, version_key
from byoc_kit.spec.types import Target

__all__ = ["SOON", "Prebuilt", "architecture_of", "tagged", "targets_of"]

SOON: Final = datetime.timedelta(days=90)
"""How long before patches end one is warned."""

TRAINING: Final = (Target.TRAINING, Target.TUNING, Target.PROCESSING)
INFERENCE: Final = (Target.HOSTING, Target.BATCH, Target.ASYNC)
OF_SCOPE: Final[Mapping[str, tuple[Target, ...]]] = {
    "training": TRAINING,
    "inference": INFERENCE,
    "inference_graviton": (Target.HOSTING, Target.ASYNC),
    "eia": (Target.HOSTING,),
    "": (Target.PROCESSING,),
    "processing": (Target.PROCESSING,),
    "monitoring": (Target.PROCESSING,),
    "debugger": (Target.PROCESSING,),
    "detailed-profiler": (Target.PROCESSING,),
    "evaluation": (Target.PROCESSING,),
}
"""A scope of the SDK to the targets it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prebuilt:
    """An image that somebody else keeps patched."""

    repository: str
    """Without registry: ``pytorch-training``, ``docker/library/python``."""
    tags: tuple[str, ...]
    """The fullest first; the others are further names of the same image."""
    framework: str
    version: str
    device: str
    """``cpu``, ``gpu``, ``neuron`` or ``neuronx``."""
    python: str | None
    """``3.12``; None: it has none, or nobody says which."""
    cuda: str | None
    os: str | None
    variant: str
    """``sagemaker``, ``ec2``, or ``default`` where there is one for all."""
    targets: tuple[Target, ...]
    accounts: Mapping[str, str]
    """Region to account; empty: it is not in ECR's private registries."""
    public: str | None
    """Registry and repository where everybody can pull it without a login; None: nowhere."""
    released: datetime.date | None = None
    ends: datetime.date | None = None
    """Day of the last patch; None: nobody says."""
    at_latest: bool = False
    """*ends* is that of a newer image of the repository; the patches of this one end no later."""
    architecture: str = "amd64"
    source: str = ""
    """Where this is known from."""

    @property
    def tag(self) -> str:
        """The fullest tag."""
        return self.tags[0]

    @property
    def name(self) -> str:
        """``dlc:`` name in full."""
        return f"dlc:{tagged(self.repository, self.tag)}"

    @property
    def parsed(self) -> Tag:
        """What is known of it in the form of a tag: the tag's own words, the rest from the tables."""
        told = parse_tag(self.tag)
        return Tag(
            version=told.version or self.version,
            device=self.device,
            python=self.python or told.python,
            cuda=self.cuda,
            os=self.os,
            variant=told.variant or self.variant,
            release=told.release,
            parts=told.parts,
            words=told.words,
        )

    def ended(self, today: datetime.date) -> bool:
        """Whether patches have ended."""
        return self.ends is not None and self.ends < today

    def warning(self, today: datetime.date) -> str | None:
        """A sentence where patches have ended or end soon; None: neither, or not known."""
        if self.ends is None or (self.ends - today > SOON and not self.ended(today)):
            return None
        word = "by " if self.at_latest else ""
        if self.ended(today):
            return f"patches of {tagged(self.repository, self.tag)} ended {word or 'on '}{self.ends}"
        left = (self.ends - today).days
        return (
            f"patches of {tagged(self.repository, self.tag)} end {word or 'on '}{self.ends}, in {left} days"
        )

    @property
    def order(self) -> tuple[Any, ...]:
        """Sorts from old to new."""
        tag = self.parsed
        parts = tuple(sorted((name, version_key(value)) for name, value in tag.parts.items()))
        return (
            version_key(tag.version),
            version_key(tag.release),
            parts,
            version_key(self.cuda),
            version_key(self.python),
            version_key(self.os),
        )

    def says(self, word: str) -> bool:
        """Whether *word* of a search describes it."""
        text = word.lower()
        if text in self.repository or begins_with(self.parsed.version, text.removeprefix("v")):
            return True
        return text in {self.device, self.variant, self.os, self.architecture, *self._described()}

    def _described(self) -> Iterable[str | None]:
        yield self.framework.lower()
        yield from (target.value for target in self.targets)
        if Target.HOSTING in self.targets:
            yield "inference"
        if self.public:
            yield "public"
        if self.cuda:
            yield from (f"cuda{self.cuda}", f"cu{self.cuda.replace('.', '')}", "cuda")
        if self.python:
            yield from (f"python{self.python}", f"py{self.python.replace('.', '')}", "python")
        yield from self.tags
        yield from (part for tag in self.tags for part in tag.split("-"))


def tagged(repository: str, tag: str) -> str:
    """*repository* with *tag*; the image of one repository has none."""
    return f"{repository}:{tag}" if tag else repository


def targets_of(scopes: Iterable[str], device: str, architecture: str) -> tuple[Target, ...]:
    """The targets of *scopes* of the SDK; serverless has no accelerator and no arm64."""
    found = [target for scope in scopes for target in OF_SCOPE.get(scope, ())]
    if Target.BATCH in found and device == "cpu" and architecture == "amd64":
        found.append(Target.SERVERLESS)
    return tuple(sorted(set(found), key=list(Target).index))


def architecture_of(repository: str, tag: str) -> str:
    """``arm64`` where the name says so (Graviton's are arm64), else ``amd64``."""
    words = f"{repository}-{tag}".split("-")
    return "arm64" if {"arm64", "graviton"} & set(words) else "amd64"
