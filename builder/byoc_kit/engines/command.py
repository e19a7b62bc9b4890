"""Which docker program can build with BuildKit, and what it must be told."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from byoc_kit.errors import ByocError

__all__ = ["Docker", "find_docker"]

Run = Callable[[list[str]], "tuple[int, str]"]
"""Runs a program; its exit code and what it printed on stdout."""

WITHOUT_PLUGIN = 23
"""From this major version on the CLI leaves BuildKit builds to the plugin buildx."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Docker:
    """A docker program that builds with BuildKit."""

    path: str
    buildx: bool
    """Whether the plugin builds; else the program's own, older support for BuildKit."""
    passed_over: tuple[str, ...] = ()
    """Sentences about programs that come first on PATH and cannot."""

    @property
    def build(self) -> list[str]:
        """The words before the options of a build."""
        return [self.path, "buildx", "build", "--load"] if self.buildx else [self.path, "build"]


def find_docker(environ: Mapping[str, str] = os.environ, run: Run | None = None) -> Docker:
    """The first docker on PATH, else /usr/bin/docker, that can build with BuildKit.

    The classic builder is never used: it has no secret mounts. Raises ByocError where there is none that can.
    """
    runner = run or (lambda command: _run(command, environ))
    passed_over: list[str] = []
    for path in _candidates(environ):
        if runner([path, "buildx", "version"])[0] == 0:
            return Docker(path=path, buildx=True, passed_over=tuple(passed_over))
        version = _version(runner([path, "--version"])[1])
        if version is not None and version < WITHOUT_PLUGIN:
            return Docker(path=path, buildx=False, passed_over=tuple(passed_over))
        passed_over.append(f"{path} (version {version or 'unknown'}) has no buildx plugin")
    raise ByocError(
        "there is no docker program here that can build with BuildKit",
        why="; ".join(passed_over) or "no program docker was found on PATH or at /usr/bin/docker",
        fix="install the plugin (package docker-buildx-plugin from Docker, docker-buildx from Debian "
        "and Ubuntu); the engine itself need not change",
        id="BYOC-E310",
    )


def _candidates(environ: Mapping[str, str]) -> Iterator[str]:
    folders = [folder for folder in environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    seen: set[Path] = set()
    for folder in (*folders, "/usr/bin"):
        path = Path(folder, "docker")
        if os.access(path, os.X_OK) and path.is_file() and path.resolve() not in seen:
            seen.add(path.resolve())
            yield str(path)


def _version(text: str) -> int | None:
    """Major version that ``docker --version`` tells; None for another program of that name."""
    found = re.match(r"Docker version (\d+)\.", text)
    return int(found[1]) if found else None


def _run(command: list[str], environ: Mapping[str, str]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            command, env=dict(environ), capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 127, ""
    return done.returncode, done.stdout
