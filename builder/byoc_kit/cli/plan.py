"""``byoc plan``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byoc_kit.cli.build import where_options
from byoc_kit.cli.common import emit, file_option, json_option, talk

if TYPE_CHECKING:
    from byoc_kit.work.build import BuildOptions

__all__ = ["plan", "show"]


@click.command(
    epilog="""\b
Examples:
  byoc plan                              what `byoc build` would do here
  byoc plan --output registry --json     for a machine: engine and why, bytes, seconds, changes
"""
)
@file_option
@json_option
@where_options
def plan(file: Path | None, as_json: bool, **given: Any) -> None:
    """Print what a build would do: engine and why, steps, bytes to move, time, and everything it changes.

    `byoc build` with the same options executes exactly this. The base is looked into; nothing is built.
    """
    from byoc_kit.work.build import BuildOptions

    show(file, BuildOptions(**given), as_json=as_json)


def show(file: Path | None, options: "BuildOptions", *, as_json: bool) -> None:
    """Print the plan of the project *file* belongs to."""
    from byoc_kit.plan.describe import describe, plan_json
    from byoc_kit.work.build import plan as decide
    from byoc_kit.work.project import load

    made = decide(load(file), talk=talk(), options=options)
    emit(describe(made), plan_json(made), as_json=as_json)
