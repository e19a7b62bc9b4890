"""``byoc bases``: the catalogue of prebuilt images."""

import click

from byoc_kit.cli.lazy import LazyGroup

__all__ = ["BASES", "bases"]

BASES = {
    "search": "Prebuilt images that words describe.",
    "show": "What is known of one image.",
    "resolve": "The full URI of an image, as the SageMaker SDK gives it.",
    "update": "Look for newer images in registries and in an installed SDK.",
}
"""What one does with the catalogue; the module ``bases_<word>`` has the rest."""


@click.group(
    cls=LazyGroup,
    table=BASES,
    prefix="byoc_kit.cli.bases_",
    epilog="Example: byoc bases search pytorch gpu training --python 3.12",
)
def bases() -> None:
    """The catalogue of prebuilt images: names, tags, accounts, Python, CUDA, and when patches end.

    It comes with byoc and needs no network. Names such as dlc:pytorch-training:2.8-gpu can stand
    wherever a base is given: [image] base, --base, inspect and copy.
    """
