"""``byoc replicate``: a published image in other repositories, regions and accounts.

Each place has it whole or not at all; all at once. One that fails does not stop the others; the same command
again does what is left, because what a place has already is not sent.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace

from byoc_kit.errors import ByocError
from byoc_kit.images.moving import at_once
from byoc_kit.images.referrers import artifacts, has_artifact, put_artifact
from byoc_kit.images.registry import ImmutableTagError, RemoteRepository
from byoc_kit.images.sink import Sink
from byoc_kit.oci.config import Platform
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.image import Image
from byoc_kit.oci.manifest import Descriptor, Manifest, to_oci
from byoc_kit.oci.reference import Named, Repository
from byoc_kit.plan.promote import Move
from byoc_kit.plan.publish import OCI_SUFFIX
from byoc_kit.plan.record import Record
from byoc_kit.plan.replicate import Replica, Replication, places, taken, travelling
from byoc_kit.plan.sbom import MEDIA_TYPE as SBOM
from byoc_kit.talk import Silence, Talk
from byoc_kit.work import repository as repositories
from byoc_kit.work.accounts import Accounts, accounts_of
from byoc_kit.work.images import open_image, open_sink
from byoc_kit.work.project import Project
from byoc_kit.work.promote import named_in
from byoc_kit.work.record import keep_record, last_record, record_beside, write_record
from byoc_kit.work.recording import with_place
from byoc_kit.work.shelf import Shelf, open_shelf
from byoc_kit.work.totals import Totals

__all__ = ["plan", "replicate"]

PLACES_AT_ONCE = 8


def plan(
    image: str,
    to: Sequence[str],
    *,
    project: Project | None = None,
    talk: Talk | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Replication:
    """What :func:`replicate` would do now. A place that cannot be asked has an error. Raises ByocError."""
    with _source(image, to, project, talk, environ) as source:
        return Replication(source=source.reference, replicas=source.each(source.survey), done=False)


def replicate(
    image: str,
    to: Sequence[str],
    *,
    project: Project | None = None,
    talk: Talk | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Replication:
    """Let *image* be in every place of *to*, with the tags that it has where it is, its bill and its record.

    What failed is told by the replicas' ``error``. Raises ByocError where the image itself cannot be had,
    UsageError for places that are none (see ``plan.replicate.places``).
    """
    with _source(image, to, project, talk, environ) as source:
        done = Replication(source=source.reference, replicas=source.each(source.copy), done=True)
        source.tell_records(done)
        return done


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The image that is replicated, opened."""

    image: Image
    shelf: Shelf
    tags: tuple[str, ...]
    record: Record | None
    places: tuple[Repository, ...]
    project: Project | None
    talk: Talk
    environ: Mapping[str, str]

    @property
    def manifest(self) -> Manifest:
        """Of the image."""
        return self.image.manifest

    @property
    def accounts(self) -> Accounts:
        """Who we are to which registry of ECR."""
        return accounts_of(self.project.spec.publish if self.project else None)

    @property
    def reference(self) -> str:
        """By digest."""
        return f"{self.shelf.remote.repository}@{self.manifest.digest}"

    def each(self, work: Callable[[Repository], Replica]) -> tuple[Replica, ...]:
        """*work* for all places at once; what one raises is its replica's error."""

        def attempt(place: Repository) -> Replica:
            try:
                return work(place)
            except ByocError as error:
                return Replica(repository=place, digest=self.manifest.digest, error=error)

        tasks = [lambda place=place: attempt(place) for place in self.places]
        return tuple(at_once(tasks, jobs=PLACES_AT_ONCE))

    def survey(self, place: Repository) -> Replica:
        """What *place* lacks. Raises ByocError."""
        made = repositories.ensure(self.project, place, plan_only=True)
        prepare = tuple(action.what for action in made.own) if made.exists is False else ()
        with self._sink(place) as sink, self._shelf(place) as shelf:
            there = {} if prepare else shelf.digests(self._wanted())
            moves = tuple(
                Move(tag=tag, before=there.get(tag), digest=digest)
                for tag, digest in self._wanted().items()
                if there.get(tag) != digest
            )
            error = taken(place, moves)
            return Replica(
                repository=place,
                digest=self.manifest.digest,
                prepare=prepare,
                transfer=sink.survey(self.image),
                moves=moves,
                error=error,
            )

    def copy(self, place: Repository) -> Replica:
        """Bring the image there: repository, blobs, manifest by digest, then tags. Raises ByocError."""
        replica = self.survey(place)
        if replica.error is not None:
            return replica
        if replica.prepare:
            repositories.ensure(self.project, place, talk=self.talk)
        with self._sink(place) as sink, self._shelf(place) as shelf:
            sink.write(self.image, tag=False)
            self._oci(shelf.remote)
            kept = [move for move in replica.moves if not self._move(shelf.remote, move)]
            self._bill(shelf)
        self.talk.say(f"{replica.reference} is there")
        return replace(replica, moves=tuple(move for move in replica.moves if move not in kept))

    def tell_records(self, done: Replication) -> None:
        """Keep beside each replica, and beside the source, a record that knows all of them."""
        there = [each.repository for each in done.replicas if each.error is None]
        if self.record is None or not there:
            return
        uris = dict(self.record.uris)
        for place in there:
            uris = with_place(uris, place, self.manifest.digest, self.tags)
        known = replace(self.record, uris=uris)
        for place in [self.shelf.remote.repository, *there]:
            with self._shelf(place) as shelf:
                self._keep(shelf, replace(known, repository=str(place)))
        last = last_record(self.project) if self.project else None
        if self.project and last and last.digest == known.digest and last.repository == known.repository:
            write_record(self.project, replace(last, uris=uris))

    def _keep(self, shelf: Shelf, record: Record) -> None:
        try:
            keep_record(shelf.session, self.manifest, record)
        except ByocError as error:
            self.talk.warn(f"{shelf.remote.repository}: the record is not kept beside the image: {error}")

    def _wanted(self) -> dict[str, Digest]:
        """All tags that the image is to have, with what they mean."""
        wanted = dict.fromkeys(self.tags, self.manifest.digest)
        if self._forms:
            oci = to_oci(self.manifest).digest
            wanted |= {f"{tag}{OCI_SUFFIX}": oci for tag in self.tags}
        return wanted

    @property
    def _forms(self) -> bool:
        return self.record is not None and "oci" in self.record.forms

    def _oci(self, remote: RemoteRepository) -> None:
        if self._forms:
            oci = to_oci(self.manifest)
            if remote.digest(oci.digest) is None:
                remote.put_manifest(oci.digest, oci)

    def _move(self, remote: RemoteRepository, move: Move) -> bool:
        """Put one tag; False where the repository does not let it move, which is told."""
        manifest = self.manifest if move.digest == self.manifest.digest else to_oci(self.manifest)
        try:
            remote.put_manifest(move.tag, manifest)
        except ImmutableTagError as error:
            if move.before is None:
                raise
            self.talk.warn(f"{remote.repository}:{move.tag} stays what it is: {error.why}")
            return False
        found = remote.digest(move.tag)
        if found != move.digest:
            raise remote.session.missing(f"{move.tag} was put, and means {found}", "another image")
        return True

    def _bill(self, shelf: Shelf) -> None:
        """The bill of materials, byte for byte: it refers to the manifest, which is the same there."""
        subject = Descriptor(self.manifest.media_type, self.manifest.digest, len(self.manifest.raw))
        try:
            for artifact in artifacts(self.shelf.session, self.manifest.digest, SBOM):
                if not has_artifact(shelf.session, subject, artifact):
                    put_artifact(shelf.session, subject, artifact)
                return
        except ByocError as error:
            self.talk.warn(f"{shelf.remote.repository}: its bill of materials is not there: {error.why}")

    @contextmanager
    def _sink(self, place: Repository) -> Iterator[Sink]:
        talk = Totals(self.talk)
        with open_sink(Named(place), environ=self.environ, talk=talk, accounts=self.accounts) as sink:
            yield sink

    @contextmanager
    def _shelf(self, place: Repository) -> Iterator[Shelf]:
        shelf = open_shelf(place, self.project.spec.publish if self.project else None, self.environ)
        with closing(shelf.session):
            yield shelf


@contextmanager
def _source(
    image: str,
    to: Sequence[str],
    project: Project | None,
    talk: Talk | None,
    environ: Mapping[str, str],
) -> Iterator[Source]:
    named = named_in(project, image)
    others = places(to, named.repository)
    publish = project.spec.publish if project else None
    platform = project.spec.image.platform if project else Platform()
    shelf = open_shelf(named.repository, publish, environ)
    with ExitStack() as stack:
        stack.enter_context(closing(shelf.session))
        opened = open_image(
            named, platform=platform, environ=environ, talk=talk, accounts=accounts_of(publish)
        )
        there = stack.enter_context(opened)
        record = None
        with suppress(ByocError):
            record = record_beside(shelf.session, there.manifest.digest)
        yield Source(
            image=there,
            shelf=shelf,
            tags=_tags(shelf, named, record, there.manifest.digest),
            record=record,
            places=others,
            project=project,
            talk=talk or Silence(),
            environ=environ,
        )


def _tags(shelf: Shelf, named: Named, record: Record | None, digest: Digest) -> tuple[str, ...]:
    """The tags that mean the image now. A registry that tells no digests is asked for those of the record."""
    known = {*(record.tags if record else ()), *([named.tag] if named.tag else ())}
    every = shelf.tags()
    found = travelling(shelf.digests(every if shelf.tells_digests else known & every), digest)
    return tuple(dict.fromkeys((*found, *([named.tag] if named.tag else ()))))
