"""Prebuilt images as text and as JSON."""

import datetime
from collections.abc import Sequence

from byoc_kit.catalogue.answer import Kind
from byoc_kit.catalogue.prebuilt import Prebuilt
from byoc_kit.catalogue.short import Choice
from byoc_kit.catalogue.tags import moves

__all__ = ["choice_json", "details", "rows", "to_json"]


def rows(images: Sequence[Prebuilt], today: datetime.date) -> str:
    """A line for each image."""
    table = [
        (
            image.name,
            image.device,
            image.python or "-",
            image.cuda or "-",
            image.os or "-",
            _patches(image, today),
        )
        for image in images
    ]
    if not table:
        return ""
    head = ("NAME", "DEVICE", "PYTHON", "CUDA", "OS", "PATCHES")
    widths = [max(len(row[column]) for row in (head, *table)) for column in range(len(head))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in (head, *table)
    )
    return "\n".join(line.rstrip() for line in lines)


def details(choice: Choice, today: datetime.date, uri: str | None) -> str:
    """All that is known of one image."""
    image = choice.image
    moving = "moves: the next patch gets it" if choice.moves else "fixed"
    facts = {
        "name": choice.name,
        "uri": uri or "depends on the region: --region",
        "public": image.public and f"{image.public}:{choice.tag}",
        "framework": f"{image.framework} {image.version}",
        "targets": ", ".join(target.value for target in image.targets),
        "device": f"{image.device}, {image.architecture}",
        "python": image.python,
        "cuda": image.cuda,
        "os": image.os,
        "tag": moving,
        "also": ", ".join(tag for tag in image.tags if tag != choice.tag),
        "released": image.released and str(image.released),
        "patches": _patches(image, today),
        "regions": f"{len(image.accounts)}" if image.accounts else None,
        "source": image.source,
    }
    return "\n".join(f"{name:<10}{value}" for name, value in facts.items() if value)


def choice_json(choice: Choice, today: datetime.date, uri: str | None) -> dict[str, object]:
    """The image that a name means: ``byoc/base/1``; *uri* is None where it depends on the region."""
    image = to_json(choice.image, today)
    return {
        "schema": "byoc/base/1",
        **image,
        "kind": (Kind.ENDED if choice.image.ended(today) else Kind.KNOWN).value,
        "name": choice.name,
        "tag": choice.tag,
        "moves": choice.moves,
        "uri": uri,
        "digest": (uri or "").partition("@")[2] or None,
    }


def to_json(image: Prebuilt, today: datetime.date) -> dict[str, object]:
    """One image for machines, without a schema of its own."""
    return {
        "name": image.name,
        "repository": image.repository,
        "tag": image.tag,
        "tags": list(image.tags),
        "moves": moves(image.tag),
        "framework": image.framework,
        "version": image.version,
        "device": image.device,
        "architecture": image.architecture,
        "python": image.python,
        "cuda": image.cuda,
        "os": image.os,
        "variant": image.variant,
        "targets": [target.value for target in image.targets],
        "accounts": dict(image.accounts),
        "public": image.public,
        "released": image.released and image.released.isoformat(),
        "patches_end": image.ends and image.ends.isoformat(),
        "patches_end_at_latest": image.at_latest,
        "patches_ended": image.ended(today),
        "source": image.source,
    }


def _patches(image: Prebuilt, today: datetime.date) -> str:
    if image.ends is None:
        return "end unknown"
    return (
        f"{'ended' if image.ended(today) else 'until'} {image.ends}{' or before' if image.at_latest else ''}"
    )
