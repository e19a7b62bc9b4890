"""An image as a value: manifest, config and layers whose bytes come when they are asked for.

Where an image comes from (registry, layout, archive, daemon) is known to its layers alone. Nothing here is
changed in place: :func:`byoc_kit.oci.append` and its like make a new image that shares the old one's layers.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from byoc_kit.oci.config import ImageConfig
from byoc_kit.oci.digest import Digest, is_digest
from byoc_kit.oci.manifest import Descriptor, Manifest, ManifestError

__all__ = ["Image", "Layer", "assemble", "load_config"]


class Layer(Protocol):
    """One layer: names that are known at once, bytes that are fetched when read."""

    @property
    def descriptor(self) -> Descriptor:
        """Of the blob as it travels: media type, digest and size in bytes, compressed or not."""

    @property
    def diff_id(self) -> Digest:
        """SHA-256 of the uncompressed tar, as the config lists it."""

    def read(self, start: int = 0) -> Iterator[bytes]:
        """The blob's bytes from offset *start* on; whoever reads to the end from 0 has verified the digest.

        May be called again: each call begins anew. Raises ByocError where the source cannot deliver.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image for one platform."""

    reference: str
    """Where it is, by digest or image id, in the grammar of all verbs (``docker:``, ``oci:``, ...)."""
    manifest: Manifest
    raw_config: bytes
    """The config blob, byte for byte; unknown keys in it are kept by everything that edits it."""
    config: ImageConfig
    """What we read out of *raw_config*."""
    layers: tuple[Layer, ...]
    """The base's first; as many as the manifest's and the config's."""


def assemble(
    reference: str, manifest: Manifest, raw_config: bytes, layer: Callable[[Descriptor, Digest], Layer]
) -> Image:
    """The image of *manifest* and *raw_config*; *layer* makes each layer of its descriptor and diff_id.

    Raises ManifestError where the config is none, or does not belong to the manifest.
    """
    document = load_config(raw_config)
    diff_ids = (document.get("rootfs") or {}).get("diff_ids") or []
    if len(diff_ids) != len(manifest.layers):
        raise ManifestError(f"its manifest has {len(manifest.layers)} layers, its config {len(diff_ids)}")
    if not all(isinstance(each, str) and is_digest(each) for each in diff_ids):
        raise ManifestError("its config names a layer by something that is no SHA-256")
    pairs = zip(manifest.layers, diff_ids, strict=True)
    return Image(
        reference=reference,
        manifest=manifest,
        raw_config=raw_config,
        config=ImageConfig.from_json(document),
        layers=tuple(layer(descriptor, Digest(diff_id)) for descriptor, diff_id in pairs),
    )


def load_config(raw: bytes) -> dict[str, Any]:
    """The config blob *raw* as JSON has it. Raises ManifestError."""
    try:
        document = json.loads(raw)
    except ValueError as error:
        raise ManifestError(f"its config is not JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("rootfs") or {}, dict):
        raise ManifestError("its config is not that of an image")
    return document
