"""For which Python, platform and libc a wheel must be made: what an image says about it, in three notations.

Wheel tags are PyPA's "Platform compatibility tags", markers those of PEP 508.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from byoc_kit.inventory import Libc, Python
from byoc_kit.oci.config import Platform

__all__ = ["Target"]

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}
"""The minor version of glibc with which the platform's manylinux tags begin."""

LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
RESOLVABLE = (17, 28, *range(31, 41))
"""Minor versions of glibc that uv has a platform for; in between the next lower one counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What wheels have to fit."""

    version: tuple[int, int, int | None]
    """Of Python."""
    abi: str
    """``cp311``."""
    platform: Platform
    libc: Libc

    @classmethod
    def of(cls, python: Python, platform: Platform, libc: Libc) -> "Target":
        """The target that one interpreter of an image is."""
        return cls(version=python.version, abi=python.abi, platform=platform, libc=libc)

    @property
    def machine(self) -> str:
        """``x86_64``, as the kernel calls it."""
        return MACHINES.get(self.platform.architecture, self.platform.architecture)

    @property
    def python(self) -> str:
        """``3.11.2``, or ``3.11`` where the last part is not known."""
        return ".".join(str(part) for part in self.version if part is not None)

    @property
    def minor(self) -> str:
        """``3.11``."""
        return f"{self.version[0]}.{self.version[1]}"

    @property
    def uv_platform(self) -> str:
        """As ``uv --python-platform`` takes it."""
        if self.libc.name == "musl":
            return f"{self.machine}-unknown-linux-musl"
        fitting = [minor for minor in RESOLVABLE if (2, minor) <= self.libc.version]
        return f"{self.machine}-manylinux_2_{max(fitting, default=17)}"

    def markers(self) -> dict[str, str]:
        """The environment in which PEP 508 markers are evaluated; ``extra`` is left empty."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.python,
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": self.python if self.version[2] is not None else f"{self.python}.0",
            "python_version": self.minor,
            "sys_platform": "linux",
            "extra": "",
        }

    def ranks(self) -> Mapping[str, int]:
        """Every tag that fits to its rank; the lowest fits best."""
        from packaging.tags import compatible_tags, cpython_tags

        python, platforms = self.version[:2], list(self._platforms())
        tags = [
            *cpython_tags(python, [self.abi], platforms),
            *compatible_tags(python, f"cp{python[0]}{python[1]}", platforms),
        ]
        return {str(tag): rank for rank, tag in enumerate(tags)}

    def _platforms(self) -> Iterator[str]:
        """Platform tags, best first."""
        kind = "musllinux" if self.libc.name == "musl" else "manylinux"
        major, minor = self.libc.version
        oldest = 0 if kind == "musllinux" else OLDEST_GLIBC.get(self.machine, 17)
        for each in range(minor, oldest - 1, -1):
            yield f"{kind}_{major}_{each}_{self.machine}"
            if kind == "manylinux" and each in LEGACY and (each == 17 or self.machine == "x86_64"):
                yield f"{LEGACY[each]}_{self.machine}"
        yield f"linux_{self.machine}"
