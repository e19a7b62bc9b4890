"""``byoc publish``."""

from pathlib import Path
from typing import Any

import click

from byoc_kit.cli.aws_options import aws_options, chosen_aws
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
@click.option(
    "--verify",
    "depth",
    type=click.Choice(["none", "static", "quick", "service"]),
    help="How deep to look at the image first.  [default: quick where an engine has it, else static]",
)
@click.option("--allow-broken", metavar="ID", multiple=True, help="Publish although this clause is broken.")
@click.option("--stamp", is_flag=True, help="Let the record tell who published, and when.")
@click.option(
    "--record",
    "copy",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write the record to FILE, for example byoc-record.json.",
)
@aws_options
def publish(image: str | None, file: Path | None, as_json: bool, dry_run: bool, **given: Any) -> None:
    """Build, verify, push, read back, tag, and write the record.

    Publishes this project's image, or IMAGE in its place, to [publish] repository; in ECR the repository is
    made if it is missing. Tags are computed: content, git commit, version, date, and [publish] tags. The
    record is kept beside the image, too: byoc record show URI. Publishing the same again sends nothing.

    An image that breaks SageMaker's contract is refused (exit code 3), unless --allow-broken, or a waiver of
    byoc.toml, names the clause.
    """
    from byoc_kit.work.accounts import with_options
    from byoc_kit.work.project import load
    from byoc_kit.work.prove import Demand
    from byoc_kit.work.publish import plan
    from byoc_kit.work.publish import publish as do
    from byoc_kit.work.record import stamped, write_copy

    project, voice = with_options(load(file), chosen_aws(given)), talk()
    if dry_run:
        made = plan(project, image=image, talk=voice)
        emit(made.to_text(), made.to_json(), as_json=as_json)
        return
    demand = Demand(verify=given["depth"], allow_broken=given["allow_broken"])
    stamp = stamped(project) if given["stamp"] else None
    record = do(project, image=image, demand=demand, stamp=stamp, talk=voice)
    if given["copy"] is not None:
        write_copy(record, given["copy"])
    voice.say(f"tags: {', '.join(record.tags)}")
    emit(record.reference, record.to_json(), as_json=as_json)
