"""``byoc replicate``."""

import sys
from pathlib import Path

import click

from byoc_kit.cli.common import emit, file_option, json_option, near_project, talk

__all__ = ["replicate"]


@click.command(
    epilog="""\b
Examples:
  byoc replicate :1.4.2 --to us-east-1 --to ap-southeast-2           other regions of the same account
  byoc replicate :1.4.2 --to 444455556666/eu-west-1                  another account
  byoc replicate a.example/churn:1 --to b.example/team/churn --dry-run
"""
)
@click.argument("image")
@click.option(
    "--to",
    multiple=True,
    required=True,
    metavar="PLACE",
    help="ACCOUNT/REGION[/NAME], REGION, or registry/repository; may be given again.",
)
@file_option
@json_option
@click.option("--dry-run", is_flag=True, help="Print what would be sent and tagged; change nothing.")
def replicate(image: str, to: tuple[str, ...], file: Path | None, as_json: bool, dry_run: bool) -> None:
    """Copy a published image, with its tags, bill of materials and record, to other places.

    IMAGE: registry/repository with a tag or a digest; in a project also :TAG or @sha256:... of the repository
    that it publishes to. All places at once: blobs are mounted within a registry, and sent where they are
    missing. Where one place fails, the others are done, the exit code is 1, and the same command again does
    the rest. Prints one exact reference for each place.
    """
    from byoc_kit.work.replicate import plan
    from byoc_kit.work.replicate import replicate as do

    project, voice = near_project(file), talk()
    done = (plan if dry_run else do)(image, to, project=project, talk=voice)
    emit(done.to_text(), done.to_json(), as_json=as_json)
    for place, error in done.errors:
        click.echo(f"error [{error.id}]: {place}: {error}", err=True)
    if done.errors:
        click.echo(f"{len(done.errors)} of {len(done.replicas)} places failed; again does the rest", err=True)
        sys.exit(1)
