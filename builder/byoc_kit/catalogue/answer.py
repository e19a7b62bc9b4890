"""Three kinds of answer to a question for an image: known, known to have ended, not in our facts."""

import datetime
import difflib
import enum
from collections.abc import Iterator
from dataclasses import dataclass

from byoc_kit.catalogue.catalogue import Catalogue
from byoc_kit.catalogue.prebuilt import Prebuilt
from byoc_kit.catalogue.question import Question, RefusedError, family
from byoc_kit.catalogue.retrieve import locate
from byoc_kit.catalogue.short import Choice
from byoc_kit.catalogue.tags import begins_with, parse_tag
from byoc_kit.errors import ByocError
from byoc_kit.spec.types import Target

__all__ = ["Answer", "Kind", "answer"]

MANY = 8  # values that a message lists


class Kind(enum.StrEnum):
    """What is known of the image that was asked for."""

    KNOWN = "known"
    ENDED = "ended"
    """It gets no patches any more."""
    UNKNOWN = "unknown"
    """Not in our facts: it may be newer than they are, or never have been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The image for a :class:`Question`."""

    kind: Kind
    uri: str | None = None
    """The SDK's own answer, letter by letter; where the SDK has none, the image that documentation names."""
    image: Prebuilt | None = None
    """What else is known of it."""
    why: str = ""
    """That patches have ended or end soon; of what is unknown, what the question asked that is not there."""

    def expect(self) -> str:
        """The URI. Raises ByocError: BYOC-E845 where it is unknown, BYOC-E846 where it was and is no more."""
        if self.uri is not None:
            return self.uri
        if self.kind is Kind.ENDED:
            raise ByocError(
                "there was such an image, and it is no more",
                why=self.why,
                fix="take a newer version or another instance type: `byoc bases search` lists what there is",
                id="BYOC-E846",
            )
        raise ByocError(
            "such an image is not in our facts",
            why=self.why,
            fix="mend the question, or if it is newer than this catalogue: `byoc bases update`",
            id="BYOC-E845",
        )


def answer(catalogue: Catalogue, asked: Question, *, today: datetime.date) -> Answer:
    """The answer to *asked*: the SDK's where its tables have one, else documentation's."""
    try:
        located = locate(catalogue.tables, asked)
        uri = located.uri(asked.region, catalogue.regions)
    except RefusedError as refused:
        if refused.ended:
            return Answer(kind=Kind.ENDED, why=f"{asked.framework} runs on no {refused.value} any more")
        return _documented(catalogue, asked, refused, today)
    image = catalogue.by_tag(located.repository, located.tag)
    return _judged(uri, image, today)


def _judged(uri: str, image: Prebuilt | None, today: datetime.date) -> Answer:
    if image is None:
        return Answer(kind=Kind.KNOWN, uri=uri)
    kind = Kind.ENDED if image.ended(today) else Kind.KNOWN
    return Answer(kind=kind, uri=uri, image=image, why=image.warning(today) or "")


def _documented(catalogue: Catalogue, asked: Question, refused: RefusedError, today: datetime.date) -> Answer:
    """What documentation knows where the SDK's tables end: versions that are newer than they are."""
    fits = list(_newer(catalogue, asked)) if refused.argument == "version" and asked.version else []
    if fits:
        image = max(fits, key=lambda each: each.order)
        if asked.region in image.accounts:
            uri = Choice(image=image, tag=image.tag).uri(catalogue, asked.region)
            return _judged(uri, image, today)
    return Answer(kind=Kind.UNKNOWN, why=_why(refused))


def _newer(catalogue: Catalogue, asked: Question) -> Iterator[Prebuilt]:
    training = asked.image_scope in {None, "training"}
    purpose = "training" if training else "inference"
    instance = family(asked.instance_type)
    device = "gpu" if instance[:1] in {"g", "p"} or asked.instance_type == "local_gpu" else "cpu"
    for repository in (asked.framework, f"{asked.framework}-{purpose}"):
        for image in catalogue.of_repository(repository):
            right = (Target.TRAINING if training else Target.HOSTING) in image.targets
            python = parse_tag(asked.py_version or "").python
            same = image.device == device and image.variant != "ec2" and python in {None, image.python}
            if right and same and begins_with(image.version, asked.version):
                yield image


def _why(refused: RefusedError) -> str:
    """The refusal in a sentence, with what there is."""
    name, value = refused.argument.replace("_", "-"), refused.value
    known = [str(each) for each in refused.known]
    if value is None:
        said = f"--{name.removeprefix('image-')} is missing"
    else:
        said = f"--{name.removeprefix('image-')} {value} is not in the tables"
    if not known:
        return said
    near = difflib.get_close_matches(value or "", known, n=3)
    shown = near or known[-MANY:]
    return f"{said}; {'near are' if near else 'there are'} {', '.join(shown)}"
