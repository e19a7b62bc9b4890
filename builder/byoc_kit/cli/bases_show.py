"""``byoc bases show``."""

import click

from byoc_kit.cli.bases_names import complete_name, complete_region
from byoc_kit.cli.common import emit, json_option

__all__ = ["show"]


@click.command(
    epilog="""\b
Examples:
  byoc bases show pytorch-training:2.8-gpu
  byoc bases show dlc:sagemaker-xgboost:1.7-1 --region eu-west-1
"""
)
@click.argument("name", shell_complete=complete_name)
@click.option(
    "--region",
    metavar="R",
    shell_complete=complete_region,
    help="Where its URI is for; else as AWS is configured.",
)
@json_option
def show(name: str, region: str | None, as_json: bool) -> None:
    """What is known of the image NAME: a short name, of which parts are enough, or a full URI.

    Its URI, targets, Python, CUDA, system, further tags, whether the tag moves, and when patches end.
    """
    from byoc_kit.cli.bases_text import choice_json, details
    from byoc_kit.work.bases import located, today
    from byoc_kit.work.bases import show as do

    known, choice = do(name)
    uri, day = located(known, choice, region), today()
    emit(details(choice, day, uri), choice_json(choice, day, uri), as_json=as_json)
