"""The files of an image's layers: each layer is streamed once, and kept for the next image."""

from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from threading import Lock
from typing import Final

from byoc_kit.errors import ByocError
from byoc_kit.inventory.layer import LayerTree, read_layer
from byoc_kit.inventory.packing import FORMAT, pack_layer, unpack_layer
from byoc_kit.oci.image import Image, Layer
from byoc_kit.oci.inflate import InflateError, inflated
from byoc_kit.oci.tar import TarError
from byoc_kit.store import Store
from byoc_kit.talk import Talk
from byoc_kit.work.packs import keep, kept

__all__ = ["read_layers"]

READERS: Final = 2
"""Layers that are read at once: while one waits for the network, another is inflated."""


def read_layers(image: Image, store: Store, talk: Talk) -> tuple[LayerTree, ...]:
    """The layers, the base's first; those that *store* has are not read again.

    Raises ByocError: BYOC-E550 where a layer is no tar that can be one, and what its source has to tell.
    """
    total = sum(each.descriptor.size for each in image.layers)
    progress = _Progress(f"reading {image.reference}", total, talk)

    def tree(layer: Layer) -> LayerTree:
        key = f"{FORMAT} layer {layer.descriptor.digest}"
        found = kept(store, key, unpack_layer, talk)
        if found is None:
            found = _read(layer, progress)
            keep(store, key, pack_layer(found))
        else:
            progress.more(layer.descriptor.size)
        return found

    pool = ThreadPoolExecutor(READERS)
    try:
        return tuple(pool.map(tree, image.layers))
    finally:
        progress.stop()  # whoever is not done need not be: an error, or Ctrl-C, ends all
        pool.shutdown(cancel_futures=True)


def _read(layer: Layer, progress: "_Progress") -> LayerTree:
    chunks = progress.counted(layer.read())
    try:
        return read_layer(inflated(chunks))
    except (InflateError, TarError) as error:
        for _ in chunks:  # if these are not the bytes that the digest names, that is the error to tell
            pass
        raise ByocError(
            f"layer {layer.descriptor.digest} cannot be read",
            why=str(error),
            fix="engines refuse such a layer too: build that image anew, with gzip layers",
            id="BYOC-E550",
        ) from error


class _Progress:
    """Bytes of all layers together, told as one transfer."""

    def __init__(self, task: str, total: int, talk: Talk) -> None:
        self._task, self._total, self._talk = task, total, talk
        self._done, self._lock, self._stopped = 0, Lock(), False

    def stop(self) -> None:
        """No more chunks are wanted."""
        self._stopped = True

    def more(self, size: int) -> None:
        """*size* bytes are done."""
        with self._lock:
            self._done += size
            self._talk.progress(self._task, self._done, self._total)

    def counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """*chunks*, told as they pass. Raises CancelledError after :meth:`stop`."""
        for chunk in chunks:
            if self._stopped:
                raise CancelledError
            self.more(len(chunk))
            yield chunk
