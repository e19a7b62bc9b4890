"""Manifests: Docker v2 schema 2 and OCI, kept byte for byte, because a digest is of bytes.

SageMaker takes one form only for hosting: a single-platform Docker v2 schema 2 manifest (IMG-11).
:func:`to_docker` turns an OCI manifest with gzip layers into that form without touching a layer.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from byoc_kit.oci.config import Platform
from byoc_kit.oci.digest import Digest, measure, parse_digest

__all__ = [
    "ACCEPTED",
    "DOCKER_CONFIG",
    "DOCKER_LAYER",
    "DOCKER_LIST",
    "DOCKER_MANIFEST",
    "DOCKER_TAR",
    "OCI_CONFIG",
    "OCI_INDEX",
    "OCI_LAYER",
    "OCI_MANIFEST",
    "OCI_TAR",
    "Descriptor",
    "Index",
    "Manifest",
    "ManifestError",
    "docker_manifest",
    "parse_manifest",
    "to_docker",
    "to_oci",
]

DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"

DOCKER_TAR: Final = "application/vnd.docker.image.rootfs.diff.tar"
OCI_TAR: Final = "application/vnd.oci.image.layer.v1.tar"

ACCEPTED: Final = (DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX)
"""All that a client must offer in ``Accept``, so that no registry translates what it has stored."""

AS_DOCKER: Final = {
    OCI_CONFIG: DOCKER_CONFIG,
    DOCKER_CONFIG: DOCKER_CONFIG,
    OCI_LAYER: DOCKER_LAYER,
    DOCKER_LAYER: DOCKER_LAYER,
}


AS_OCI: Final = {
    OCI_CONFIG: OCI_CONFIG,
    DOCKER_CONFIG: OCI_CONFIG,
    OCI_LAYER: OCI_LAYER,
    DOCKER_LAYER: OCI_LAYER,
}


class ManifestError(ValueError):
    """The bytes are not a manifest, or cannot become what is asked for; the message says why."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A blob or manifest by name: OCI image-spec, descriptor.md."""

    media_type: str
    digest: Digest
    size: int
    """Bytes."""
    platform: Platform | None = None
    """Only in an index."""

    @classmethod
    def from_json(cls, document: Any) -> "Descriptor":
        """Raises ManifestError."""
        try:
            digest, size = parse_digest(document["digest"]), document["size"]
            media_type, platform = document["mediaType"], document.get("platform")
            found = platform and Platform(str(platform["os"]), str(platform["architecture"]))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ManifestError(f"a descriptor is not right: {error!r}") from error
        if not isinstance(media_type, str) or not isinstance(size, int) or size < 0:
            raise ManifestError("a descriptor lacks its media type or its size")
        return cls(media_type, digest, size, found or None)

    def to_json(self) -> dict[str, object]:
        """In the order that Docker writes."""
        return {"mediaType": self.media_type, "size": self.size, "digest": self.digest}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One image for one platform. Made by :func:`parse_manifest` or :func:`to_docker`."""

    media_type: str
    raw: bytes
    """Exactly as the registry has it."""
    digest: Digest
    config: Descriptor
    layers: tuple[Descriptor, ...]
    """The base's first."""

    @property
    def size(self) -> int:
        """Bytes that a registry keeps for it: layers, compressed, and config."""
        return self.config.size + sum(layer.size for layer in self.layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Several manifests under one name: an OCI index or a Docker manifest list."""

    media_type: str
    raw: bytes
    digest: Digest
    manifests: tuple[Descriptor, ...]

    def of(self, platform: Platform) -> Descriptor | None:
        """The manifest for *platform*, if there is one (the first, as the specification says)."""
        return next((each for each in self.manifests if each.platform == platform), None)


def parse_manifest(raw: bytes, media_type: str | None = None) -> Manifest | Index:
    """What *raw* is. *media_type* is the registry's word, used where the document says none (OCI allows it).

    Raises ManifestError; anything that is neither of the four known forms is one.
    """
    document = _load(raw)
    kind = _kind(document.get("mediaType"), (media_type or "").partition(";")[0].strip())
    digest, _ = measure([raw])
    if kind in {DOCKER_LIST, OCI_INDEX}:
        return Index(
            media_type=kind, raw=raw, digest=digest, manifests=_descriptors(document.get("manifests"))
        )
    if kind in {DOCKER_MANIFEST, OCI_MANIFEST}:
        return Manifest(
            media_type=kind,
            raw=raw,
            digest=digest,
            config=Descriptor.from_json(document.get("config")),
            layers=_descriptors(document.get("layers")),
        )
    raise ManifestError(f"its media type {kind!r} is not that of an image")


def docker_manifest(config: Descriptor, layers: Sequence[Descriptor]) -> Manifest:
    """A Docker v2 schema 2 manifest: the one form that SageMaker takes for hosting (IMG-11)."""
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": config.to_json(),
        "layers": [layer.to_json() for layer in layers],
    }
    parsed = parse_manifest(json.dumps(document, indent=3).encode())
    assert isinstance(parsed, Manifest)
    return parsed


def to_docker(manifest: Manifest) -> Manifest:
    """The same image as Docker v2 schema 2: same config and layers, other media types, no annotations.

    Raises ManifestError for a layer that has no equal there (zstd, uncompressed, foreign). A manifest that
    is Docker's already comes back as it is.
    """
    if manifest.media_type == DOCKER_MANIFEST:
        return manifest
    form = "a Docker v2 schema 2 manifest"
    layers = [_other(layer, AS_DOCKER, form) for layer in manifest.layers]
    return docker_manifest(_other(manifest.config, AS_DOCKER, form), layers)


def to_oci(manifest: Manifest) -> Manifest:
    """The same image as an OCI manifest: same config and layers, other media types.

    Raises ManifestError for a layer of another form than gzip.
    """
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _other(manifest.config, AS_OCI, "an OCI manifest").to_json(),
        "layers": [_other(layer, AS_OCI, "an OCI manifest").to_json() for layer in manifest.layers],
    }
    parsed = parse_manifest(json.dumps(document, indent=3).encode())
    assert isinstance(parsed, Manifest)
    return parsed


def _kind(inside: object, told: str) -> str:
    """The media type; document and registry must agree, or two clients would see different things."""
    if inside is None:
        return told
    if not isinstance(inside, str) or (told in ACCEPTED and told != inside):
        raise ManifestError(f"it calls itself {inside!r}, and the registry calls it {told!r}")
    return inside


def _other(blob: Descriptor, types: Mapping[str, str], form: str) -> Descriptor:
    if blob.media_type not in types:
        raise ManifestError(f"{blob.media_type} has no equal in {form}")
    return Descriptor(types[blob.media_type], blob.digest, blob.size)


def _load(raw: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(raw)
    except ValueError as error:
        raise ManifestError(f"it is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise ManifestError("it is not a manifest of schema version 2")
    return document


def _descriptors(documents: Any) -> tuple[Descriptor, ...]:
    if not isinstance(documents, list):
        raise ManifestError("the list of layers or manifests is missing")
    return tuple(Descriptor.from_json(document) for document in documents)
