"""What a publish would do, as a value: ``--dry-run`` prints it, the deed executes it.

Pure: the registry's present state comes in as a :class:`Survey`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.manifest import DOCKER_LAYER, DOCKER_MANIFEST, Manifest
from byoc_kit.oci.reference import Repository
from byoc_kit.plan.tags import Source, Tag, Withheld, content_tag, plan_tags
from byoc_kit.spec.types import Target

__all__ = [
    "OCI_SUFFIX",
    "Conflict",
    "Held",
    "PublishPlan",
    "Subject",
    "Survey",
    "Way",
    "disagreement",
    "fixed_tags",
    "plan_publish",
    "planned_tags",
    "unfit",
]

NO_SOURCE = Source()
OCI_SUFFIX = "-oci"
"""Behind a tag: the same image as an OCI manifest."""
SERVERLESS_LIMIT = 10 * 1000**3  # bytes (SLS-01)
URI_LIMIT = 255  # characters (IMG-09)


Way = Literal["push", "layer", "copy"]
"""How the image reaches the registry: pushed by the Docker engine that has it, built straight into the
registry by the layer engine, or copied from where it lies."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a tag of the repository points to."""

    digest: Digest
    config: Digest | None
    """Of the config; None for an index."""

    def is_image(self, image_id: str | None) -> bool:
        """Whether an engine knows it as *image_id* (a config's or a manifest's digest)."""
        return image_id is not None and image_id in {self.digest, self.config}


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The repository before anything is changed."""

    tags: frozenset[str] = frozenset()
    held: Mapping[str, Held] = field(default_factory=dict)
    """Of the tags that were looked at: the content tag, and those of the plan that exist."""
    immutable: frozenset[str] = frozenset()
    """Of the tags of the plan, those that the repository does not let move."""
    prepare: tuple[str, ...] = ()
    """What is to be done about the repository itself before anything is pushed, a line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is to be published."""

    platform: Platform
    key: str | None
    """The content key; for an image of another's making, the image id; None: known only after the build."""
    image_id: str | None
    """None: it is neither built nor in the registry."""
    version: str | None
    way: Way = "push"
    further: tuple[str, ...] = ()
    """Templates."""
    values: Mapping[str, str | None] = field(default_factory=dict)
    """What the fields of templates mean, as far as byoc.toml tells."""
    on_conflict: str = "fail"
    oci: bool = False
    """Whether an OCI manifest is to be pushed, too."""
    source: Source = NO_SOURCE


@dataclass(frozen=True, slots=True)
class Conflict:
    """A tag that means another image, and must not be moved."""

    tag: str
    digest: Digest
    why: str = "it means one image for ever"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishPlan:
    """Schema ``byoc/publish-plan/1``."""

    repository: Repository
    platform: Platform
    key: str | None
    content_tag: str | None
    """None: it follows from the image id, once that is known."""
    image_id: str | None
    build: bool
    """Whether the image must be built first."""
    push: bool
    """Whether the image must be pushed to the content tag."""
    tags: tuple[Tag, ...]
    """To be put besides the content tag, in this order."""
    withheld: tuple[Withheld, ...]
    conflicts: tuple[Conflict, ...]
    """Not empty: publishing is refused before anything is changed."""
    source: Source
    way: Way = "push"
    there: frozenset[str] = frozenset()
    """Of *tags*, those that mean this image already."""
    prepare: tuple[str, ...] = ()
    """What is to be done about the repository itself, first of all."""
    oci: bool = False
    """Whether an OCI manifest of the same layers goes under each tag with ``-oci`` behind it."""

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "schema": "byoc/publish-plan/1",
            "repository": str(self.repository),
            "platform": str(self.platform),
            "content_key": self.key,
            "content_tag": self.content_tag,
            "image_id": self.image_id,
            "way": self.way,
            "build": self.build,
            "push": self.push,
            "tags": [
                {"name": tag.name, "why": tag.why, "fixed": tag.fixed, "there": tag.name in self.there}
                for tag in self.tags
            ],
            "withheld": [{"name": each.name, "why": each.why} for each in self.withheld],
            "conflicts": [
                {"tag": each.tag, "digest": each.digest, "why": each.why} for each in self.conflicts
            ],
            "oci": self.oci,
            "source": {"commit": self.source.commit, "dirty": self.source.dirty},
            "mutations": list(self.mutations()),
        }

    def mutations(self) -> tuple[str, ...]:
        """Everything that would change in engine and registry, in order."""
        name = f"{self.repository}:"
        build = ("build the image",) if self.build and self.way == "push" else ()
        words = {"push": "push", "layer": "build straight into", "copy": "copy to"}
        push = (f"{words[self.way]} {name}{self._content}",) if self.push else ()
        put = [f"tag {name}{tag.name}" for tag in self.tags if tag.name not in self.there]
        oci = (f"push the OCI manifest, under each tag with {OCI_SUFFIX}",) if self.oci else ()
        return (*self.prepare, *build, *push, *put, *oci)

    @property
    def _content(self) -> str:
        return self.content_tag or "c-<of the image>"

    def to_text(self) -> str:
        """For a person."""
        target = f"{self.repository}:{self._content}" if self.push else "no: the registry has it"
        straight = " straight into the registry, by the layer engine" if self.way == "layer" else ""
        lines = [
            *(f"first     {line}" for line in self.prepare),
            f"image     {self.image_id or 'not built yet'} ({self.platform})",
            f"build     {f'yes{straight}' if self.build else 'no: this content is there already'}",
            f"{'copy' if self.way == 'copy' else 'push'}      {target}",
            *(f"{self._verb(tag)}{self.repository}:{tag.name}  ({tag.why})" for tag in self.tags),
            *([f"further   an OCI manifest under each tag with {OCI_SUFFIX}"] if self.oci else []),
            *(f"not put   {each.name}  ({each.why})" for each in self.withheld),
            *(f"REFUSED   {each.tag} is another image: {each.digest}" for each in self.conflicts),
        ]
        return "\n".join(lines)

    def _verb(self, tag: Tag) -> str:
        return "there     " if tag.name in self.there else "tag       "


def planned_tags(subject: Subject, existing: Iterable[str]) -> frozenset[str]:
    """The content tag and all others that the image would get, given the tags that the repository has."""
    tags, _ = _tags(subject, frozenset(existing))
    return frozenset({tag.name for tag in tags} | ({name} if (name := _content_tag(subject)) else set()))


def fixed_tags(subject: Subject, existing: Iterable[str]) -> frozenset[str]:
    """Of them, those that must not move."""
    tags, _ = _tags(subject, frozenset(existing))
    return frozenset(tag.name for tag in tags if tag.fixed)


def plan_publish(subject: Subject, repository: Repository, survey: Survey) -> PublishPlan:
    """Same arguments, same plan."""
    name = _content_tag(subject)
    there = survey.held.get(name or "")
    image_id = subject.image_id or (there.config if there else None)
    tags, withheld, taken = _settled(subject, survey, image_id)
    push = there is None or not there.is_image(image_id)
    if push and there and name in survey.immutable:
        taken += (Conflict(str(name), there.digest, IMMUTABLE),)
    return PublishPlan(
        repository=repository,
        platform=subject.platform,
        key=subject.key,
        content_tag=name,
        image_id=image_id,
        build=image_id is None,
        push=push,
        tags=tags,
        withheld=withheld,
        conflicts=taken,
        source=subject.source,
        way=subject.way,
        there=_there(tags, survey, there) if not push else frozenset(),
        prepare=survey.prepare,
        oci=subject.oci,
    )


IMMUTABLE = "the repository's tags are immutable"


def _settled(
    subject: Subject, survey: Survey, image_id: str | None
) -> tuple[tuple[Tag, ...], tuple[Withheld, ...], tuple[Conflict, ...]]:
    """The tags to be put, those that are not, and those that forbid it all."""
    tags, withheld = _tags(subject, survey.tags)
    put, kept, taken = list[Tag](), list[Withheld](), list[Conflict]()
    for tag in tags:
        held, stays = survey.held.get(tag.name), tag.name in survey.immutable
        if held is None or held.is_image(image_id) or not (tag.fixed or stays):
            put.append(tag)
        elif not tag.fixed:
            kept.append(Withheld(tag.name, f"it is another image, and {IMMUTABLE}"))
        elif subject.on_conflict == "keep":
            kept.append(Withheld(tag.name, "it is another image, and is kept"))
        elif stays:
            taken.append(Conflict(tag.name, held.digest, IMMUTABLE))
        elif subject.on_conflict == "move":
            put.append(tag)
        else:
            taken.append(Conflict(tag.name, held.digest))
            put.append(tag)
    return tuple(put), (*withheld, *kept), tuple(taken)


def _there(tags: Iterable[Tag], survey: Survey, content: Held | None) -> frozenset[str]:
    held = {tag.name: survey.held.get(tag.name) for tag in tags}
    return frozenset(
        name for name, each in held.items() if each and content and each.digest == content.digest
    )


def disagreement(
    image_id: str, platform: Platform, found: tuple[Digest, Manifest, ImageConfig]
) -> str | None:
    """Why what the registry has (digest of the tag, manifest, config) is not *image_id*; None: it is."""
    digest, manifest, config = found
    if image_id not in {digest, manifest.digest, manifest.config.digest}:
        return f"{image_id} was pushed, the registry has the config {manifest.config.digest}"
    if config.platform != platform:
        return f"it is for {config.platform}, not for {platform}"
    return None


def unfit(reference: str, manifest: Manifest, targets: Iterable[Target]) -> str | None:
    """Why SageMaker could not use *manifest*, known as *reference*, for *targets*; None: it could.

    Asked of what was read back: media types (IMG-11), size (SLS-01), length of the name (IMG-09).
    """
    wanted = {*targets}
    if manifest.media_type != DOCKER_MANIFEST:
        return f"its media type is {manifest.media_type}, not {DOCKER_MANIFEST} (IMG-11)"
    other = next((each.media_type for each in manifest.layers if each.media_type != DOCKER_LAYER), None)
    if other:
        return f"a layer has the media type {other}, not {DOCKER_LAYER} (IMG-11)"
    if Target.SERVERLESS in wanted and manifest.size > SERVERLESS_LIMIT:
        return f"it has {manifest.size / 1e9:.1f} GB, and serverless endpoints take 10 GB (SLS-01)"
    if len(reference) > URI_LIMIT:
        return f"its name has {len(reference)} characters, and SageMaker takes {URI_LIMIT} (IMG-09)"
    return None


def _content_tag(subject: Subject) -> str | None:
    return content_tag(subject.key) if subject.key else None


def _tags(subject: Subject, existing: frozenset[str]) -> tuple[tuple[Tag, ...], tuple[Withheld, ...]]:
    return plan_tags(
        version=subject.version,
        source=subject.source,
        existing=existing,
        further=subject.further,
        values=_values(subject),
    )


def _values(subject: Subject) -> Mapping[str, str | None]:
    return {**subject.values, "content": content_tag(subject.key)[2:] if subject.key else None}
