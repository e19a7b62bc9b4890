"""Completion of the names of prebuilt images, and of regions."""

import click
from click.shell_completion import CompletionItem

__all__ = ["complete_name", "complete_region"]


def complete_name(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names that begin with *incomplete*: repositories first, of one repository the tags."""
    from byoc_kit.work.catalogue import catalogue

    prefix = "dlc:" if incomplete.startswith("dlc:") else ""
    repository, colon, tag = incomplete.removeprefix("dlc:").partition(":")
    known = catalogue()
    if not colon:
        return [
            CompletionItem(f"{prefix}{name}") for name in known.repositories() if name.startswith(repository)
        ]
    tags = (each for image in reversed(known.of_repository(repository)) for each in image.tags)
    return [CompletionItem(f"{prefix}{repository}:{each}") for each in tags if each.startswith(tag)]


def complete_region(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Regions of all partitions that begin with *incomplete*."""
    from byoc_kit.work.catalogue import catalogue

    return [name for name in catalogue().regions.names() if name.startswith(incomplete)]
