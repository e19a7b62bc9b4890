"""An image as a value: manifest, config and layers whose bytes come when they are asked for.

Where an image comes from (registry, layout, archive, daemon) is known to its layers alone. Nothing here is
changed in place: :func:`byoc_kit.oci.append` and its like make a new image that shares the old one's layers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from byoc_kit.oci.config import ImageConfig
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.manifest import Descriptor, Manifest

__all__ = ["Image", "Layer"]


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
