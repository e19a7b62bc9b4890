"""Layers and images made by hand: a few kilobytes, in memory."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from byoc_kit.oci.digest import Digest, measure
from byoc_kit.oci.image import Image, assemble
from byoc_kit.oci.manifest import DOCKER_CONFIG, DOCKER_LAYER, Descriptor, docker_manifest

__all__ = ["Entry", "folder", "image", "link", "tar", "text"]

Entry = tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]


def text(path: str, content: str | bytes = "", mode: int = 0o644, **more: int) -> Entry:
    """A regular file."""
    data = content.encode() if isinstance(content, str) else content
    info = _info(path, tarfile.REGTYPE, mode, more)
    info.size = len(data)
    return info, data


def folder(path: str, mode: int = 0o755, **more: int) -> Entry:
    """A directory."""
    return _info(path, tarfile.DIRTYPE, mode, more)


def link(path: str, target: str, kind: bytes = tarfile.SYMTYPE) -> Entry:
    """A symbolic link, or with ``tarfile.LNKTYPE`` a hard one."""
    info = _info(path, kind, 0o777, {})
    info.linkname = target
    return info


def _info(path: str, kind: bytes, mode: int, more: Mapping[str, int]) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.mtime = kind, mode, 1_700_000_000
    for name, value in more.items():
        setattr(info, name, value)
    return info


def tar(entries: Iterable[Entry], form: int = tarfile.PAX_FORMAT) -> bytes:
    """An archive of *entries*, in their order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for entry in entries:
            info, data = entry if isinstance(entry, tuple) else (entry, b"")
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class MadeLayer:
    """A layer in memory; counts nothing, verifies nothing."""

    blob: bytes
    descriptor: Descriptor
    diff_id: Digest

    def read(self, start: int = 0) -> Iterator[bytes]:
        """The blob in two pieces."""
        middle = (start + len(self.blob)) // 2
        yield self.blob[start:middle]
        yield self.blob[middle:]


def image(layers: Iterable[bytes], env: Mapping[str, str] | None = None, **config: object) -> Image:
    """An image of *layers*, uncompressed tars, with the *config* of Docker (``Cmd``, ``User``, ...)."""
    made = [_layer(each) for each in layers]
    document = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": [f"{name}={value}" for name, value in (env or {}).items()], **config},
        "rootfs": {"type": "layers", "diff_ids": [each.diff_id for each in made]},
        "history": [
            {"created_by": "ENV", "empty_layer": True},
            *({"created_by": f"RUN step {number}"} for number in range(len(made))),
        ],
    }
    raw = json.dumps(document).encode()
    digest, size = measure([raw])
    manifest = docker_manifest(Descriptor(DOCKER_CONFIG, digest, size), [each.descriptor for each in made])
    blobs = iter(made)
    return assemble("oci:made", manifest, raw, lambda *_: next(blobs))


def _layer(content: bytes) -> MadeLayer:
    blob = gzip.compress(content, 1, mtime=0)
    digest, size = measure([blob])
    return MadeLayer(blob, Descriptor(DOCKER_LAYER, digest, size), measure([content])[0])
