"""Settings of byoc itself, and where each came from: default < user file < byoc.toml < environment."""

import difflib
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from byoc_kit.errors import UsageError

__all__ = ["ENGINES", "Origin", "Setting", "engine", "user_settings"]

ENGINES = ("auto", "docker", "layer")
USER_KEYS = ("engine",)
"""Keys of the user file."""


class Origin(enum.IntEnum):
    """Where a setting came from; the later wins."""

    DEFAULT = 0
    USER_FILE = 1
    PROJECT = 2
    ENVIRONMENT = 3
    FLAG = 4

    @property
    def label(self) -> str:
        """The origin in words."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting with its value and its origin."""

    name: str
    value: str
    origin: Origin
    where: str = ""
    """The file or the variable that says it; empty for a default."""


def user_settings(data: Mapping[str, Any], name: str) -> dict[str, str]:
    """The settings of the user file *name*. Raises UsageError that tells everything wrong in it."""
    problems = [_unknown(key) for key in data if key not in USER_KEYS]
    if "engine" in data and data["engine"] not in ENGINES:
        problems.append(f"engine: {_known(str(data['engine']))}")
    if problems:
        raise UsageError(
            f"{name} has {len(problems)} mistake{'s' if len(problems) > 1 else ''}",
            why="settings of byoc are read strictly, so that none is silently ignored",
            fix="correct the lines above",
            id="BYOC-E140",
            details=[f"{name}: {problem}" for problem in problems],
        )
    return dict(data)


def engine(
    *, user: Mapping[str, str], user_file: str, project: str | None, environ: Mapping[str, str]
) -> Setting:
    """Which engine builds; ``auto`` in byoc.toml leaves it to the others. Raises UsageError for no engine."""
    found = Setting(name="engine", value="auto", origin=Origin.DEFAULT)
    for origin, value, where in (
        (Origin.USER_FILE, user.get("engine"), user_file),
        (Origin.PROJECT, None if project == "auto" else project, "[build] engine"),
        (Origin.ENVIRONMENT, environ.get("BYOC_ENGINE") or None, "BYOC_ENGINE"),
    ):
        if value is not None:
            found = Setting(name="engine", value=value, origin=origin, where=where)
    if found.value not in ENGINES:
        raise UsageError(
            f"{found.where}: {_known(found.value)}",
            why="an engine turns a plan into an image, and byoc has these",
            fix=f"choose one of {', '.join(ENGINES)}",
            id="BYOC-E140",
        )
    return found


def _unknown(key: str) -> str:
    near = difflib.get_close_matches(key, USER_KEYS, n=1)
    return f"{key}: there is no such setting" + (f"; did you mean {near[0]!r}?" if near else "")


def _known(value: str) -> str:
    return f"{value[:40]!r} is not an engine; there are {', '.join(ENGINES)}"
