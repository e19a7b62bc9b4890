"""``byoc build``."""

from pathlib import Path

import click

from byoc_kit.cli.common import emit, file_option, json_option, talk

__all__ = ["build"]


@click.command(epilog="Example: byoc build && byoc run train")
@file_option
@json_option
@click.option("--tag", help="Name the image NAME[:TAG] instead of <image name>:latest.", metavar="NAME[:TAG]")
@click.option("--no-cache", is_flag=True, help="Run every step again, also those that did not change.")
@click.option("--dry-run", is_flag=True, help="Print what would be built and how, and build nothing.")
def build(file: Path | None, as_json: bool, tag: str | None, no_cache: bool, dry_run: bool) -> None:
    """Build the image of this project in the local Docker engine.

    Prints the image's reference (docker:sha256:...) on stdout; everything else goes to stderr.
    """
    from byoc_kit.work.project import load

    project = load(file)
    voice = talk()
    if dry_run:
        from byoc_kit.plan.describe import describe, plan_json
        from byoc_kit.work.build import plan

        made = plan(project, talk=voice)
        emit(describe(made), plan_json(made), as_json=as_json)
        return
    from byoc_kit.work.build import build as do
    from byoc_kit.work.state import built_json

    built = do(project, talk=voice, tag=tag, no_cache=no_cache)
    voice.say(f"built {built.name} in {built.seconds:.0f} s, {built.size / 1e6:,.0f} MB")
    emit(built.reference, built_json(built), as_json=as_json)
