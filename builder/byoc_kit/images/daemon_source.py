"""An image of the Docker engine with its layers, as ``docker save`` gives it: plain tars.

The engine makes and sends the whole image for any part of it. That is done once for each image id, and late:
config and sizes are remembered in the user's store, and whoever wants no layer's bytes waits for none.
"""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from byoc_kit import docker_api
from byoc_kit.errors import ByocError
from byoc_kit.images.archive import check_platform, read_archive, spooled
from byoc_kit.images.daemon import not_found
from byoc_kit.oci.config import Platform
from byoc_kit.oci.digest import Digest, measure
from byoc_kit.oci.image import Image, assemble
from byoc_kit.oci.manifest import DOCKER_CONFIG, Descriptor, ManifestError, docker_manifest
from byoc_kit.store import Store, user_store
from byoc_kit.talk import Talk

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["in_engine", "open_daemon"]

CHUNK = 1 << 20  # bytes
KIND = "engine"


@dataclass(frozen=True, slots=True)
class DaemonLayer:
    """One layer of an engine's image."""

    saved: "Saved"
    place: int
    descriptor: Descriptor
    diff_id: Digest

    def read(self, start: int = 0) -> Iterator[bytes]:
        """The layer's bytes from *start* on, verified when read from 0 to the end. Raises ByocError."""
        return self.saved.image().layers[self.place].read(start)


@dataclass(slots=True)
class Saved:
    """An image as the engine saves it, when somebody wants it; in TMPDIR until *stack* ends."""

    client: "DockerClient"
    found: Mapping[str, Any]
    platform: Platform
    stack: contextlib.ExitStack
    talk: Talk
    _image: Image | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @property
    def reference(self) -> str:
        """By the engine's id."""
        return f"docker:{self.found['Id']}"

    def image(self) -> Image:
        """The image, from its archive. Raises ByocError (BYOC-E527)."""
        import requests
        from docker.errors import APIError

        with self._lock:
            if self._image is not None:
                return self._image
            try:
                file = self.stack.enter_context(spooled(self._stream()))
            except (APIError, requests.RequestException, OSError) as error:
                raise ByocError(
                    f"the engine did not give the image {self.reference}",
                    why=str(error)[:300],
                    fix="the engine, and TMPDIR here, need free space for a copy of the image each",
                    id="BYOC-E527",
                ) from error
            self._image = read_archive(file, self.reference, self.platform)
            return self._image

    def _stream(self) -> Iterator[bytes]:
        """What ``docker save`` writes, with its progress."""
        size, done, task = int(self.found["Size"]), 0, f"from the engine {self.found['Id'][7:19]}"
        for chunk in self.client.api.get_image(self.found["Id"], chunk_size=CHUNK):
            yield chunk
            done += len(chunk)
            self.talk.progress(task, min(done, size - 1), size)
        self.talk.progress(task, size, size)


def in_engine(name: str, environ: Mapping[str, str]) -> bool:
    """Whether an engine answers here and has the image *name*."""
    try:
        return docker_api.inspect_image(name, environ) is not None
    except ByocError:
        return False


@contextlib.contextmanager
def open_daemon(name: str, platform: Platform, environ: Mapping[str, str], talk: Talk) -> Iterator[Image]:
    """The engine's image *name*; its layers can be read within the block. Raises ByocError."""
    found = docker_api.inspect_image(name, environ)
    if found is None:
        raise not_found(name, "the engine has no image of that name or id")
    store = user_store(environ)
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(contextlib.closing(docker_api.connect(environ)))
        saved = Saved(client, found, platform, stack, talk)
        image = _remembered(saved, store)
        if image is None:
            image = saved.image()
            _remember(image, saved, store)
        check_platform(image, platform)
        yield image


def _remember(image: Image, saved: Saved, store: Store) -> None:
    layers = [(layer.descriptor.media_type, *_pair(layer.descriptor)) for layer in image.layers]
    store.write(KIND, saved.reference, {"config": image.raw_config.decode(), "layers": layers})


def _remembered(saved: Saved, store: Store) -> Image | None:
    """The image as an earlier save told of it; None: there was none, or what was kept is damaged."""
    try:
        known = store.read(KIND, saved.reference)
        raw = known["config"].encode()
        blobs = [Descriptor(str(kind), Digest(digest), int(size)) for kind, digest, size in known["layers"]]
        manifest = docker_manifest(Descriptor(DOCKER_CONFIG, *measure([raw])), blobs)
        places = iter(range(len(blobs)))
        image = assemble(
            saved.reference, manifest, raw, lambda *pair: DaemonLayer(saved, next(places), *pair)
        )
    except (ManifestError, AttributeError, KeyError, TypeError, ValueError):
        return None
    same = [layer.diff_id for layer in image.layers] == list(saved.found["RootFS"].get("Layers") or ())
    return image if same else None


def _pair(blob: Descriptor) -> tuple[str, int]:
    return blob.digest, blob.size
