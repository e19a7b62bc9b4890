"""``byoc bases update``."""

from pathlib import Path

import click

from byoc_kit.cli.bases_names import complete_region
from byoc_kit.cli.common import emit, json_option, talk

__all__ = ["update"]


@click.command(
    epilog="""\b
Examples:
  byoc bases update --region eu-west-1
  byoc bases update --sdk ~/venvs/sagemaker
  byoc bases update --registry 763104351884.dkr.ecr.us-east-1.amazonaws.com
"""
)
@click.option(
    "--region",
    metavar="R",
    shell_complete=complete_region,
    help="Ask AWS's registries there; else where AWS is configured.",
)
@click.option(
    "--registry", "registries", metavar="HOST", multiple=True, help="Ask this one instead; repeatable."
)
@click.option("--sdk", type=click.Path(path_type=Path, file_okay=False), help="An environment with the SDK.")
@json_option
def update(region: str | None, registries: tuple[str, ...], sdk: Path | None, as_json: bool) -> None:
    """Look for newer images, in Amazon ECR itself and in an installed SageMaker SDK.

    What is found is kept for this user and added to what comes with byoc. Without a network, or where AWS
    refuses, everything stays as it was. Needs ecr:ListImages on AWS's repositories, as any AWS identity has.
    """
    from byoc_kit.work.update_bases import update as do

    found = do(registries=registries, region=region, sdk=sdk, talk=talk())
    data = {
        "schema": "byoc/bases-update/1",
        "tables": found.tables,
        "registries": list(found.registries),
        "images": found.images,
    }
    lines = [f"{found.images} images that were not known"] if found.registries else []
    lines += [f"tables of {found.tables}"] if found.tables else []
    emit("\n".join(lines or ["nothing newer"]), data, as_json=as_json)
