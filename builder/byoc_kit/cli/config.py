"""``byoc config``: settings, and where each of them came from."""

from pathlib import Path

import click

from byoc_kit.cli.common import emit, file_option, json_option
from byoc_kit.spec.settings import Origin, Setting

__all__ = ["config"]


@click.command(epilog="Example: byoc config --json")
@file_option
@json_option
def config(file: Path | None, *, as_json: bool) -> None:
    """Show the settings that count here, and where each came from.

    The later wins: default, user file ($XDG_CONFIG_HOME/byoc/config.toml or BYOC_CONFIG), byoc.toml,
    environment (BYOC_*, DOCKER_*), flag.
    """
    from byoc_kit.work.config import settings

    project, engine = _project(file)
    found = settings(project, engine)
    data = [
        {"name": one.name, "value": one.value, "origin": one.origin.label, "where": one.where}
        for one in found
    ]
    emit(_table(found), {"schema": "byoc/config/1", "settings": data}, as_json=as_json)


def _project(file: Path | None) -> tuple[Setting, str | None]:
    """Which byoc.toml is meant, and the engine it asks for. Raises UsageError where it is not right."""
    from byoc_kit.work.project import as_written, found

    if file is None and (near := found(Path.cwd())) is None:
        return Setting(name="project", value="none", origin=Origin.DEFAULT), None
    project = as_written(file or near)
    origin, where = (Origin.FLAG, "-f") if file else (Origin.DEFAULT, "")
    setting = Setting(name="project", value=str(project.file), origin=origin, where=where)
    return setting, project.spec.build.engine


def _table(found: tuple[Setting, ...]) -> str:
    """Aligned columns: setting, value, origin."""
    name = max(len(one.name) for one in found)
    value = max(len(one.value) for one in found)
    return "\n".join(f"{one.name:{name}}  {one.value:{value}}  {_origin(one)}" for one in found)


def _origin(one: Setting) -> str:
    return f"{one.origin.label} ({one.where})" if one.where else one.origin.label
