"""``byoc verify``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from byoc_kit.cli.common import emit, file_option, json_option, talk

if TYPE_CHECKING:
    from byoc_kit.spec.types import Target

__all__ = ["verify"]

BROKEN = 3  # exit code: the image breaks the contract


@click.command(
    epilog="""\b
Examples:
  byoc verify                                         the last build of this project
  byoc verify docker:churn:latest --target training
  byoc verify registry.example/team/churn@sha256:...  no engine needed
"""
)
@click.argument("image", required=False)
@file_option
@json_option
@click.option(
    "--target",
    "names",
    metavar="NAME[,NAME]",
    multiple=True,
    help="Job types to judge for, e.g. training,hosting; else those of byoc.toml.",
)
def verify(image: str | None, file: Path | None, as_json: bool, names: tuple[str, ...]) -> None:
    """Check an image against SageMaker's contract, clause by clause.

    Looks at what config, manifest and PATH say; nothing is run as a job. Exit code 3 if a clause that must
    hold is broken.
    """
    from byoc_kit.contract.report import to_json, to_text
    from byoc_kit.work.project import load
    from byoc_kit.work.verify import verify as do

    targets = _targets(names)
    project = load(file) if image is None or file else None
    report = do(project, image=image, targets=targets, talk=talk())
    emit(to_text(report), to_json(report), as_json=as_json)
    if not report.ok:
        sys.exit(BROKEN)


def _targets(names: tuple[str, ...]) -> "tuple[Target, ...]":
    from byoc_kit.spec.types import Target

    asked = [name.strip() for part in names for name in part.split(",") if name.strip()]
    unknown = [name for name in asked if name not in set(Target)]
    if unknown:
        raise click.BadParameter(
            f"{unknown[0]!r} is no target; there are: {', '.join(Target)}", param_hint="--target"
        )
    return tuple(Target(name) for name in dict.fromkeys(asked))
