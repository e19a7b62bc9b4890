"""What a layer holds: whiteouts, directories and files, and where the bytes of a file come from.

Paths are physical and relative to the root, without leading slash: ``opt/venv/lib/python3.12/site-packages``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["OLD", "Body", "Directory", "Entry", "File", "InWheel", "Inline", "Member", "OnDisk", "Whiteout"]

OLD: Final = 315_619_200
"""1980-01-02T00:00:00Z in seconds: the time of all that no wheel dates. Zip cannot say less than 1980."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file inside a wheel, as the zip's central directory describes it."""

    name: str
    header: int
    """Offset of its local header in the wheel, in bytes."""
    method: int
    """0: stored, 8: deflated; others are read with zipfile."""
    compressed: int
    """Bytes in the wheel."""
    size: int
    """Bytes when inflated."""
    crc: int
    mtime: int
    """Seconds since the epoch; zip keeps no time zone, so its date is taken as UTC."""
    executable: bool


@dataclass(frozen=True, slots=True)
class Inline:
    """Bytes that are known already."""

    data: bytes

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A file of this machine. Its digest was taken before; a change in between is noticed."""

    path: Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class InWheel:
    """A member of a wheel that lies on this machine."""

    wheel: Path
    sha256: str
    """Of the whole wheel, hexadecimal: with the member's name it identifies the bytes."""
    member: Member

    @property
    def size(self) -> int:
        """In bytes."""
        return self.member.size


Body = Inline | OnDisk | InWheel


@dataclass(frozen=True, slots=True)
class File:
    """A regular file, owned by root."""

    path: str
    mode: int
    mtime: int
    body: Body


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory: the base's own attributes where the base has it (a layer's entry overrides them)."""

    path: str
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    mtime: int = OLD


@dataclass(frozen=True, slots=True)
class Whiteout:
    """What lower layers have at *path* is hidden, with everything below it (layer.md, "Whiteouts")."""

    path: str


Entry = Whiteout | Directory | File
