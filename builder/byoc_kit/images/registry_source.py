"""An image in a registry: manifest and config are read at once, layers when somebody wants their bytes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from byoc_kit.images.blobs import Blobs
from byoc_kit.images.keychain import HUB_HOSTS, Credentials
from byoc_kit.images.registry import RemoteRepository, read_image
from byoc_kit.images.session import Session
from byoc_kit.oci.config import Platform
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.image import Image, assemble
from byoc_kit.oci.manifest import Descriptor, ManifestError
from byoc_kit.oci.reference import Named, Repository

__all__ = ["RegistryLayer", "connect", "hub", "open_registry"]

HUB = "registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class RegistryLayer:
    """One layer of an image in a registry."""

    blobs: Blobs
    descriptor: Descriptor
    diff_id: Digest

    @property
    def repository(self) -> Repository:
        """Where the blob is: another repository of the same registry may mount it from there."""
        return self.blobs.repository

    def read(self, start: int = 0) -> Iterator[bytes]:
        """The blob's bytes from *start* on, verified when read from 0 to the end. Raises ByocError."""
        return self.blobs.read(self.descriptor, start)


def connect(
    repository: Repository,
    environ: Mapping[str, str],
    keychain: Callable[[str], Credentials | None],
    *,
    actions: str = "pull",
) -> Session:
    """A conversation about *repository*; nothing is sent yet."""
    return Session(hub(repository), keychain=keychain, environ=environ, actions=actions)


def hub(repository: Repository) -> Repository:
    """*repository*, and where it names no registry, or Docker Hub by another name, the one of Docker Hub."""
    if repository.host is not None and repository.host not in HUB_HOSTS:
        return repository
    path = repository.path if "/" in repository.path else f"library/{repository.path}"
    return Repository(HUB, path)


def open_registry(named: Named, platform: Platform, session: Session) -> Image:
    """The image *named* for *platform*. Raises ByocError (see ``registry.read_image``)."""
    remote, blobs = RemoteRepository(session), Blobs(session)
    found = read_image(remote, named.target, platform)
    reference = replace(named, tag=None, digest=found.manifest.digest)
    try:
        return assemble(
            str(reference), found.manifest, found.raw_config, lambda *pair: RegistryLayer(blobs, *pair)
        )
    except ManifestError as error:
        raise remote.no_image(named.target, error) from error
