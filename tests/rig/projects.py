"""The real command in a process of its own, and scaffolded projects built with it."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import tomlkit

__all__ = ["Byoc", "Command", "Project", "Projects", "edit", "image"]

PROCESSING = "processing"
"""In place of a style: a project for processing jobs."""
KEPT_OUT = ("AWS_", "BYOC_")
"""Beginnings of variables that must not decide what a test sees."""


class Command(Protocol):
    """The fixture ``byoc``."""

    def __call__(
        self,
        *args: str | Path,
        cwd: Path | None = None,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002 - subprocess.run's own word
        timeout: float = 540,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``byoc ARGS``; with *check* a code other than 0 fails the test with all that was printed."""
        ...


class Project(Protocol):
    """The fixture ``project``."""

    def __call__(self, style: str, server: str = "asgi", *, on: str | None = None) -> Path:
        """A copy, for this call only, of a project that is scaffolded and built once on *on* (bookworm)."""
        ...


class Byoc:
    """Runs the command of this checkout, with a cache and a configuration of its own below *home*."""

    def __init__(self, home: Path) -> None:
        self.own = {
            "AWS_EC2_METADATA_DISABLED": "true",
            "BYOC_CACHE_DIR": str(home / "cache"),
            "COLUMNS": "100",
            "XDG_CONFIG_HOME": str(home / "config"),
        }

    def __call__(
        self,
        *args: str | Path,
        cwd: Path | None = None,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002
        timeout: float = 540,
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "byoc_kit", *map(str, args)]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(KEPT_OUT)}
        done = subprocess.run(
            command,
            cwd=cwd,
            env=inherited | self.own | dict(env or {}),
            input=input or "",
            text=True,
            capture_output=True,
            check=False,
            timeout=timeout,
        )
        if check and done.returncode != 0:
            words = " ".join(map(str, args))
            raise AssertionError(
                f"byoc {words}: exit code {done.returncode}\nstdout:\n{done.stdout}\nstderr:\n{done.stderr}"
            )
        return done


class Projects:
    """Scaffolds and builds each style once, and hands out copies; a failure costs its time only once, too."""

    def __init__(self, byoc: Command, folder: Path, base: Callable[[], str]) -> None:
        self.byoc, self.folder, self.base = byoc, folder, base
        self.made: dict[tuple[str, str, str], Path] = {}
        self.failed: dict[tuple[str, str, str], AssertionError] = {}

    def __call__(self, style: str, server: str = "asgi", *, on: str | None = None) -> Path:
        key = (style, server, on or self.base())
        if key in self.failed:
            raise self.failed[key]
        if key not in self.made:
            try:
                self.made[key] = self._make(*key)
            except AssertionError as error:
                self.failed[key] = error
                raise
        own = self.folder / uuid.uuid4().hex[:8] / self.made[key].name
        shutil.copytree(self.made[key], own, symlinks=True)
        return own

    def _make(self, style: str, server: str, base: str) -> Path:
        """A new project, built; its folder gives the image a name that no other session here has."""
        path = self.folder / f"t-{style}-{server}-{uuid.uuid4().hex[:8]}"
        if style == PROCESSING:
            self.byoc("init", path, "--process", "--base", base)
            edit(path / "byoc.toml", {"build": {"network": "host"}})
        else:
            self.byoc("init", path, "--style", style, "--base", base)
            edit(path / "byoc.toml", {"build": {"network": "host"}, "serve": {"server": server}})
        self.byoc("build", cwd=path)
        return path


def edit(file: Path, tables: Mapping[str, Mapping[str, object]]) -> None:
    """Set keys of *file*, a TOML file, and keep everything else as it stands."""
    document = tomlkit.parse(file.read_text(encoding="utf-8"))
    for table, values in tables.items():
        if table not in document:
            document[table] = tomlkit.table()
        for key, value in values.items():
            document[table][key] = value
    file.write_text(tomlkit.dumps(document), encoding="utf-8")


def image(project: Path) -> str:
    """The name of the image that ``byoc build`` made of *project*."""
    built = json.loads((project / ".byoc" / "last-build.json").read_text(encoding="utf-8"))
    return str(built["name"])
