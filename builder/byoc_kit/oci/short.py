"""Short names of prebuilt images: ``dlc:<repository>:<tag>``, without account and region."""

import re
from dataclasses import dataclass
from typing import Final

from byoc_kit.errors import UsageError
from byoc_kit.oci.reference import PATH, TAG

__all__ = ["SHORT", "ShortName", "parse_short"]

SHORT: Final = "dlc:"
LOOKS = re.compile(rf"(?P<repository>{PATH.pattern})(?::(?P<tag>{TAG.pattern}))?")


@dataclass(frozen=True, slots=True)
class ShortName:
    """A prebuilt image by repository and tag, or a part of one. Made by :func:`parse_short`."""

    repository: str
    tag: str | None = None
    """In full, or what matters of it (``2.8-gpu``); None: whatever is newest."""

    def __str__(self) -> str:
        return f"{SHORT}{self.repository}" + (f":{self.tag}" if self.tag else "")


def parse_short(text: str) -> ShortName:
    """The short name *text*, with or without ``dlc:``. Raises UsageError (BYOC-E112)."""
    found = LOOKS.fullmatch(text.removeprefix(SHORT))
    if found is None:
        raise UsageError(
            f"{text[:200]!r} is not a short name of a prebuilt image",
            why="such a name has a repository and a tag, neither registry nor digest",
            fix="write dlc:REPOSITORY:TAG, as dlc:pytorch-training:2.8-gpu; `byoc bases search` finds names",
            id="BYOC-E112",
        )
    return ShortName(found["repository"], found["tag"])
