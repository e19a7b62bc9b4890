"""``byoc inspect``: what an image holds, read from its layers; nothing is run and nothing is unpacked."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.images.source import open_image
from byoc_kit.inventory import Inventory
from byoc_kit.inventory.files import FileIndex
from byoc_kit.inventory.index import PackedIndex
from byoc_kit.inventory.layer import LayerTree, read_layer
from byoc_kit.inventory.merge import merge
from byoc_kit.inventory.packing import (
    FORMAT,
    PackingError,
    pack_inventory,
    pack_layer,
    unpack_inventory,
    unpack_layer,
)
from byoc_kit.inventory.read import layer_facts, names, take_inventory
from byoc_kit.oci.config import Platform
from byoc_kit.oci.digest import Digest, is_digest, measure
from byoc_kit.oci.image import Image, Layer
from byoc_kit.oci.inflate import InflateError, inflated
from byoc_kit.oci.reference import Location, parse_location
from byoc_kit.oci.tar import TarError
from byoc_kit.store import Store, user_store
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.project import load
from byoc_kit.work.state import read_last_build

__all__ = ["Inspected", "inspect", "inspect_image", "read_image_files"]

T = TypeVar("T")

KIND: Final = "inventory"
READERS: Final = 2
"""Layers that are read at once: while one waits for the network, the other is inflated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What was found out about one image."""

    inventory: Inventory
    index: FileIndex


def inspect(
    image: str | None = None,
    file: Path | None = None,
    *,
    platform: str | None = None,
    environ: Mapping[str, str] = os.environ,
    talk: Talk | None = None,
) -> Inspected:
    """:func:`inspect_image` of the reference *image*, or of the last build of the project *file* belongs to.

    *platform* is ``os/architecture``. Raises ByocError; UsageError (BYOC-E551) where it is not of that form.
    """
    try:
        wanted = Platform.parse(platform) if platform else None
    except ValueError as error:
        raise UsageError(
            f"{platform!r} is no platform",
            why=str(error),
            fix="write --platform linux/amd64 or --platform linux/arm64",
            id="BYOC-E551",
        ) from error
    text = image or read_last_build(load(file)).reference
    return inspect_image(parse_location(text), platform=wanted, environ=environ, talk=talk)


def inspect_image(
    location: Location,
    *,
    platform: Platform | None = None,
    store: Store | None = None,
    environ: Mapping[str, str] = os.environ,
    talk: Talk | None = None,
) -> Inspected:
    """What the image at *location* holds: from what is kept in *store*, else from its layers, each read once.

    Raises ByocError where the image cannot be had, or a layer of it cannot be read (BYOC-E550).
    """
    voice, kept = talk or Silence(), store or user_store(environ)
    with open_image(location, platform=platform, environ=environ, talk=voice) as image:
        return read_image_files(image, store=kept, talk=voice)


def read_image_files(image: Image, *, store: Store, talk: Talk) -> Inspected:
    """What *image* holds, as :func:`inspect_image` says; for whoever has it open already."""
    key = _image_key(image)
    found = _kept(store, key, unpack_inventory, talk)
    if found is None:
        found = _read(image, store, talk)
        _keep(store, key, pack_inventory(*found))
    inventory, index = found
    return Inspected(inventory=replace(inventory, **names(image)), index=index)


def _read(image: Image, store: Store, talk: Talk) -> tuple[Inventory, PackedIndex]:
    trees = tuple(_trees(image, store, talk))
    merged = merge(trees)
    return take_inventory(image, merged, layer_facts(image, trees)), merged.index


def _trees(image: Image, store: Store, talk: Talk) -> Iterator[LayerTree]:
    """The layers, the base's first; those that are kept are not read again."""
    progress = _Progress(
        f"reading {image.reference}", sum(each.descriptor.size for each in image.layers), talk
    )

    def tree(layer: Layer) -> LayerTree:
        key = f"{FORMAT} layer {layer.descriptor.digest}"
        found = _kept(store, key, unpack_layer, talk)
        if found is None:
            found = _layer(layer, progress)
            _keep(store, key, pack_layer(found))
        else:
            progress.more(layer.descriptor.size)
        return found

    pool = ThreadPoolExecutor(READERS)
    try:
        yield from pool.map(tree, image.layers)
    finally:
        pool.shutdown(cancel_futures=True)


def _layer(layer: Layer, progress: "_Progress") -> LayerTree:
    """*layer*, read and verified. Raises ByocError: BYOC-E550 where it is no tar that can be a layer."""
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
        self._done, self._lock = 0, Lock()

    def more(self, size: int) -> None:
        """*size* bytes are done."""
        with self._lock:
            self._done += size
            self._talk.progress(self._task, self._done, self._total)

    def counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """*chunks*, told as they pass."""
        for chunk in chunks:
            self.more(len(chunk))
            yield chunk


def _image_key(image: Image) -> str:
    """The config names the layers' content; the manifest, the blobs that were really read and verified."""
    blobs = " ".join(layer.descriptor.digest for layer in image.layers)
    return f"{FORMAT} image {image.manifest.config.digest} {blobs}"


def _kept(store: Store, key: str, unpack: Callable[[bytes], T], talk: Talk) -> T | None:
    """What *key* stands for, proven by its digest; None: it is not kept, or damaged."""
    known = store.read(KIND, key)
    digest = known.get("digest") if isinstance(known, dict) else None
    path = store.blob(KIND, Digest(digest)) if isinstance(digest, str) and is_digest(digest) else None
    if path is None:
        return None
    try:
        raw = path.read_bytes()
        if measure([raw])[0] == digest:
            return unpack(raw)
    except (OSError, PackingError):
        pass
    talk.note("what was kept of this image is damaged: it is read again")
    with contextlib.suppress(OSError):
        path.unlink()
    return None


def _keep(store: Store, key: str, packed: bytes) -> None:
    """Keep *packed* under *key*; a disk that cannot be written costs time only."""
    with contextlib.suppress(ByocError):
        digest, _ = store.put_blob(KIND, [packed])
        store.write(KIND, key, {"digest": digest})
