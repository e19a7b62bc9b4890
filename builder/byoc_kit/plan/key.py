"""The content key: what an image is made of, as one hash."""

import dataclasses
import enum
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from byoc_kit.plan.types import Plan

__all__ = ["content_key", "plain"]

FORMAT = 1
"""Raised when the same plan comes to mean another image."""


def content_key(plan: Plan, files: Iterable[tuple[str, int, str]]) -> str:
    """SHA-256 (hex) over *plan* and *files*: path, permission bits and SHA-256 of each file of the build context.

    Notes and how build steps run do not count: they leave nothing in the image.
    """
    decided = {key: value for key, value in plain(plan).items() if key not in {"notes", "options", "engine"}}
    document = {"format": FORMAT, "plan": decided, "files": sorted(map(list, files))}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:
    """*value* (a value of ours) as JSON has it; platforms become ``os/architecture``."""
    match value:
        case enum.Enum():
            return value.value
        case PurePath():
            return value.as_posix()
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
    if type(value).__name__ == "Platform":
        return str(value)
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value
