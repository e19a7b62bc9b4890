"""``byoc init``: a working project in one of the four styles."""

import sys
from pathlib import Path

import click

from byoc_kit.cli.common import emit, json_option, talk
from byoc_kit.errors import UsageError
from byoc_kit.spec.types import Style
from byoc_kit.work.init import DEFAULT_BASE, SAYS, Scaffolded
from byoc_kit.work.init import init as scaffold

__all__ = ["init"]

STYLES = [style.value for style in Style]


@click.command(
    epilog="""\b
Examples:
  byoc init churn --style script-mode-1 --base python:3.12-slim
  byoc init clean --process
"""
)
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--style", type=click.Choice(STYLES), help="How training code gets into the container.")
@click.option("--process", "processing", is_flag=True, help="A project for processing jobs.")
@click.option("--base", metavar="REF", help=f"The image to build on; default {DEFAULT_BASE}.")
@json_option
def init(directory: Path, style: str | None, processing: bool, base: str | None, *, as_json: bool) -> None:
    """Scaffold a project in DIR (default: here): a small real model, its data, a request, and byoc.toml.

    A folder that has files already is adopted: nothing is overwritten, and byoc.toml points to the
    train.py, inference.py, requirements.txt or Dockerfile found there. With --process: a program that
    cleans and splits data, for processing jobs; a process.py that is there is adopted.
    """
    chosen = Style(style or ("basic" if processing else _ask()))
    done = scaffold(directory, style=chosen, processing=processing, base=base, talk=talk())
    emit(str(done.folder), _data(done), as_json=as_json)
    _next(done, processing=processing)


def _ask() -> str:
    """The style, from a person at a terminal. Raises UsageError where there is none."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "the style is missing",
            why="it decides how training code gets into the container, and there is no terminal to ask",
            fix="add --style with one of these",
            id="BYOC-E705",
            details=[f"{style}: {says}" for style, says in SAYS.items()],
        )
    for style, says in SAYS.items():
        click.echo(f"{style:>14}  {says}", err=True)
    answer: str = click.prompt("style", type=click.Choice(STYLES), default="script-mode-1", err=True)
    return answer


def _data(done: Scaffolded) -> dict[str, object]:
    return {
        "schema": "byoc/init/1",
        "folder": str(done.folder),
        "style": done.style.value,
        "files": [str(path) for path in done.files],
        "kept": [str(path) for path in done.kept],
    }


def _next(done: Scaffolded, *, processing: bool) -> None:
    """What to type next, for a person, on stderr."""
    here = done.folder.resolve() == Path.cwd()
    steps = ["byoc build", "byoc run process" if processing else "byoc run train"]
    if Path("sample.csv") in map(Path, done.files):
        steps.append("byoc run serve --invoke sample.csv")
    talk().say(f"{len(done.files)} files written. Next:")
    for step in [*([] if here else [f"cd {done.folder}"]), *steps]:
        talk().say(f"  {step}")
