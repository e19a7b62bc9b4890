"""Moving a tag of a repository to another image of it, as a value; also back to an older one."""

from dataclasses import dataclass
from typing import Any

from byoc_kit.errors import UsageError
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.reference import TAG, Repository
from byoc_kit.plan.tags import is_computed, is_release

__all__ = ["Move", "Promotion", "check_movable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One tag."""

    tag: str
    before: Digest | None
    """None: the tag is new."""
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """Schema ``byoc/promotion/1``."""

    repository: Repository
    digest: Digest
    """What the image was named by: a manifest, or an index."""
    moves: tuple[Move, ...]
    """With those of further manifests of the same image (``-oci``); only what changes anything."""

    @property
    def reference(self) -> str:
        """``registry/repository@sha256:...``."""
        return f"{self.repository}@{self.digest}"

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "schema": "byoc/promotion/1",
            "reference": self.reference,
            "moves": [{"tag": each.tag, "from": each.before, "to": each.digest} for each in self.moves],
        }

    def to_text(self) -> str:
        """For a person."""
        if not self.moves:
            return f"nothing to do: {self.reference} has the tag already"
        lines = [f"tag  {each.tag:<12} {each.before or 'new'} -> {each.digest}" for each in self.moves]
        return "\n".join([self.reference, *lines])


def check_movable(tag: str) -> None:
    """Raises UsageError: BYOC-E584 for a tag that says what is in the image, for it would lie, BYOC-E589 for
    what is no tag.
    """
    if not TAG.fullmatch(tag):
        raise UsageError(
            f"{tag[:140]!r} is not a tag",
            why="it has at most 128 of letters, digits, '_', '.', '-', and starts with none of '.-'",
            fix="correct it",
            id="BYOC-E589",
        )
    if is_computed(tag):
        why = "it says what is in the image: content, commit or day; publish computes it"
    elif is_release(tag):
        why = "a release means one image for ever; publish puts it, once"
    else:
        return
    raise UsageError(
        f"{tag} is not a tag that moves",
        why=why,
        fix="name a tag that may move: stable, production, latest, 1.4",
        id="BYOC-E584",
    )
