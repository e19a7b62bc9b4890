"""What a publish would do, as a value: ``--dry-run`` prints it, the deed executes it.

Pure: the registry's present state comes in as a :class:`Survey`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.manifest import Manifest
from byoc_kit.oci.reference import Repository
from byoc_kit.plan.tags import Source, Tag, Withheld, content_tag, plan_tags

__all__ = [
    "Conflict",
    "Held",
    "PublishPlan",
    "Subject",
    "Survey",
    "Way",
    "disagreement",
    "fixed_tags",
    "plan_publish",
]

NO_SOURCE = Source()


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
    """Of the tags that were looked at: the content tag and those that must not move."""


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
    on_conflict: str = "fail"
    source: Source = NO_SOURCE


@dataclass(frozen=True, slots=True)
class Conflict:
    """A tag that means another image, and must not be moved."""

    tag: str
    digest: Digest


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
            "tags": [{"name": tag.name, "why": tag.why, "fixed": tag.fixed} for tag in self.tags],
            "withheld": [{"name": each.name, "why": each.why} for each in self.withheld],
            "conflicts": [{"tag": each.tag, "digest": each.digest} for each in self.conflicts],
            "source": {"commit": self.source.commit, "dirty": self.source.dirty},
            "mutations": list(self.mutations()),
        }

    def mutations(self) -> tuple[str, ...]:
        """Everything that would change in engine and registry, in order."""
        name = f"{self.repository}:"
        build = ("build the image",) if self.build and self.way == "push" else ()
        words = {"push": "push", "layer": "build straight into", "copy": "copy to"}
        push = (f"{words[self.way]} {name}{self._content}",) if self.push else ()
        return (*build, *push, *(f"tag {name}{tag.name}" for tag in self.tags))

    @property
    def _content(self) -> str:
        return self.content_tag or "c-<of the image>"

    def to_text(self) -> str:
        """For a person."""
        target = f"{self.repository}:{self._content}" if self.push else "no: the registry has it"
        straight = " straight into the registry, by the layer engine" if self.way == "layer" else ""
        lines = [
            f"image     {self.image_id or 'not built yet'} ({self.platform})",
            f"build     {f'yes{straight}' if self.build else 'no: this content is there already'}",
            f"{'copy' if self.way == 'copy' else 'push'}      {target}",
            *(f"tag       {self.repository}:{tag.name}  ({tag.why})" for tag in self.tags),
            *(f"not put   {each.name}  ({each.why})" for each in self.withheld),
            *(f"REFUSED   {each.tag} is another image: {each.digest}" for each in self.conflicts),
        ]
        return "\n".join(lines)


def fixed_tags(subject: Subject, existing: frozenset[str]) -> frozenset[str]:
    """The tags of the repository that have to be looked at before anything can be decided."""
    tags, _ = _tags(subject, existing)
    return existing & {_content_tag(subject), *(tag.name for tag in tags if tag.fixed)}


def plan_publish(subject: Subject, repository: Repository, survey: Survey) -> PublishPlan:
    """Same arguments, same plan."""
    name = _content_tag(subject)
    there = survey.held.get(name or "")
    image_id = subject.image_id or (there.config if there else None)
    tags, withheld = _tags(subject, survey.tags)
    taken = [
        Conflict(tag.name, held.digest)
        for tag in tags
        if tag.fixed and (held := survey.held.get(tag.name)) and not held.is_image(image_id)
    ]
    if subject.on_conflict == "move":
        taken = []
    elif subject.on_conflict == "keep":
        kept = {conflict.tag for conflict in taken}
        withheld += tuple(
            Withheld(tag.name, "it is another image, and is kept") for tag in tags if tag.name in kept
        )
        tags, taken = tuple(tag for tag in tags if tag.name not in kept), []
    return PublishPlan(
        repository=repository,
        platform=subject.platform,
        key=subject.key,
        content_tag=name,
        image_id=image_id,
        build=image_id is None,
        push=there is None or not there.is_image(image_id),
        tags=tags,
        withheld=withheld,
        conflicts=tuple(taken),
        source=subject.source,
        way=subject.way,
    )


def disagreement(
    image_id: str, platform: Platform, found: tuple[Digest, Manifest, ImageConfig]
) -> str | None:
    """Why what the registry has (digest of the tag, manifest, config) is not *image_id*; None: it is."""
    digest, manifest, config = found
    if image_id not in {digest, manifest.digest, manifest.config.digest}:
        return f"the engine pushed {image_id}, the registry has the config {manifest.config.digest}"
    if config.platform != platform:
        return f"it is for {config.platform}, not for {platform}"
    return None


def _content_tag(subject: Subject) -> str | None:
    return content_tag(subject.key) if subject.key else None


def _tags(subject: Subject, existing: frozenset[str]) -> tuple[tuple[Tag, ...], tuple[Withheld, ...]]:
    return plan_tags(
        version=subject.version, source=subject.source, existing=existing, further=subject.further
    )
