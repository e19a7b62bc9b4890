"""``byoc promote``: a tag moves to another image of its repository, forwards or back. No layer is touched."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.manifest import Index, Manifest
from byoc_kit.oci.reference import Named, parse_image
from byoc_kit.plan.promote import Move, Promotion, check_movable
from byoc_kit.plan.publish import OCI_SUFFIX
from byoc_kit.plan.record import Record
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.places import destination
from byoc_kit.work.project import Project
from byoc_kit.work.record import record_beside
from byoc_kit.work.shelf import Shelf, open_shelf

__all__ = ["named_in", "plan", "promote"]


def plan(
    image: str,
    tags: Sequence[str],
    *,
    project: Project | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Promotion:
    """What :func:`promote` would do now. Raises ByocError."""
    with _promoter(image, tags, project, environ) as promoter:
        return promoter.decide(tags)


def promote(
    image: str,
    tags: Sequence[str],
    *,
    project: Project | None = None,
    talk: Talk | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Promotion:
    """Let each of *tags* mean *image* of the same repository; what was done.

    *image* is ``[registry/]repository`` with tag or digest, or ``:TAG`` or ``@sha256:...`` of what *project*
    publishes to. Raises ByocError: BYOC-E503 where there is no such image, BYOC-E582 where a tag cannot move,
    BYOC-E585 where somebody else moved it at the same time; UsageError for tags that do not move.
    """
    with _promoter(image, tags, project, environ) as promoter:
        made = promoter.decide(tags)
        for move in made.moves:
            (talk or Silence()).say(f"{move.tag}: {move.before or 'new'} -> {move.digest}")
            promoter.move(move)
        return made


def named_in(project: Project | None, image: str) -> Named:
    """The image of a registry that *image* names; with ``:`` or ``@`` first, of *project*'s repository.

    Raises UsageError (BYOC-E586) for an image that is in no registry.
    """
    ours = image.startswith((":", "@"))
    if not ours or project is not None:
        reference = parse_image(f"{destination(project)}{image}" if ours and project else image)
        if isinstance(reference, Named) and reference.repository.host:
            return reference
    raise UsageError(
        f"{image} is not in a registry",
        why="no project is here" if ours else "only an image that is in a registry has a repository",
        fix="write registry/repository:TAG or @sha256:..., or, in a project, :TAG or @sha256:...",
        id="BYOC-E586",
    )


@dataclass(frozen=True, slots=True)
class Promoter:
    """One image of one repository."""

    shelf: Shelf
    image: Named
    found: Manifest | Index

    def decide(self, tags: Sequence[str]) -> Promotion:
        """What has to move."""
        wanted = dict(self._wanted(tags))
        before = self.shelf.digests(wanted)
        return Promotion(
            repository=self.image.repository,
            digest=self.found.digest,
            moves=tuple(
                Move(tag=tag, before=before.get(tag), digest=digest)
                for tag, digest in wanted.items()
                if before.get(tag) != digest
            ),
        )

    def move(self, move: Move) -> None:
        """Do it, and see that it is done."""
        remote = self.shelf.remote
        manifest = self.found if move.digest == self.found.digest else remote.manifest(move.digest)
        if manifest is None:
            raise remote.session.missing(f"reading {move.digest}", "404")
        remote.put_manifest(move.tag, manifest)
        found = remote.digest(move.tag)
        if found != move.digest:
            raise _moved_on(f"{remote.repository}:{move.tag}", found)

    def _wanted(self, tags: Iterable[str]) -> Iterator[tuple[str, Digest]]:
        """Each tag, and with it that of the OCI manifest where the image has one, lest the two differ."""
        record = self._record()
        oci = record.forms.get("oci") if record and record.digest == self.found.digest else None
        for tag in tags:
            yield tag, self.found.digest
            if oci is not None:
                yield f"{tag}{OCI_SUFFIX}", Digest(oci.digest)

    def _record(self) -> Record | None:
        try:
            return record_beside(self.shelf.session, self.found.digest)
        except ByocError:
            return None


@contextmanager
def _promoter(
    image: str, tags: Sequence[str], project: Project | None, environ: Mapping[str, str]
) -> Iterator[Promoter]:
    """The repository of *image*, opened. Raises ByocError where the image is not there."""
    for tag in tags:
        check_movable(tag)
    named = named_in(project, image)
    shelf = open_shelf(named.repository, project.spec.publish if project else None, environ)
    with closing(shelf.session):
        found = shelf.remote.manifest(named.target)
        if found is None:
            raise shelf.session.missing(f"reading {named.target}", "404")
        yield Promoter(shelf, named, found)


def _moved_on(name: str, found: Digest | None) -> ByocError:
    return ByocError(
        f"{name} was moved by somebody else at the same time",
        why=f"it means {found or 'nothing'} now",
        fix="agree on who promotes, and run the command again",
        id="BYOC-E585",
    )
