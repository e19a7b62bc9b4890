"""What a base holds. In this release: what a short look inside the running base can tell.

The layer engine fills the rest (distributions, file index) without running the image; the fields
here keep their meaning then.
"""

from dataclasses import dataclass, field

from byoc_kit.oci.config import ImageConfig, Platform

__all__ = ["Interpreter", "Inventory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python that the image's PATH leads to."""

    executable: str
    """Absolute path inside the image, as found on PATH (a venv's own path, links not resolved)."""
    version: tuple[int, int, int]
    pip: str | None = None
    """Version of the pip it imports; None: it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What is known of one image. ``None`` means unknown or absent, as the field says; never a guess."""

    reference: str
    """The reference as the user wrote it."""
    image_id: str | None
    """The engine's image id (digest of the config), where an engine has it."""
    digest: str | None
    """Digest of the manifest in the registry it came from, where that is known."""
    platform: Platform
    config: ImageConfig
    python: Interpreter | None
    """The interpreter that ``python3`` (else ``python``) on PATH means; None: there is none."""
    os_id: str | None = None
    """``ID`` of /etc/os-release, e.g. ``debian``."""
    os_version: str | None = None
    package_manager: str | None = None
    """``apt-get``, ``dnf``, ``microdnf``, ``apk``; None: none of them is on PATH."""
    commands: frozenset[str] = field(default_factory=frozenset)
    """Of the names that were asked for (``train``, ``bash``, ``pip3``, ...), those found on PATH."""
