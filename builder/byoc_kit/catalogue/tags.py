"""What the tag of a prebuilt image says, word by word, and whether it stays where it is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Tag", "begins_with", "moves", "parse_tag", "version_key"]

VERSION = re.compile(r"[0-9]+(?:\.[0-9x]+)*(?:rc[0-9]+)?")
FORMS = (
    ("python", re.compile(r"py([23])([0-9]+)"), r"\1.\2"),
    ("cuda", re.compile(r"cu([0-9]+)([0-9])"), r"\1.\2"),
    ("os", re.compile(r"(?:ubuntu|amzn|debian)[0-9.]+"), r"\g<0>"),
    ("release", re.compile(r"v([0-9]+(?:\.[0-9]+)*)"), r"\1"),
    (
        "part",
        re.compile(
            r"(transformers|optimum|tgi|tei|lmi|tensorrtllm|deepspeed|fastertransformer|sdk|sgm)([0-9][0-9.]*)"
        ),
        r"\1 \2",
    ),
)
"""Words of a tag: the part that they are, their form, and the value in our words."""
DEVICES = {
    "cpu": "cpu",
    "gpu": "gpu",
    "cuda": "gpu",
    "neuron": "neuron",
    "neuronx": "neuronx",
    "inf": "neuronx",
    "inf2": "neuronx",
    "trn": "neuronx",
}
VARIANTS = {"sagemaker", "ec2"}
FIXED = re.compile(r"-v[0-9]+\.[0-9]+(?:\.[0-9]+)?(?:-[0-9]{4}(?:-[0-9]{2}){5})?(?:-soci)?$")
"""A release, with or without the moment it was made: such a tag is never given to another image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag in parts; None and empty where it does not say."""

    version: str | None = None
    device: str | None = None
    """``cpu``, ``gpu``, ``neuron`` or ``neuronx``."""
    python: str | None = None
    """``3.12``."""
    cuda: str | None = None
    """``12.9``."""
    os: str | None = None
    variant: str | None = None
    """``sagemaker`` or ``ec2``."""
    release: str | None = None
    """AWS's own count of what it made: ``2.3`` of ``v2.3``."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Versions of what else is inside: ``transformers``, ``tgi``, ``sdk``, ..."""
    words: frozenset[str] = frozenset()
    """What is none of these: ``server``, ``runtime``, ``arm64``."""

    def fits(self, whole: "Tag") -> bool:
        """Whether *whole* has all that this, perhaps partial, tag says; versions by component."""
        same = all(
            getattr(self, name) in {None, getattr(whole, name)}
            for name in ("device", "python", "cuda", "os", "variant")
        )
        begins = all(
            begins_with(getattr(whole, name), getattr(self, name)) for name in ("version", "release")
        )
        parts = all(begins_with(whole.parts.get(name), wanted) for name, wanted in self.parts.items())
        return same and begins and parts and self.words <= whole.words


def parse_tag(text: str) -> Tag:
    """The parts of *text*."""
    found: dict[str, str] = {}
    parts: dict[str, str] = {}
    words: set[str] = set()
    for place, word in enumerate(text.split("-") if text else []):
        key, value = _meaning(word, first=place == 0)
        if key == "part":
            name, _, number = value.partition(" ")
            parts[name] = number
        elif key == "word" or key in found:
            words.add(word)
        else:
            found[key] = value
    if "cuda" in found:
        found.setdefault("device", "gpu")
    return Tag(**found, parts=parts, words=frozenset(words))


def _meaning(word: str, *, first: bool) -> tuple[str, str]:
    """Which part of a tag *word* is, and its value in our words."""
    if first and VERSION.fullmatch(word):
        return "version", word
    if word in DEVICES:
        return "device", DEVICES[word]
    if word in VARIANTS:
        return "variant", word
    for name, form, value in FORMS:
        if found := form.fullmatch(word):
            return name, found.expand(value)
    return "word", word


def begins_with(whole: str | None, start: str | None) -> bool:
    """Whether version *whole* begins with the components of *start*: 2.8.0 with 2.8, 2.10 not with 2.1."""
    if start is None:
        return True
    wanted = start.removesuffix(".x").split(".")
    return whole is not None and whole.split(".")[: len(wanted)] == wanted


def version_key(text: str | None) -> tuple[tuple[int, str], ...]:
    """Sorts versions by their numbers, component by component."""
    return tuple((int(number or 0), rest) for number, rest in re.findall(r"([0-9]*)([^0-9]*)", text or ""))


def moves(tag: str) -> bool:
    """Whether *tag* is given to the next image when that one is patched; only fixed releases are not."""
    return FIXED.search(tag) is None
