"""An image on top of another: the base's layers and config, new layers, and what the config shall say.

The config is edited as the JSON it is: keys that this program does not know stay. Nothing of the base is
read but its manifest and config.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from byoc_kit.errors import ByocError
from byoc_kit.oci.config import ImageConfig
from byoc_kit.oci.digest import measure
from byoc_kit.oci.image import Image, Layer
from byoc_kit.oci.manifest import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    DOCKER_TAR,
    OCI_CONFIG,
    OCI_LAYER,
    OCI_MANIFEST,
    OCI_TAR,
    Descriptor,
    Manifest,
    parse_manifest,
)

__all__ = ["CREATED", "Edits", "HistoryLayer", "append"]

CREATED: Final = "1980-01-02T00:00:00Z"
"""When every image was created, lest the same content have two digests."""

FORMS: Final[Mapping[bool, Mapping[str, str]]] = {
    True: {OCI_LAYER: OCI_LAYER, DOCKER_LAYER: OCI_LAYER, OCI_TAR: OCI_TAR, DOCKER_TAR: OCI_TAR},
    False: {
        OCI_LAYER: DOCKER_LAYER,
        DOCKER_LAYER: DOCKER_LAYER,
        OCI_TAR: DOCKER_TAR,
        DOCKER_TAR: DOCKER_TAR,
    },
}
"""Media types of layers in both kinds of manifest; by whether it is OCI's. Other layers have no equal."""

OUTDATED: Final = ("moby.buildkit.cache.v0", "container", "container_config")
"""Keys of a config that tell how the base was built: of the new image they would not be true."""


class HistoryLayer(Layer, Protocol):
    """A layer that knows its line of history."""

    @property
    def created_by(self) -> str:
        """What made it, in a few words."""


class Edits(Protocol):
    """What the new config says; None keeps the base's word."""

    @property
    def env(self) -> Mapping[str, str]:
        """Added, or put in the place of the base's."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Added, or put in the place of the base's."""

    @property
    def entrypoint(self) -> tuple[str, ...] | None:
        """A new one takes the base's CMD away, as in a Dockerfile."""

    @property
    def cmd(self) -> tuple[str, ...] | None:
        """CMD."""

    @property
    def workdir(self) -> str | None:
        """WORKDIR."""

    @property
    def user(self) -> str | None:
        """USER."""

    @property
    def stop_signal(self) -> str | None:
        """STOPSIGNAL."""


def append(
    base: Image,
    layers: Sequence[HistoryLayer],
    edits: Edits,
    *,
    created: str = CREATED,
    oci: bool = False,
) -> Image:
    """*base* with *layers* on top and *edits* made: one Docker v2 schema 2 manifest (IMG-11), or *oci*'s.

    Raises ByocError (BYOC-E328) where the base has layers of a form that such a manifest cannot name.
    """
    raw = _config(base.raw_config, layers, edits, created)
    everything = (*base.layers, *layers)
    manifest = _manifest(raw, base.manifest.layers, layers, oci, base.reference)
    return Image(
        reference=manifest.digest,
        manifest=manifest,
        raw_config=raw,
        config=ImageConfig.from_json(json.loads(raw)),
        layers=everything,
    )


def _config(raw: bytes, layers: Sequence[HistoryLayer], edits: Edits, created: str) -> bytes:
    """The config blob: canonical JSON, so that the same image has the same digest."""
    document = {key: value for key, value in json.loads(raw).items() if key not in OUTDATED}
    rootfs = dict(document.get("rootfs") or {"type": "layers"})
    rootfs["diff_ids"] = [*(rootfs.get("diff_ids") or ()), *(layer.diff_id for layer in layers)]
    document["rootfs"] = rootfs
    document["history"] = [*(document.get("history") or ()), *_history(layers, created)]
    document["created"] = created
    document["config"] = _edited(document.get("config") or {}, edits)
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _history(layers: Sequence[HistoryLayer], created: str) -> list[dict[str, object]]:
    """One line for each layer (more would make the image impossible to pull), and one for the config."""
    lines: list[dict[str, object]] = [
        {"created": created, "created_by": layer.created_by, "comment": "byoc"} for layer in layers
    ]
    return [*lines, {"created": created, "created_by": "byoc config", "comment": "byoc", "empty_layer": True}]


def _edited(config: Mapping[str, Any], edits: Edits) -> dict[str, Any]:
    entrypoint = edits.entrypoint
    cmd = edits.cmd if entrypoint is not None or edits.cmd is not None else config.get("Cmd")
    told = {
        "Entrypoint": list(entrypoint) if entrypoint is not None else config.get("Entrypoint"),
        "Cmd": list(cmd) if cmd is not None else None,
        "WorkingDir": edits.workdir or config.get("WorkingDir"),
        "User": edits.user or config.get("User"),
        "StopSignal": edits.stop_signal or config.get("StopSignal"),
        "Env": _env(config.get("Env") or (), edits.env),
        "Labels": dict(config.get("Labels") or {}) | dict(edits.labels),
    }
    kept = {key: value for key, value in config.items() if key not in told}
    return kept | {key: value for key, value in told.items() if value is not None or key in config}


def _env(old: Sequence[str], new: Mapping[str, str]) -> list[str]:
    """*old* with *new* in its places; what was not there comes last. Every name occurs once."""
    values = {pair.partition("=")[0]: pair for pair in old}
    values |= {name: f"{name}={value}" for name, value in new.items()}
    return list(values.values())


def _manifest(
    config: bytes,
    below: Sequence[Descriptor],
    layers: Sequence[HistoryLayer],
    oci: bool,
    reference: str,
) -> Manifest:
    digest, size = measure([config])
    told = Descriptor(OCI_CONFIG if oci else DOCKER_CONFIG, digest, size)
    blobs = [_as(each, oci, reference) for each in (*below, *(layer.descriptor for layer in layers))]
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST if oci else DOCKER_MANIFEST,
        "config": told.to_json(),
        "layers": [blob.to_json() for blob in blobs],
    }
    parsed = parse_manifest(json.dumps(document, indent=3).encode())
    assert isinstance(parsed, Manifest)
    return parsed


def _as(blob: Descriptor, oci: bool, reference: str) -> Descriptor:
    media_type = FORMS[oci].get(blob.media_type)
    if media_type is None:
        raise ByocError(
            f"{reference} has a layer that cannot be part of the new image",
            why=f"its form is {blob.media_type}; SageMaker takes gzip layers only (IMG-11)",
            fix="choose a base with gzip layers, or push this one once with `docker push`: it makes them so",
            id="BYOC-E328",
        )
    return Descriptor(media_type, blob.digest, blob.size)
