"""``byoc promote``."""

from pathlib import Path

import click

from byoc_kit.cli.common import emit, file_option, json_option, near_project, talk

__all__ = ["promote"]


@click.command(
    epilog="""\b
Examples:
  byoc promote :1.4.2 production                 in a project: of its own repository
  byoc promote :1.4.1 production                 back to an older one
  byoc promote 111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker/churn@sha256:... stable latest
"""
)
@click.argument("image")
@click.argument("tags", metavar="TAG...", nargs=-1, required=True)
@file_option
@json_option
@click.option("--dry-run", is_flag=True, help="Print what would move; change nothing.")
def promote(image: str, tags: tuple[str, ...], file: Path | None, as_json: bool, dry_run: bool) -> None:
    """Let TAG mean IMAGE of the same repository: forwards, or back to an older one.

    IMAGE: registry/repository with a tag or a digest; in a project also :TAG or @sha256:... of the repository
    that it publishes to. Nothing is built or sent but the manifest. Tags that say what is in an image
    (versions, c-..., g-...) do not move. Prints the exact reference.
    """
    from byoc_kit.work.promote import plan
    from byoc_kit.work.promote import promote as do

    project = near_project(file)
    if dry_run:
        made = plan(image, tags, project=project)
        emit(made.to_text(), made.to_json(), as_json=as_json)
        return
    made = do(image, tags, project=project, talk=talk())
    emit(made.reference, made.to_json(), as_json=as_json)
