"""Every file of an image after all its layers: what a new layer must not break (registry traps T1 to T6)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["FileIndex", "Kind", "Node"]

Kind = Literal["file", "dir", "symlink", "hardlink", "char", "block", "fifo"]


@dataclass(frozen=True, slots=True)
class Node:
    """One path as the topmost layer that has it describes it."""

    kind: Kind
    mode: int
    """Permission bits with setuid, setgid and sticky: ``& 0o7777``."""
    uid: int
    gid: int
    size: int
    """Bytes of a regular file, also under its second name (a hard link); 0 else."""
    mtime: int
    """Whole seconds since the epoch."""
    link: str
    """Target of a symbolic link as written; of a hard link the path it names, without leading slash."""
    layer: int
    """Which layer it comes from; 0 is the lowest."""


class FileIndex(Protocol):
    """Paths are relative to the root, without leading slash: ``usr/bin/python3``; the root is ``""``."""

    def get(self, path: str) -> Node | None:
        """What is at exactly *path*; links are not followed."""

    def resolve(self, path: str) -> str:
        """The physical path behind *path*: links of its parents and of itself followed inside the image.

        A component that does not exist ends the following: the rest is appended as it is. Raises ValueError
        for a loop of links.
        """

    def children(self, path: str) -> Mapping[str, Node]:
        """The names directly in the directory *path* (physical); empty where it is none."""

    def walk(self, path: str = "") -> Iterator[tuple[str, Node]]:
        """Everything below the directory *path* (physical), parents first, sorted."""
