"""The lock: exactly which wheels an image gets on top of its base, and for which base that was decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from byoc_kit.oci.config import Platform

__all__ = ["Lock", "LockedBase", "LockedWheel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedWheel:
    """One wheel to install (PEP 751, ``packages`` and ``packages.wheels``)."""

    name: str
    """Normalised (PEP 503)."""
    version: str
    filename: str
    """The wheel's file name; its tags and its name bind (PEP 427)."""
    sha256: str
    """Of the file, hexadecimal; binds. Empty for a folder not built yet: code changes, locks do not."""
    size: int | None = None
    """Bytes of the file, where the index told."""
    url: str | None = None
    """A hint where to fetch it; without user info, never with a credential."""
    built_from: PurePosixPath | None = None
    """A folder of the project (``.`` allowed) or an sdist's name it is built from; None: it was published."""
    source_sha256: str | None = None
    """Of the sdist it is built from, hexadecimal; then this binds, and *sha256* tells what came out of it."""
    direct: bool = False
    """Whether a requirement of the user names it (REQUESTED, PEP 376)."""
    replaces: str | None = None
    """The version in the base whose files it takes the place of; None: the base lacks it."""
    wanted_by: tuple[str, ...] = ()
    """Who asks for it: names of distributions, or the requirement as the user wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedBase:
    """The base that the decision was made for."""

    reference: str
    """As byoc.toml names it."""
    digest: str | None
    """Digest of the manifest; None where only an engine has the base (then *image_id* binds)."""
    image_id: str | None
    platform: Platform
    python: str
    """``3.11``; the default interpreter's."""
    executable: str
    """The interpreter whose environment gets the wheels."""
    libc: str
    """``glibc 2.36``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The content of ``pylock.byoc.toml``."""

    base: LockedBase
    requirements: tuple[str, ...]
    """What was asked for: the user's and what the style adds, normalised and sorted."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What else decided, e.g. ``allow-change``, ``protect``, index URLs (without user info)."""
    wheels: tuple[LockedWheel, ...] = ()
    """Sorted by name."""
    present: Mapping[str, str] = field(default_factory=dict)
    """What was asked for and is in the base already: name to version."""
