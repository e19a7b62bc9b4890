"""``byoc config``: settings, and where each of them came from."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from byoc_kit.errors import UsageError
from byoc_kit.spec.settings import Origin, Setting, engine, user_settings
from byoc_kit.store import user_store

__all__ = ["chosen_engine", "settings"]


def settings(
    project: Setting, engine_of_project: str | None, environ: Mapping[str, str] = os.environ
) -> tuple[Setting, ...]:
    """Everything that decides how byoc behaves here, *project* first: which byoc.toml is meant.

    Raises UsageError where the user file, or BYOC_ENGINE, is not right.
    """
    from byoc_kit.docker_api import endpoint

    file, where = _user_file(environ)
    cache = _first_set(environ, "BYOC_CACHE_DIR", "XDG_CACHE_HOME")
    context = _first_set(environ, "DOCKER_HOST", "DOCKER_CONTEXT")
    return (
        project,
        _from_environment("user-file", str(file) if file.is_file() else f"{file} (not there)", where),
        chosen_engine(engine_of_project, environ),
        _from_environment("cache-dir", str(user_store(environ).root), cache),
        _from_environment("docker", endpoint(environ), context),
    )


def chosen_engine(engine_of_project: str | None, environ: Mapping[str, str] = os.environ) -> Setting:
    """Which engine builds, by the user file, byoc.toml and BYOC_ENGINE. Raises UsageError for no engine."""
    file, _ = _user_file(environ)
    user = user_settings(_read(file), str(file)) if file.is_file() else {}
    return engine(user=user, user_file=str(file), project=engine_of_project, environ=environ)


def _user_file(environ: Mapping[str, str]) -> tuple[Path, str]:
    """The user file, and the variable that says where it is."""
    if own := environ.get("BYOC_CONFIG"):
        return Path(own), "BYOC_CONFIG"
    if home := environ.get("XDG_CONFIG_HOME"):
        return Path(home, "byoc", "config.toml"), "XDG_CONFIG_HOME"
    return Path(environ.get("HOME") or Path.home(), ".config", "byoc", "config.toml"), ""


def _read(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{file} cannot be read",
            why=str(error),
            fix="correct it as TOML, or set BYOC_CONFIG to another file",
            id="BYOC-E140",
        ) from error


def _first_set(environ: Mapping[str, str], *names: str) -> str:
    return next((name for name in names if environ.get(name)), "")


def _from_environment(name: str, value: str, variable: str) -> Setting:
    origin = Origin.ENVIRONMENT if variable else Origin.DEFAULT
    return Setting(name=name, value=value, origin=origin, where=variable)
