"""``byoc build``."""

from pathlib import Path
from typing import Any

import click

from byoc_kit.cli.common import emit, file_option, json_option, talk

__all__ = ["build", "where_options"]


def where_options(function: Any) -> Any:
    """``--engine`` and ``--output``, as ``build`` and ``plan`` have them."""
    engines = click.Choice(["auto", "docker", "layer"])
    function = click.option(
        "--output",
        metavar="docker|registry|oci:DIR|docker-archive:FILE",
        help="Where the image goes; registry: [publish] repository, by digest and content tag.  "
        "[default: docker where an engine answers, else oci:.byoc/image]",
    )(function)
    return click.option("--engine", type=engines, help="Which engine builds.  [default: auto]")(function)


@click.command(
    epilog="""\b
Examples:
  byoc build && byoc run train
  byoc build --output registry           needs no Docker where nothing has to run inside the base
  byoc build --engine layer --output oci:image
"""
)
@file_option
@json_option
@where_options
@click.option("--tag", help="Name the image NAME[:TAG] instead of <image name>:latest.", metavar="NAME[:TAG]")
@click.option("--no-cache", is_flag=True, help="Run every step again (docker engine).")
@click.option("--frozen", is_flag=True, help="Build from the pylock.byoc.toml that is there, and write none.")
@click.option("--dry-run", is_flag=True, help="Print what would be built and how, as `byoc plan` does.")
def build(file: Path | None, as_json: bool, dry_run: bool, **given: Any) -> None:
    """Build the image of this project with the engine that fits.

    Prints the image's exact reference on stdout; everything else goes to stderr.
    """
    from byoc_kit.work.build import BuildOptions
    from byoc_kit.work.build import build as do
    from byoc_kit.work.project import load
    from byoc_kit.work.state import built_json

    if dry_run:
        from byoc_kit.cli.plan import show

        show(file, BuildOptions(**given), as_json=as_json)
        return
    voice = talk()
    built = do(load(file), talk=voice, options=BuildOptions(**given))
    voice.say(f"built {built.name} in {built.seconds:.0f} s, {built.size / 1e6:,.0f} MB")
    emit(built.reference, built_json(built), as_json=as_json)
