"""Regions and partitions of AWS, and the host of an account's ECR registry in each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["PUBLIC_GALLERY", "Partition", "Regions"]

PUBLIC_GALLERY: Final = "public.ecr.aws/deep-learning-containers"
"""Where AWS offers deep learning containers to everybody, without a login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A part of AWS with accounts, regions and a domain of its own, e.g. ``aws-cn``."""

    name: str
    suffix: str
    """Domain of its services, e.g. ``amazonaws.com.cn``."""
    pattern: str
    """What its regions look like, also those that are newer than this list."""
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Regions:
    """All partitions. Made by :meth:`of`."""

    partitions: tuple[Partition, ...]

    @classmethod
    def of(cls, told: Sequence[Mapping[str, Any]]) -> "Regions":
        """From the list that the catalogue's data hold."""
        return cls(
            tuple(
                Partition(
                    name=each["name"],
                    suffix=each["suffix"],
                    pattern=each["pattern"],
                    regions=tuple(each["regions"]),
                )
                for each in told
            )
        )

    def partition(self, region: str) -> Partition | None:
        """The partition of *region*, by what its regions look like; None: it has none."""
        return next((each for each in self.partitions if re.match(each.pattern, region)), None)

    def registry(self, account: str, region: str) -> str | None:
        """Host of the private registry of *account* in *region*; None where no partition has it."""
        found = self.partition(region)
        return f"{account}.dkr.ecr.{region}.{found.suffix}" if found else None

    def names(self) -> tuple[str, ...]:
        """Every region that is known by name."""
        return tuple(sorted(name for each in self.partitions for name in each.regions))
