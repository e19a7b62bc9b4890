"""``byoc copy``."""

import click

from byoc_kit.cli.common import emit, json_option, talk

__all__ = ["copy"]


@click.command(
    epilog="""\b
Examples:
  byoc copy docker:churn localhost:5000/churn:1     from the engine into a registry
  byoc copy a.example/base@sha256:... oci:base      a base, to work with it where there is no network
  byoc copy localhost:5000/churn:1 archive:c.tar    a file for `docker load`
"""
)
@click.argument("source")
@click.argument("target")
@click.option("--platform", default="linux/amd64", show_default=True, help="Which image of an index.")
@click.option("--jobs", type=click.IntRange(1, 32), default=4, show_default=True, help="Layers at a time.")
@json_option
def copy(source: str, target: str, platform: str, jobs: int, as_json: bool) -> None:
    """Copy an image between registries, layouts, archives and the engine.

    SOURCE and TARGET: docker:NAME, oci:DIR, archive:FILE, or [registry/]repository[:tag][@digest]. Only
    what is missing at TARGET moves, and its name means the image when all of it is there. Prints the exact
    reference.
    """
    from byoc_kit.oci.config import Platform
    from byoc_kit.oci.reference import parse_location
    from byoc_kit.work.bases import full_reference
    from byoc_kit.work.copy import copy as do

    try:
        wanted = Platform.parse(platform)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--platform") from error
    places = parse_location(full_reference(source, talk=talk())), parse_location(target)
    copied = do(*places, platform=wanted, jobs=jobs, talk=talk())
    emit(copied.reference, copied.to_json(), as_json=as_json)
