"""``byoc bases``: prebuilt images by words, by name, by the SDK's question; short names as references."""

import datetime
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from byoc_kit.catalogue.answer import Answer, answer
from byoc_kit.catalogue.catalogue import Catalogue
from byoc_kit.catalogue.prebuilt import Prebuilt
from byoc_kit.catalogue.question import Question
from byoc_kit.catalogue.regions import PUBLIC_GALLERY
from byoc_kit.catalogue.short import Choice, choose
from byoc_kit.errors import ByocError, UsageError
from byoc_kit.oci.ecr import EcrRegistry
from byoc_kit.oci.reference import Named, parse_image
from byoc_kit.oci.short import SHORT, ShortName, parse_short
from byoc_kit.spec.types import Spec
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.catalogue import catalogue

__all__ = [
    "Resolved",
    "ask",
    "full_reference",
    "located",
    "named",
    "pinned",
    "region_here",
    "resolve",
    "search",
    "show",
    "today",
    "unknown_words",
    "with_end_of_patches",
    "with_full_base",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A short name as a reference."""

    choice: Choice
    uri: str
    """With the digest, where it was asked for."""
    warning: str | None
    """A sentence where patches have ended, or end soon."""


def search(
    words: Sequence[str], *, python: str | None = None, environ: Mapping[str, str] = os.environ
) -> tuple[Prebuilt, ...]:
    """Prebuilt images that all *words* describe, newest first; of *python* (``3.12``), if given."""
    return catalogue(environ).search([word.lower() for word in words], python=_version(python))


def unknown_words(
    words: Sequence[str], *, environ: Mapping[str, str] = os.environ
) -> Mapping[str, Sequence[str]]:
    """Those of *words* that describe no prebuilt image, each with words near it that do."""
    return catalogue(environ).unknown([word.lower() for word in words])


def show(name: str, *, environ: Mapping[str, str] = os.environ) -> tuple[Catalogue, Choice]:
    """The image that *name* means: a short name, with or without ``dlc:``, or a full reference.

    Raises UsageError: BYOC-E112, BYOC-E840 to E842.
    """
    known = catalogue(environ)
    return known, choose(known, named(name))


def resolve(
    name: str,
    *,
    region: str | None = None,
    profile: str | None = None,
    digest: bool = False,
    environ: Mapping[str, str] = os.environ,
    day: datetime.date | None = None,
) -> Resolved:
    """The full reference of *name* in *region*, else in that of the AWS configuration, else in the gallery.

    *profile* is one of the AWS configuration. With *digest* the registry is asked. Raises ByocError:
    BYOC-E112, BYOC-E840 to E844, BYOC-E847.
    """
    known = catalogue(environ)
    choice = choose(known, named(name))
    uri = choice.uri(known, region or _region_for(choice, environ, profile))
    if digest:
        uri = pinned(uri, environ)
    return Resolved(choice=choice, uri=uri, warning=choice.image.warning(day or today()))


def ask(
    question: Question, *, environ: Mapping[str, str] = os.environ, day: datetime.date | None = None
) -> Answer:
    """The answer that ``image_uris.retrieve`` of the SageMaker SDK gives to the same question, and more."""
    return answer(catalogue(environ), question, today=day or today())


def full_reference(
    text: str, *, environ: Mapping[str, str] = os.environ, talk: Talk | None = None, region: str | None = None
) -> str:
    """*text* itself, or the full reference where it is a short name; what it became is told to *talk*.

    Raises ByocError as :func:`resolve`.
    """
    if not text.startswith(SHORT):
        return text
    voice = talk or Silence()
    found = resolve(text, region=region, environ=environ)
    voice.note(f"{text} is {found.uri}")
    if found.warning:
        voice.warn(found.warning)
    return found.uri


def named(text: str) -> ShortName:
    """The short name of *text*: one already, or the repository and tag of a reference with a registry."""
    if text.startswith(SHORT) or "." not in text.partition("/")[0] or "/" not in text:
        return parse_short(text)
    reference = parse_image(text)
    if not isinstance(reference, Named):
        return parse_short(text)
    path = reference.repository.path.removeprefix("deep-learning-containers/")
    return ShortName(path, reference.tag)


def with_full_base(
    spec: Spec, *, environ: Mapping[str, str] = os.environ, day: datetime.date | None = None
) -> Spec:
    """*spec*, whose base is a short name, with the full reference.

    The region is that of [publish], else as AWS is configured. What the base became, and that its patches
    end, are notes. Raises ByocError as :func:`resolve`.
    """
    image = spec.image
    region, profile = (spec.publish.region, spec.publish.profile) if spec.publish else (None, None)
    found = resolve(image.base, region=region, profile=profile, environ=environ, day=day)
    told = [f"the base {image.base} is {found.uri}", *([found.warning] if found.warning else [])]
    full = replace(image, base=found.uri, prebuilt=found.choice.name)
    return replace(spec, image=full, notes=(*spec.notes, *told))


def with_end_of_patches(
    spec: Spec, *, environ: Mapping[str, str] = os.environ, day: datetime.date | None = None
) -> Spec:
    """*spec* with a note where its base is a prebuilt image, by its full reference, whose patches end."""
    reference = parse_image(spec.image.base)
    if not isinstance(reference, Named) or reference.tag is None:
        return spec
    host = reference.repository.host
    registry, path = EcrRegistry.of_host(host), reference.repository.path
    known = catalogue(environ)
    if registry is not None and known.has_account(registry.account):
        image = known.by_tag(path, reference.tag)
    else:
        gallery = f"{host}/{path}".removeprefix(f"{PUBLIC_GALLERY}/")
        image = known.by_tag(gallery, reference.tag) if gallery != f"{host}/{path}" else None
    warning = image.warning(day or today()) if image else None
    return replace(spec, notes=(*spec.notes, warning)) if warning else spec


def located(known: Catalogue, choice: Choice, region: str | None) -> str | None:
    """The reference of *choice* in *region* or where AWS is configured; None: that depends on a region.

    Raises ByocError (BYOC-E843) where it is not in the *region* that was asked for.
    """
    try:
        return choice.uri(known, region or _region_for(choice, os.environ))
    except ByocError:
        if region is not None:
            raise
        return None


def pinned(uri: str, environ: Mapping[str, str] = os.environ) -> str:
    """*uri* with the digest that its registry tells now. Raises ByocError; BYOC-E847: it has none."""
    from byoc_kit.work.images import open_repository

    reference = parse_image(uri)
    assert isinstance(reference, Named)
    found = open_repository(reference.repository, environ).digest(reference.target)
    if found is None:
        raise ByocError(
            f"{uri} is not there",
            why="the registry answers, and has no image with that tag",
            fix="`byoc bases update` asks the registries what they have; AWS takes old images away",
            id="BYOC-E847",
        )
    return f"{uri}@{found}"


def region_here(environ: Mapping[str, str] = os.environ, profile: str | None = None) -> str | None:
    """The region of this machine's AWS configuration, of *profile* in it; None: it names none."""
    if named_region := environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION"):
        return named_region
    from byoc_kit.aws.session import AwsSettings, session

    try:
        found = session(AwsSettings(profile=profile)).region_name
    except ByocError:  # no such profile here: whoever publishes is told, who builds needs none
        return None
    return str(found) if found else None


def today() -> datetime.date:
    """The day in UTC."""
    return datetime.datetime.now(datetime.UTC).date()


def _region_for(choice: Choice, environ: Mapping[str, str], profile: str | None = None) -> str | None:
    """Where the AWS configuration is, for an image that is in AWS's private registries."""
    return region_here(environ, profile) if choice.image.accounts else None


def _version(text: str | None) -> str | None:
    """``3.12`` of ``3.12``, ``py312`` or ``py3.12``. Raises UsageError (BYOC-E849)."""
    if text is None:
        return None
    digits = text.removeprefix("py").removeprefix("thon").replace(".", "")
    if not digits.isdecimal() or len(digits) < 2:
        raise UsageError(
            f"{text[:40]!r} is no version of Python",
            why="it has a major and a minor number",
            fix="write --python 3.12",
            id="BYOC-E849",
        )
    return f"{digits[0]}.{digits[1:]}"
