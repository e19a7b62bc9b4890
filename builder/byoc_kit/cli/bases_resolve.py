"""``byoc bases resolve``."""

from typing import Any

import click

from byoc_kit.cli.bases_names import complete_name, complete_region
from byoc_kit.cli.common import emit, json_option, talk

__all__ = ["resolve"]

QUESTION = (
    "--framework",
    "--version",
    "--instance-type",
    "--py-version",
    "--scope",
    "--base-framework-version",
)


@click.command(
    epilog="""\b
Examples:
  byoc bases resolve dlc:pytorch-training:2.8-gpu --region eu-west-1
  byoc bases resolve pytorch:2.13-gpu --region us-east-1 --digest
  byoc bases resolve --framework xgboost --version 1.7-1 --region eu-west-1 --instance-type ml.m5.xlarge
"""
)
@click.argument("name", required=False, shell_complete=complete_name)
@click.option(
    "--region",
    metavar="R",
    shell_complete=complete_region,
    help="Else as AWS is configured; without any, the public gallery.",
)
@click.option("--digest", is_flag=True, help="Ask the registry which image it is now, and add its digest.")
@click.option("--framework", metavar="F", help="Instead of NAME: as the SDK calls it, e.g. pytorch, xgboost.")
@click.option("--version", metavar="V", help="Of the framework.")
@click.option("--instance-type", metavar="T", help="For example ml.g5.xlarge.")
@click.option("--py-version", metavar="P", help="For example py312.")
@click.option("--scope", "image_scope", metavar="S", help="training, inference, processing, ...")
@click.option("--base-framework-version", metavar="B", help="Of Hugging Face: e.g. pytorch2.1.")
@click.option("--container-version", metavar="C", help="What follows in the tag of a few old images.")
@click.option("--accelerator-type", metavar="A", help="Elastic Inference: ml.eia2.medium.")
@click.option(
    "--inference-tool", type=click.Choice(["neuron", "neuronx"]), help="Where no instance type says it."
)
@click.option("--sdk-version", metavar="N", help="Of the Neuron SDK: e.g. sdk2.20.0.")
@click.option("--training-compiler", is_flag=True, help="With the SageMaker Training Compiler.")
@click.option("--smdistributed", is_flag=True, help="For training with SageMaker's distributed libraries.")
@click.option("--serverless", is_flag=True, help="For a serverless endpoint.")
@json_option
def resolve(name: str | None, region: str | None, digest: bool, as_json: bool, **asked: Any) -> None:
    """The full URI of the image NAME, or of the one that the SageMaker SDK's image_uris.retrieve gives.

    With --framework and further arguments the answer is the SDK's, letter by letter. Exit code 0: known, with
    a warning where its patches have ended. Exit code 1: not in our facts (BYOC-E845), or known to be no more
    (BYOC-E846).
    """
    if (name is None) == (asked["framework"] is None):
        raise click.UsageError("give NAME or --framework, one of them")
    if name is not None:
        others = [key for key, value in asked.items() if value]
        if others:
            raise click.UsageError(f"--{others[0].replace('_', '-')} goes with --framework, not with NAME")
        _named(name, region, digest, as_json=as_json)
    else:
        _asked(region, digest, asked, as_json=as_json)


def _named(name: str, region: str | None, digest: bool, *, as_json: bool) -> None:
    from byoc_kit.cli.bases_text import choice_json
    from byoc_kit.work.bases import resolve as do
    from byoc_kit.work.bases import today

    found = do(name, region=region, digest=digest)
    if found.warning:
        talk().warn(found.warning)
    emit(found.uri, choice_json(found.choice, today(), found.uri), as_json=as_json)


def _asked(region: str | None, digest: bool, asked: dict[str, Any], *, as_json: bool) -> None:
    from byoc_kit.catalogue.question import Question
    from byoc_kit.cli.bases_text import to_json
    from byoc_kit.work.bases import ask, pinned, region_here, today

    where = region or region_here()
    if where is None:
        raise click.UsageError("--region is missing, and the AWS configuration names none")
    found = ask(Question(region=where, **asked))
    uri = found.expect()
    if found.why:
        talk().warn(found.why)
    uri = pinned(uri) if digest else uri
    data = {"schema": "byoc/base/1", **(to_json(found.image, today()) if found.image else {})}
    emit(uri, data | {"kind": found.kind.value, "uri": uri}, as_json=as_json)
