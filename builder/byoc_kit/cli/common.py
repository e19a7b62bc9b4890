"""What the verbs share: options, the voice on stderr, and the one result on stdout."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from byoc_kit.cli.console import Lines
    from byoc_kit.work.project import Project

__all__ = ["emit", "file_option", "json_option", "near_project", "talk"]

F = TypeVar("F", bound=Callable[..., Any])


def file_option(function: F) -> F:
    """``-f FILE``: another byoc.toml; the parameter is ``file``, a Path or None."""
    return click.option(
        "-f",
        "--file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Another file than the byoc.toml of this folder or a parent.",
    )(function)


def json_option(function: F) -> F:
    """``--json``: the result as one JSON object; the parameter is ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")(
        function
    )


def near_project(file: Path | None) -> "Project | None":
    """The project of *file*, else the one that this folder belongs to; None: neither."""
    from byoc_kit.work.project import found, load

    return load(file) if file is not None or found(Path.cwd()) else None


def talk() -> "Lines":
    """The voice for this process: bars on a terminal, plain lines elsewhere; always stderr."""
    from byoc_kit.cli.console import console

    return console()


def emit(text: str, data: Mapping[str, object], *, as_json: bool) -> None:
    """Print the result asked for: *text* for a person, *data* (with its ``schema``) for a machine."""
    click.echo(json.dumps(data, indent=2, sort_keys=True) if as_json else text)
