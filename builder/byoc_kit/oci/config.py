"""An image's platform and config, as OCI image-spec config.md and Docker v2 schema 2 have them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

__all__ = ["ImageConfig", "Platform"]


@dataclass(frozen=True, slots=True)
class Platform:
    """Operating system and architecture, in OCI's words: ``linux/amd64``, ``linux/arm64``."""

    os: str = "linux"
    architecture: str = "amd64"

    @classmethod
    def parse(cls, text: str) -> Self:
        """``os/architecture``; a variant (``/v8``) is dropped. Raises ValueError on anything else."""
        os, slash, rest = text.partition("/")
        architecture = rest.partition("/")[0]
        if not (os and slash and architecture):
            raise ValueError(f"{text!r} is not os/architecture")
        return cls(os, architecture)

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """What an image says about itself; made from the config blob or from ``docker inspect``."""

    platform: Platform = Platform()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    workdir: str = ""
    stop_signal: str = ""
    volumes: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    """EXPOSE, as ``8080/tcp``."""
    healthcheck: bool = False

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """From a config blob (``architecture``, ``config``) or inspect (``Architecture``, ``Config``)."""
        inner = document.get("config") or document.get("Config") or {}
        entrypoint, cmd = inner.get("Entrypoint"), inner.get("Cmd")
        return cls(
            platform=Platform(
                document.get("os") or document.get("Os") or "linux",
                document.get("architecture") or document.get("Architecture") or "",
            ),
            entrypoint=None if entrypoint is None else tuple(entrypoint),
            cmd=None if cmd is None else tuple(cmd),
            env=dict(pair.split("=", 1) for pair in inner.get("Env") or () if "=" in pair),
            labels=dict(inner.get("Labels") or {}),
            user=inner.get("User") or "",
            workdir=inner.get("WorkingDir") or "",
            stop_signal=inner.get("StopSignal") or "",
            volumes=tuple(sorted(inner.get("Volumes") or ())),
            ports=tuple(sorted(inner.get("ExposedPorts") or ())),
            healthcheck=(inner.get("Healthcheck") or {}).get("Test", ["NONE"])[0] != "NONE",
        )
