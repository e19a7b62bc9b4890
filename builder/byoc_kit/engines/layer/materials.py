"""What a build hands to the layer engine besides the plan."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from byoc_kit.inventory import Inventory
from byoc_kit.inventory.files import FileIndex
from byoc_kit.plan.types import Content

__all__ = ["Materials"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """The base as it is known, and where the new bytes lie."""

    inventory: Inventory
    index: FileIndex
    """Every file of the base after all its layers."""
    wheels: Mapping[str, Path]
    """A locked wheel's file name to the file, whose SHA-256 has been checked."""
    contents: Callable[[Content], bytes | Path]
    """Gives the bytes of a file of the plan, or where they lie."""
