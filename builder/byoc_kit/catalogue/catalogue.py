"""Every prebuilt image by repository, from documentation, the SDK's tables, registries and our own list."""

import datetime
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from byoc_kit.catalogue.derived import derived, repository_accounts
from byoc_kit.catalogue.documented import documented, plain
from byoc_kit.catalogue.prebuilt import Prebuilt
from byoc_kit.catalogue.regions import Regions
from byoc_kit.catalogue.tables import Tables
from byoc_kit.catalogue.tags import version_key
from byoc_kit.spec.types import Target

__all__ = ["Catalogue"]

DATED_ONE_BY_ONE = ("sagemaker-",)
"""Repositories where an older line may live longer than a newer one: nothing follows from others' dates."""


@dataclass(frozen=True)
class Catalogue:
    """What byoc knows of prebuilt images. Made by :meth:`of`."""

    documents: Mapping[str, Mapping[str, Any]]
    """``tables``, ``images``, ``plain``, ``regions``, and ``seen`` where registries were asked."""

    @cached_property
    def tables(self) -> Tables:
        """The SDK's tables."""
        return Tables.of(self.documents["tables"])

    @cached_property
    def regions(self) -> Regions:
        """Regions and partitions."""
        return Regions.of(self.documents["regions"]["partitions"])

    @cached_property
    def images(self) -> tuple[Prebuilt, ...]:
        """All images, those of one repository together, old ones first."""
        accounts = repository_accounts(self.tables)
        known = [*documented(self.documents["images"], accounts), *plain(self.documents["plain"])]
        if "seen" in self.documents:
            known = _merged(known, documented(self.documents["seen"], accounts))
        merged = _dated(_merged(known, derived(self.tables)))
        return tuple(_settled(sorted(merged, key=lambda image: (image.repository, image.order))))

    def unknown(self, words: Sequence[str]) -> dict[str, list[str]]:
        """Those of *words* that describe no image at all, each with words near it that do."""
        strange = [word for word in words if not any(image.says(word) for image in self.images)]
        common = {part for image in self.images for part in (image.repository, *image.repository.split("-"))}
        common |= {image.framework.lower() for image in self.images} | {target.value for target in Target}
        return {word: difflib.get_close_matches(word, sorted(common), n=2) for word in strange}

    def has_account(self, account: str) -> bool:
        """Whether some prebuilt images are in *account*; quicker than looking at all of them."""
        tables = (*self.tables.accounts, *self.documents["images"]["accounts"].values())
        return any(account in table.values() for table in tables)

    def repositories(self) -> tuple[str, ...]:
        """Names of all repositories."""
        return tuple(dict.fromkeys(image.repository for image in self.images))

    def of_repository(self, repository: str) -> tuple[Prebuilt, ...]:
        """The images of *repository*, old ones first."""
        return tuple(image for image in self.images if image.repository == repository)

    def by_tag(self, repository: str, tag: str) -> Prebuilt | None:
        """The image that *tag* of *repository* means."""
        return next((image for image in self.of_repository(repository) if tag in image.tags), None)

    def search(self, words: Sequence[str], *, python: str | None = None) -> tuple[Prebuilt, ...]:
        """Images that all *words* describe, newest first; of *python*, e.g. ``3.12``, if given.

        Those for EC2 only where the words ask for them, or where there is no other.
        """
        fits = [image for image in self.images if all(image.says(word) for word in words)]
        fits = [image for image in fits if python in {None, image.python}]
        wanted = "ec2" in words
        chosen = [image for image in fits if wanted or not _has_better(image, fits)]
        return tuple(sorted(chosen, key=lambda image: (image.released or _NEVER, image.order), reverse=True))


_NEVER = datetime.date.min


def _has_better(image: Prebuilt, others: Iterable[Prebuilt]) -> bool:
    """Whether *image* is for EC2, and *others* have one of its repository that is not."""
    if image.variant != "ec2":
        return False
    return any(each.repository == image.repository and each.variant != "ec2" for each in others)


def _merged(known: Sequence[Prebuilt], further: Iterable[Prebuilt]) -> list[Prebuilt]:
    """*known* with what *further* adds: new images, and further tags of known ones."""
    found = list(known)
    places = {key: place for place, image in enumerate(found) for key in _keys(image)}
    for image in further:
        place = next((places[key] for key in _keys(image) if key in places), _shortened(found, image))
        if place is None:
            found.append(image)
            place = len(found) - 1
        else:
            tags = tuple(dict.fromkeys((*found[place].tags, *image.tags)))
            found[place] = replace(found[place], tags=tags)
        places.update(dict.fromkeys(_keys(image), place))
    return found


def _keys(image: Prebuilt) -> Iterator[tuple[str, str]]:
    return ((image.repository, tag) for tag in image.tags)


def _shortened(known: Sequence[Prebuilt], image: Prebuilt) -> int | None:
    """Where in *known* the image is whose full tag *image*'s first tag begins."""
    for place, each in enumerate(known):
        same = each.repository == image.repository and each.variant != "ec2"
        if same and each.tag.startswith(f"{image.tag}-"):
            return place
    return None


def _settled(images: Sequence[Prebuilt]) -> Iterator[Prebuilt]:
    """*images*, old ones first, each without the tags that have moved on to a newer one."""
    owners = {key: image for image in images for key in _keys(image)}
    for image in images:
        kept = (tag for tag in image.tags[1:] if owners[image.repository, tag] is image)
        yield replace(image, tags=(image.tag, *kept))


def _dated(images: Sequence[Prebuilt]) -> Iterator[Prebuilt]:
    """*images*, each with a day on which its patches end where a newer one of its repository tells."""
    days: dict[str, list[tuple[Any, datetime.date]]] = {}
    for image in images:
        if image.ends and not image.repository.startswith(DATED_ONE_BY_ONE):
            days.setdefault(image.repository, []).append((version_key(image.version), image.ends))
    for image in images:
        newer = [day for key, day in days.get(image.repository, ()) if key > version_key(image.version)]
        if image.ends is None and newer:
            yield replace(image, ends=min(newer), at_latest=True)
        else:
            yield image
