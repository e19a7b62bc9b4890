"""What a publish leaves besides the image: its bill of materials and its record, here and in the registry."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from byoc_kit.errors import ByocError
from byoc_kit.images.referrers import Artifact, put_artifact
from byoc_kit.images.registry import RemoteImage
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.ecr import EcrRegistry
from byoc_kit.oci.manifest import Descriptor, Manifest, to_docker
from byoc_kit.oci.reference import Docker, Location, Named, Repository
from byoc_kit.plan.publish import PublishPlan
from byoc_kit.plan.record import Record, delta_of
from byoc_kit.plan.sbom import MEDIA_TYPE, bill
from byoc_kit.spec.lock import Lock
from byoc_kit.spec.lockfile import read_lock
from byoc_kit.talk import Talk
from byoc_kit.work.inspect import inspect_image
from byoc_kit.work.project import Project
from byoc_kit.work.prove import TOOL, Judged
from byoc_kit.work.record import keep_record, last_record, record_beside, write_record
from byoc_kit.work.shelf import Shelf
from byoc_kit.work.state import lock_path

__all__ = ["Recording", "with_place"]

ANY_REGION = "*"
TITLE = "org.opencontainers.image.title"


@dataclass(frozen=True, slots=True)
class Recording:
    """Records of one project in one repository."""

    project: Project
    shelf: Shelf
    talk: Talk
    environ: Mapping[str, str]

    def earlier(self, digest: Digest, *, pushed: bool) -> Iterator[Record]:
        """Records of the image *digest*: the project's last, then the one beside it where it was not pushed
        just now. The registry is asked only if the first does not do.
        """
        last = last_record(self.project)
        if last is not None and last.digest == digest:
            yield last
        if pushed:
            return
        try:
            beside = record_beside(self.shelf.session, digest)
        except ByocError as error:
            self.talk.note(f"nobody can tell whether a record is beside the image: {error.why}")
            return
        if beside is not None:
            yield beside

    def record(self, manifest: Manifest, judged: Judged, plan: PublishPlan, tags: tuple[str, ...]) -> Record:
        """Of nothing that changes when the same is published again."""
        ours = plan.key is not None and plan.key != plan.image_id
        lock, lock_sha256 = self._lock() if ours else (None, None)
        return Record(
            repository=str(plan.repository),
            digest=manifest.digest,
            media_type=manifest.media_type,
            size=manifest.size,
            platform=str(plan.platform),
            uris=with_place(judged.uris, plan.repository, manifest.digest, tags),
            tags=tags,
            targets=judged.targets,
            base_reference=judged.base_reference,
            base_digest=judged.base_digest,
            content_key=plan.key or manifest.config.digest,
            verify=judged.proof,
            commit=plan.source.commit,
            dirty=plan.source.dirty,
            tool=TOOL,
            delta=delta_of(lock) if lock else None,
            lock_sha256=lock_sha256,
            sbom=judged.sbom,
        )

    def leave(self, record: Record, manifest: Manifest) -> None:
        """In the project, and beside the image; a registry that takes no artifacts is told, and no error."""
        try:
            keep_record(self.shelf.session, manifest, record)
        except ByocError as error:
            self.talk.warn(f"the record is not kept beside the image: {error}")
        write_record(self.project, record)

    def keep_bill(self, found: RemoteImage, *, here: str | None) -> str | None:
        """Put the bill of materials beside the image; its digest, None where there can be none.

        *here*: its id in the engine of this machine, which spares fetching it.
        """
        manifest = to_docker(found.manifest)
        place: Location = Docker(here) if here else found.reference
        try:
            seen = inspect_image(place, platform=found.config.platform, environ=self.environ, talk=self.talk)
            lock, _ = self._lock()
            name = self.shelf.remote.repository.path.rpartition("/")[2]
            content = bill(seen.inventory, lock, name=name, digest=manifest.digest, tool=TOOL)
            subject = Descriptor(manifest.media_type, manifest.digest, len(manifest.raw))
            artifact = Artifact(kind=MEDIA_TYPE, content=content, annotations={TITLE: "sbom.cdx.json"})
            return put_artifact(self.shelf.session, subject, artifact)
        except ByocError as error:
            self.talk.warn(f"there is no bill of materials: {error}")
            return None

    def _lock(self) -> tuple[Lock | None, str | None]:
        """The project's lock, and the SHA-256 of its file."""
        path = lock_path(self.project)
        try:
            content = path.read_bytes()
        except OSError:
            return None, None
        return read_lock(content.decode(), name=path.name), hashlib.sha256(content).hexdigest()


def with_place(
    uris: Mapping[str, tuple[str, ...]], place: Repository, digest: Digest, tags: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """*uris* of a record with those of *place*, by region (``*``: of none), in the place of older ones."""
    registry = EcrRegistry.of_host(place.host)
    key = registry.region if registry else ANY_REGION
    own = (str(Named(place, digest=digest)), *(str(Named(place, tag)) for tag in tags))
    others = tuple(uri for uri in uris.get(key, ()) if not uri.startswith((f"{place}@", f"{place}:")))
    return {**uris, key: (*own, *others)}
