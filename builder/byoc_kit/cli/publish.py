"""``byoc publish``."""

from pathlib import Path

import click

from byoc_kit.cli.common import emit, file_option, json_option, talk

__all__ = ["publish"]


@click.command(
    epilog="""\b
Examples:
  byoc publish --dry-run                 what would be built, pushed and tagged, and why
  byoc verify $(byoc publish)            the printed reference is exact: registry/repository@sha256:...
"""
)
@click.argument("image", required=False)
@file_option
@json_option
@click.option("--dry-run", is_flag=True, help="Print the plan; build nothing and change nothing.")
def publish(image: str | None, file: Path | None, as_json: bool, dry_run: bool) -> None:
    """Build, verify, push, read back, tag, and write the record.

    Publishes this project's image, or IMAGE of the local engine in its place, to [publish] repository.
    Tags are computed: content, git commit, version, date. Publishing the same again sends nothing.
    """
    from byoc_kit.work.project import load
    from byoc_kit.work.publish import plan
    from byoc_kit.work.publish import publish as do

    project, voice = load(file), talk()
    if dry_run:
        made = plan(project, image=image, talk=voice)
        emit(made.to_text(), made.to_json(), as_json=as_json)
        return
    record = do(project, image=image, talk=voice)
    voice.say(f"tags: {', '.join(record.tags)}")
    emit(record.reference, record.to_json(), as_json=as_json)
