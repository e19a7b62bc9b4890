"""``byoc repository``."""

from pathlib import Path

import click

from byoc_kit.cli.aws_options import aws_options, chosen_aws
from byoc_kit.cli.common import emit, file_option, json_option, talk

__all__ = ["repository"]


@click.group(epilog="Example: byoc repository plan && byoc repository apply")
def repository() -> None:
    """The repository in Amazon ECR as [publish.ecr] says it: what differs, and making it so."""


@repository.command(epilog="Example: byoc repository plan --check --json")
@file_option
@json_option
@aws_options
@click.option("--check", is_flag=True, help="Fail if something differs or the repository is missing.")
def plan(file: Path | None, as_json: bool, check: bool, **aws: str | None) -> None:
    """Show what the repository lacks of what byoc.toml says. Nothing is changed."""
    from byoc_kit.work.accounts import with_options
    from byoc_kit.work.project import load
    from byoc_kit.work.repository import plan as look
    from byoc_kit.work.repository import require_no_drift

    made = look(with_options(load(file), chosen_aws(aws)), registry=True)
    emit(made.to_text(), made.to_json(), as_json=as_json)
    if check:
        require_no_drift(made)


@repository.command(
    epilog="Example: byoc repository apply --remove policy/444455556666",
)
@file_option
@json_option
@aws_options
@click.option(
    "--remove",
    multiple=True,
    metavar="NAME",
    help="What may go, by its name in the plan; * stands for anything.",
)
@click.option("--registry", is_flag=True, help="Change settings of the whole registry, too.")
@click.option("--dry-run", is_flag=True, help="Print the plan that would be executed; change nothing.")
def apply(
    file: Path | None,
    as_json: bool,
    remove: tuple[str, ...],
    registry: bool,
    dry_run: bool,
    **aws: str | None,
) -> None:
    """Make the repository what byoc.toml says, also where it is missing."""
    from byoc_kit.work.accounts import with_options
    from byoc_kit.work.project import load
    from byoc_kit.work.repository import apply as do

    project = with_options(load(file), chosen_aws(aws))
    made = do(project, remove=remove, registry=registry, dry_run=dry_run, talk=talk())
    text = made.to_text() if dry_run else str(made.repository)
    emit(text, made.to_json(), as_json=as_json)
