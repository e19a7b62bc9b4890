"""From a short name to one image: a full tag as it is, of a partial one the newest image that it fits."""

import bisect
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from byoc_kit.catalogue.catalogue import Catalogue
from byoc_kit.catalogue.prebuilt import Prebuilt, tagged
from byoc_kit.catalogue.tags import Tag, begins_with, moves, parse_tag, version_key
from byoc_kit.errors import ByocError, UsageError
from byoc_kit.oci.short import ShortName

__all__ = ["Choice", "choose", "nearest"]

OF_ONE_RELEASE = re.compile(r"(-v[0-9]+(\.[0-9]+)*(-[0-9]{4}(-[0-9]{2}){5})?)?(-soci)?$")
COMPARED = ("device", "python", "cuda", "os", "variant")
FEW = 3  # suggestions; more are not read


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The image that a short name means."""

    image: Prebuilt
    tag: str
    """As it was written where that was a full one, else the image's fullest."""

    @property
    def name(self) -> str:
        """The short name in full."""
        return f"dlc:{tagged(self.image.repository, self.tag)}"

    @property
    def moves(self) -> bool:
        """Whether the tag will mean another image after the next patch."""
        return moves(self.tag)

    def uri(self, catalogue: Catalogue, region: str | None) -> str:
        """The full reference: in *region*, else where everybody can pull it.

        Raises ByocError: BYOC-E843 where AWS has no registry with it there, BYOC-E844 where it has to be told
        the region.
        """
        image = self.image
        if region is None or not image.accounts:
            if image.public is None:
                raise _regionless(self)
            return tagged(image.public, self.tag)
        account = image.accounts.get(region)
        registry = account and catalogue.regions.registry(account, region)
        if not registry:
            raise _not_there(self, region)
        return tagged(f"{registry}/{image.repository}", self.tag)


def choose(catalogue: Catalogue, short: ShortName) -> Choice:
    """The image that *short* means. Raises UsageError: BYOC-E840 to E842."""
    images = catalogue.of_repository(short.repository)
    if not images:
        raise _no_repository(catalogue, short)
    if short.tag and (exact := _exact(images, short.tag)):
        return Choice(image=exact, tag=short.tag)
    wanted = parse_tag(short.tag or "")
    fits = [image for image in _for_sagemaker(images, wanted) if wanted.fits(image.parsed)]
    if not fits:
        raise _no_image(images, short)
    devices = sorted({image.device for image in fits})
    if len(devices) > 1:
        raise _ambiguous(short, fits)
    newest = max(fits, key=lambda image: image.order)
    return Choice(image=newest, tag=newest.tag)


def nearest(images: Sequence[Prebuilt], tag: str) -> list[Prebuilt]:
    """The images of one repository whose tags are most like *tag*, the best first."""
    wanted = parse_tag(tag)
    versions = sorted({version_key(image.parsed.version) for image in images})
    place = bisect.bisect_left(versions, version_key(wanted.version))

    def likeness(image: Prebuilt) -> tuple[Any, ...]:
        told = image.parsed
        same = sum(getattr(wanted, name) == getattr(told, name) for name in COMPARED if getattr(wanted, name))
        same += len(wanted.words & told.words) + 2 * begins_with(told.version, wanted.version)
        return same, -abs(versions.index(version_key(told.version)) - place), image.order

    return sorted(images, key=likeness, reverse=True)[:FEW]


def _exact(images: Sequence[Prebuilt], tag: str) -> Prebuilt | None:
    """The image with *tag*, or whose tag it begins with when it names one release of it."""
    for text in (tag, OF_ONE_RELEASE.sub("", tag)):
        for image in images:
            if text in image.tags:
                return image
    return None


def _for_sagemaker(images: Sequence[Prebuilt], wanted: Tag) -> Sequence[Prebuilt]:
    """*images* without those for EC2, unless they are asked for or there is nothing else."""
    if wanted.variant:
        return images
    own = [image for image in images if image.variant == "sagemaker"]
    return own or images


def _no_repository(catalogue: Catalogue, short: ShortName) -> UsageError:
    near = difflib.get_close_matches(short.repository, catalogue.repositories(), n=FEW, cutoff=0.5)
    return UsageError(
        f"no repository of prebuilt images is called {short.repository!r}",
        why=f"did you mean {' or '.join(near)}?" if near else "the catalogue has none whose name is near",
        fix="`byoc bases search WORD...` finds names; `byoc bases update` looks for new ones; "
        "or write the full URI of the image",
        id="BYOC-E840",
    )


def _no_image(images: Sequence[Prebuilt], short: ShortName) -> UsageError:
    near = nearest(_for_sagemaker(images, parse_tag(short.tag or "")), short.tag or "")
    return UsageError(
        f"{short.repository} has no image that {short.tag!r} fits",
        why="nearest are: " + ", ".join(image.name for image in near),
        fix=f"choose one of them, or `byoc bases search {short.repository}` for all; "
        "of a newer one write the full URI",
        id="BYOC-E841",
    )


def _ambiguous(short: ShortName, fits: Sequence[Prebuilt]) -> UsageError:
    newest = {image.device: image for image in sorted(fits, key=lambda image: image.order)}
    return UsageError(
        f"{short} could be an image for {' or for '.join(sorted(newest))}",
        why="they have nothing in common but the version, so this is not guessed",
        fix="say which: " + ", ".join(newest[name].name for name in sorted(newest)),
        id="BYOC-E842",
    )


def _not_there(choice: Choice, region: str) -> ByocError:
    known = sorted(choice.image.accounts)
    alike = [name for name in known if name.startswith(region.partition("-")[0])] or known
    return ByocError(
        f"{choice.image.repository} is in no registry of {region}",
        why=f"AWS keeps it in {len(known)} regions, among them {', '.join(alike[:6])}",
        fix="pull it from one of these: --region, or [publish] region; an image may come from another region",
        id="BYOC-E843",
    )


def _regionless(choice: Choice) -> ByocError:
    return ByocError(
        f"in which region is {choice.name}?",
        why="every region has a registry of its own, and this image is not in the public gallery",
        fix='write [publish] region = "eu-west-1", set AWS_REGION, or give --region',
        id="BYOC-E844",
    )
