"""The content key: what an image is made of, as one hash."""

import dataclasses
import enum
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from byoc_kit.oci.config import Platform
from byoc_kit.plan.types import Plan

__all__ = ["content_key", "plain"]

FORMAT = 2
"""Raised when the same plan comes to mean another image."""
PASSING = {"notes", "options", "engine", "output", "transfer", "download", "estimates", "mutations"}
"""Fields of a plan that say how and where, not what."""


def content_key(plan: Plan, files: Iterable[tuple[str, int, str]]) -> str:
    """SHA-256 (hex) over *plan* and *files*: path, permission bits and SHA-256 of each context file.

    How and where it is built does not count, nor where a wheel was found: that leaves nothing in the image.
    """
    decided = {key: value for key, value in plain(plan).items() if key not in PASSING}
    if plan.lock is not None:
        decided["lock"] = [(wheel.name, wheel.filename, wheel.sha256) for wheel in plan.lock.wheels]
    document = {"format": FORMAT, "plan": decided, "files": sorted(map(list, files))}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:
    """*value* (a value of ours) as JSON has it; platforms become ``os/architecture``."""
    plainer: Any = value
    match value:
        case enum.Enum():
            plainer = value.value
        case PurePath() | Platform():
            plainer = str(value)
        case Mapping():
            plainer = {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            plainer = [plain(item) for item in value]
        case _ if dataclasses.is_dataclass(value):
            plainer = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return plainer
