"""How large the instance types of SageMaker are: CPUs and memory, for limits like theirs."""

from dataclasses import dataclass

from byoc_kit.errors import UsageError

__all__ = ["Size", "size_of"]

GIB = 1 << 30

GIB_PER_CPU: dict[str, float] = {
    **dict.fromkeys(("c5", "c5d", "c6i", "c6id", "c6g", "c6gd", "c6gn", "c7i", "c7g"), 2),
    **dict.fromkeys(("m4", "m5", "m5d", "m6i", "m6id", "m6g", "m6gd", "m7i", "m7g", "g4dn", "g5", "g6"), 4),
    **dict.fromkeys(("r5", "r5d", "r6i", "r6id", "r6g", "r6gd", "r7i", "r7g", "g6e", "trn1"), 8),
    **dict.fromkeys(("p4d", "p4de"), 12),
    **dict.fromkeys(("p5", "p5e", "p5en"), 32 / 3),
    "p3dn": 8,
    "c4": 1.875,
    "trn1n": 4,
}
"""Families whose sizes all have the same memory for each CPU."""

CPUS = {"medium": 1, "large": 2, "xlarge": 4}

OTHERS: dict[str, tuple[int, float]] = {
    "c4.8xlarge": (36, 60),
    "c5n.xlarge": (4, 10.5),
    "c5n.2xlarge": (8, 21),
    "c5n.4xlarge": (16, 42),
    "c5n.9xlarge": (36, 96),
    "c5n.18xlarge": (72, 192),
    "p2.xlarge": (4, 61),
    "p2.8xlarge": (32, 488),
    "p2.16xlarge": (64, 732),
    "p3.2xlarge": (8, 61),
    "p3.8xlarge": (32, 244),
    "p3.16xlarge": (64, 488),
    "t3.medium": (2, 4),
    "t3.large": (2, 8),
    "t3.xlarge": (4, 16),
    "t3.2xlarge": (8, 32),
    "trn1.32xlarge": (128, 512),
    "trn1n.32xlarge": (128, 512),
    "trn1.2xlarge": (8, 32),
}
"""Types that follow no rule: CPUs, and memory in GiB."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a machine has."""

    cpus: int
    memory: int
    """Bytes."""

    def capped(self, most: "Size") -> "Size":
        """No more than *most*."""
        return Size(min(self.cpus, most.cpus), min(self.memory, most.memory))

    def __str__(self) -> str:
        return f"{self.cpus} CPUs and {self.memory / GIB:.1f} GiB"


def size_of(instance_type: str) -> Size:
    """What an instance of *instance_type*, e.g. ``ml.m5.xlarge``, has. Raises UsageError."""
    name = instance_type.removeprefix("ml.")
    family, _, size = name.partition(".")
    if name in OTHERS:
        cpus, gib = OTHERS[name]
        return Size(cpus, round(gib * GIB))
    cpus = CPUS.get(size) or 4 * _times(size)
    if family not in GIB_PER_CPU or not cpus:
        raise UsageError(
            f"how large {instance_type} is, is not known here",
            why="byoc has the usual families only: " + ", ".join(sorted(GIB_PER_CPU)),
            fix="run without --limits, or name a type of the same size with --instance-type",
            id="BYOC-E429",
        )
    return Size(cpus, round(cpus * GIB_PER_CPU[family] * GIB))


def _times(size: str) -> int:
    """12 for ``12xlarge``; 0 for what is no such size."""
    number = size.removesuffix("xlarge")
    return int(number) if size.endswith("xlarge") and number.isdigit() else 0
