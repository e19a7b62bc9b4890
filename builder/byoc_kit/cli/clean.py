"""``byoc clean``."""

from pathlib import Path

import click

from byoc_kit.cli.common import emit, file_option, json_option, talk

__all__ = ["clean"]


@click.command(epilog="Example: byoc clean --dry-run && byoc clean")
@file_option
@json_option
@click.option("--all", "everything", is_flag=True, help="The latest run and the newest good one too.")
@click.option("--images", is_flag=True, help="The name of the last build in the engine too.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def clean(file: Path | None, as_json: bool, everything: bool, images: bool, dry_run: bool) -> None:
    """Remove what runs and builds left in this project and in the engine.

    Keeps the latest run and the newest one that made a model, so that `byoc run serve` works on.
    """
    from byoc_kit.work.clean import find_leftovers, remove_leftovers
    from byoc_kit.work.project import load

    project, voice = load(file), talk()
    found = find_leftovers(project, everything=everything, images=images, talk=voice)
    if not dry_run:
        remove_leftovers(project, found)
    voice.say(f"{found.size / 1e6:,.1f} MB {'would be' if dry_run else 'were'} freed on disk")
    emit("\n".join(found.lines()) or "nothing to remove", found.to_json(), as_json=as_json)
