"""Writing an image into a registry: blobs that it lacks, then the manifest by its digest, then the tag."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from byoc_kit.errors import ByocError
from byoc_kit.images.blobs import Blobs, Readable
from byoc_kit.images.compress import compressed
from byoc_kit.images.moving import JOBS, Bytes, Meter, at_once
from byoc_kit.images.registry import RemoteRepository
from byoc_kit.images.registry_source import RegistryLayer
from byoc_kit.images.session import Session
from byoc_kit.images.survey import distinct, survey
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.image import Image, Layer
from byoc_kit.oci.manifest import Descriptor
from byoc_kit.oci.reference import Named, Repository
from byoc_kit.oci.transfer import Transfer
from byoc_kit.store import Store
from byoc_kit.talk import Talk

__all__ = ["RegistrySink"]


@dataclass(frozen=True, slots=True)
class RegistrySink:
    """The repository, and the tag, that *location* names."""

    location: Named
    session: Session
    store: Store
    talk: Talk
    jobs: int = JOBS
    _there: set[Digest] = field(default_factory=set, init=False)
    """Blobs that the repository was seen to have: they are not asked for again."""

    def missing(self, layers: Sequence[Layer]) -> tuple[Layer, ...]:
        """Those of *layers* that the repository lacks."""
        each = distinct(layers)
        self._ask([layer.descriptor for layer in each])
        return tuple(layer for layer in each if layer.descriptor.digest not in self._there)

    def survey(self, image: Image) -> Transfer:
        """What would be sent, or mounted from another repository of the same registry."""
        whole = compressed(image, self.store, self.talk)
        self._refuse_other(whole.manifest.digest)
        self._ask([whole.manifest.config])
        missing = self.missing(whole.layers)
        mounted = [layer for layer in missing if self._source(layer)]
        return survey(whole, missing, mounted, config=whole.manifest.config.digest not in self._there)

    def write(self, image: Image, *, tag: bool) -> str:
        """Write *image*; ``registry/repository@digest``. *tag*: the location's, else ``latest``, last of all.

        Raises ByocError; whatever fails, no tag has moved, and what was sent is found by the next run.
        """
        whole = compressed(image, self.store, self.talk)
        self._refuse_other(whole.manifest.digest)
        self._send(whole, self.missing(whole.layers))
        remote = RemoteRepository(self.session)
        self._name(remote, whole, whole.manifest.digest)
        if tag and not self.location.digest:
            self._name(remote, whole, self.location.tag or "latest")
        return f"{self.location.repository}@{whole.manifest.digest}"

    def _send(self, image: Image, layers: Sequence[Layer]) -> None:
        sources = {source.path for each in image.layers if (source := self._source(each))}
        self.session.login.may_read(tuple(sorted(sources)))
        blobs, config = Blobs(self.session), image.manifest.config
        meter = Meter(self.talk, f"to {self.location}", sum(each.descriptor.size for each in layers))
        tasks = [_puts(blobs, meter.of(layer), self._source(layer)) for layer in layers]
        self._ask([config])
        if config.digest not in self._there:
            tasks.append(_puts(blobs, Bytes(config, image.raw_config), self._any_source(image)))
        at_once(tasks, jobs=self.jobs, stopped=meter.stopped)
        self._there.update(blob.digest for blob in (config, *(layer.descriptor for layer in layers)))

    def _ask(self, descriptors: Sequence[Descriptor]) -> None:
        """Find out which of *descriptors* the repository has."""
        unknown = [each for each in descriptors if each.digest not in self._there]
        found = at_once([_asks(Blobs(self.session), each) for each in unknown], jobs=2 * self.jobs)
        self._there.update(each.digest for each, there in zip(unknown, found, strict=True) if there)

    def _source(self, layer: Layer) -> Repository | None:
        """The other repository of this registry that has *layer*."""
        if not isinstance(layer, RegistryLayer):
            return None
        ours, theirs = self.session.repository, layer.repository
        return theirs if theirs.host == ours.host and theirs.path != ours.path else None

    def _any_source(self, image: Image) -> Repository | None:
        """The other repository of this registry that has *image*, and with it the config."""
        return next((source for each in image.layers if (source := self._source(each))), None)

    def _name(self, remote: RemoteRepository, image: Image, target: str) -> None:
        """Let *target* mean *image*, and see that it does."""
        if _digest(remote, target) == image.manifest.digest:
            return
        remote.put_manifest(target, image.manifest)
        found = _digest(remote, target)
        if found != image.manifest.digest:
            raise ByocError(
                f"{remote.repository}: {target} is not what was written",
                why=f"{image.manifest.digest} was written, and {found or 'nothing'} is there",
                fix="run the command again; somebody else may be writing to the same tag",
                id="BYOC-E524",
            )

    def _refuse_other(self, digest: Digest) -> None:
        if self.location.digest not in {None, digest}:
            raise ByocError(
                f"{self.location} cannot be written",
                why=f"the image is {digest}, and nothing else can have the digest that was named",
                fix=f"leave out the digest: {self.location.repository}",
                id="BYOC-E525",
            )


def _asks(blobs: Blobs, blob: Descriptor) -> Callable[[], bool]:
    return lambda: blobs.has(blob)


def _puts(blobs: Blobs, blob: Readable, source: Repository | None) -> Callable[[], object]:
    return lambda: blobs.put(blob, source=source)


def _digest(remote: RemoteRepository, target: str) -> Digest | None:
    found = remote.manifest(target)
    return found.digest if found else None
