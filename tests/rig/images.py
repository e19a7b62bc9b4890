"""Images made by hand in memory, for tests that need bytes and no engine."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from byoc_kit.oci.config import Platform
from byoc_kit.oci.digest import Digest, measure, verified
from byoc_kit.oci.image import Image, Layer, assemble
from byoc_kit.oci.manifest import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    DOCKER_TAR,
    Descriptor,
    Manifest,
    parse_manifest,
)

__all__ = ["MemoryLayer", "image_of", "made_image", "noise", "tar_of"]


@dataclass(frozen=True)
class MemoryLayer:
    """A layer whose blob is in memory; it counts how often it was read."""

    descriptor: Descriptor
    diff_id: Digest
    blob: bytes
    reads: list[int]

    @classmethod
    def of(cls, tar: bytes, *, plain: bool = False) -> "MemoryLayer":
        blob = tar if plain else gzip.compress(tar, 1, mtime=0)
        digest, size = measure([blob])
        kind = DOCKER_TAR if plain else DOCKER_LAYER
        return cls(Descriptor(kind, digest, size), measure([tar])[0], blob, [])

    def read(self, start: int = 0) -> Iterator[bytes]:
        self.reads.append(start)
        chunks = self._chunks(start)
        return chunks if start else verified(chunks, self.descriptor.digest, where="memory")

    def _chunks(self, start: int) -> Iterator[bytes]:
        for at in range(start, len(self.blob), 1 << 18):
            yield self.blob[at : min(len(self.blob), at + (1 << 18))]


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """A tar of regular files and, for names that end in a slash, directories."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name.rstrip("/"))
            info.size, info.mode = len(content), 0o755
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            tar.addfile(info, io.BytesIO(content))
    return plain.getvalue()


def image_of(
    layers: Sequence[Layer],
    *,
    platform: Platform | None = None,
    config: Mapping[str, object] | None = None,
) -> Image:
    """Docker v2 schema 2, of *layers*."""
    wanted = platform or Platform()
    document = {
        "architecture": wanted.architecture,
        "os": wanted.os,
        "config": {"Cmd": ["/hello"], "Env": ["PATH=/bin"], **(config or {})},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "x-unknown": "kept",
    }
    raw = json.dumps(document).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": Descriptor(DOCKER_CONFIG, *measure([raw])).to_json(),
        "layers": [layer.descriptor.to_json() for layer in layers],
    }
    parsed = parse_manifest(json.dumps(manifest).encode())
    assert isinstance(parsed, Manifest)
    made = {layer.descriptor.digest: layer for layer in layers}
    return assemble(f"memory@{parsed.digest}", parsed, raw, lambda blob, _: made[blob.digest])


def made_image(*files: Mapping[str, bytes], plain: bool = False, platform: Platform | None = None) -> Image:
    """An image with one layer for each of *files*."""
    return image_of([MemoryLayer.of(tar_of(each), plain=plain) for each in files], platform=platform)


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that do not compress, always the same."""
    import random

    return random.Random(seed).randbytes(size)
