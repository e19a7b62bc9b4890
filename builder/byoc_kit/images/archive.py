"""A docker-archive: the tar that ``docker save`` writes and ``docker load`` reads, here in both directions.

Its layers are plain tars (from an engine) or gzip (from other tools); they are read where they lie in it.
"""

import contextlib
import io
import json
import os
import posixpath
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from byoc_kit.errors import ByocError
from byoc_kit.oci.config import Platform
from byoc_kit.oci.digest import Digest, is_digest, measure, verified
from byoc_kit.oci.image import Image, Layer, assemble, load_config
from byoc_kit.oci.manifest import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_TAR,
    Descriptor,
    ManifestError,
    docker_manifest,
)

__all__ = ["ArchiveLayer", "archive_chunks", "check_platform", "open_archive", "read_archive", "spooled"]

CHUNK: Final = 1 << 20  # bytes
LIMIT: Final = 32 << 20  # bytes of manifest.json, and of a config
GZIP: Final = b"\x1f\x8b"
BLOCK: Final = 512  # bytes, in which a tar counts
BLOB: Final = re.compile(r"blobs/sha256/([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class ArchiveLayer:
    """One layer: a stretch of the archive's file."""

    file: IO[bytes]
    offset: int
    descriptor: Descriptor
    diff_id: Digest

    def read(self, start: int = 0) -> Iterator[bytes]:
        """The layer's bytes from *start* on, verified when read from 0 to the end. Raises ByocError."""
        chunks = _stretch(self.file, self.offset + start, self.descriptor.size - start)
        return chunks if start else verified(chunks, self.descriptor.digest, where="the archive")


@contextlib.contextmanager
def open_archive(path: str, platform: Platform) -> Iterator[Image]:
    """The image in the docker-archive *path*, compressed or not. Raises ByocError (BYOC-E526, BYOC-E508)."""
    reference = f"archive:{path}"
    try:
        with Path(path).open("rb") as file, contextlib.ExitStack() as stack:
            packed = file.peek(2)[:2] == GZIP
            inner = stack.enter_context(spooled(_inflated(file))) if packed else file
            yield read_archive(inner, reference, platform)
    except OSError as error:
        raise _no_archive(reference, error.strerror or str(error)) from error


def read_archive(file: IO[bytes], reference: str, platform: Platform) -> Image:
    """The image in the open archive *file*, which must stay open. Raises ByocError (BYOC-E526, BYOC-E508)."""
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            members = _Members(file, {posixpath.normpath(each.name): each for each in tar})
        entry = _entry(members, reference)
        raw = members.content(entry["Config"])
        diff_ids = [Digest(str(each)) for each in (load_config(raw).get("rootfs") or {})["diff_ids"]]
        pairs = zip(entry["Layers"], diff_ids, strict=True)
        layers = [members.layer(str(name), diff_id) for name, diff_id in pairs]
        config = Descriptor(DOCKER_CONFIG, *measure([raw]))
        left = iter(layers)
        manifest = docker_manifest(config, [layer.descriptor for layer in layers])
        image = assemble(reference, manifest, raw, lambda *_: next(left))
    except (tarfile.TarError, ManifestError, KeyError, TypeError, ValueError, zlib.error) as error:
        raise _no_archive(reference, str(error) or type(error).__name__) from error
    check_platform(image, platform)
    return image


def check_platform(image: Image, platform: Platform) -> None:
    """Raises ByocError (BYOC-E508) where *image* is for another one."""
    if image.config.platform != platform:
        raise ByocError(
            f"{image.reference} holds no image for {platform}",
            why=f"it is for {image.config.platform}",
            fix=f"name that platform: --platform {image.config.platform}",
            id="BYOC-E508",
        )


def archive_chunks(image: Image, names: Sequence[str], *, without: Iterable[Digest] = ()) -> Iterator[bytes]:
    """The docker-archive of *image*, called *names*; the same bytes for the same image.

    *without*: digests of layers that whoever loads it has: they are named, and their bytes left out.
    """
    left_out = set(without)
    config = f"{image.manifest.config.digest[7:]}.json"
    entry = {
        "Config": config,
        "RepoTags": list(names) or None,
        "Layers": [_name(each) for each in image.layers],
    }
    yield from _member(config, len(image.raw_config), [image.raw_config])
    written = set[str]()
    for layer in image.layers:
        if _name(layer) not in written and layer.descriptor.digest not in left_out:
            yield from _member(_name(layer), layer.descriptor.size, layer.read())
            written.add(_name(layer))
    document = json.dumps([entry]).encode()
    yield from _member("manifest.json", len(document), [document])
    yield bytes(2 * BLOCK)


@contextlib.contextmanager
def spooled(chunks: Iterable[bytes]) -> Iterator[IO[bytes]]:
    """*chunks* in a file without a name (in TMPDIR), which is gone when the block ends."""
    with tempfile.TemporaryFile() as file:
        for chunk in chunks:
            file.write(chunk)
        file.seek(0)
        yield file


@dataclass(frozen=True, slots=True)
class _Members:
    """The files of an archive by their names."""

    file: IO[bytes]
    table: dict[str, tarfile.TarInfo]

    def find(self, name: str) -> tarfile.TarInfo:
        """The regular file *name*; engines before 25 link a layer that occurs twice. Raises ManifestError."""
        found = self.table.get(posixpath.normpath(name))
        if found is not None and found.issym():
            found = self.table.get(
                posixpath.normpath(posixpath.join(posixpath.dirname(name), found.linkname))
            )
        if found is None or not found.isreg():
            raise ManifestError(f"{name} is missing in it")
        return found

    def content(self, name: str) -> bytes:
        """A small file. Raises ManifestError."""
        info = self.find(name)
        if info.size > LIMIT:
            raise ManifestError(f"{name} has {info.size} bytes")
        return b"".join(_stretch(self.file, info.offset_data, info.size))

    def layer(self, name: str, diff_id: Digest) -> ArchiveLayer:
        """The layer *name*, packed or not."""
        info = self.find(name)
        head = os.pread(self.file.fileno(), 4, info.offset_data)
        if not is_digest(diff_id):
            raise ManifestError("its config names a layer by something that is no SHA-256")
        if not head.startswith(GZIP):
            if head == b"\x28\xb5\x2f\xfd":
                raise ManifestError(
                    f"{name} is packed with zstd, which neither SageMaker nor older engines read"
                )
            return ArchiveLayer(
                self.file, info.offset_data, Descriptor(DOCKER_TAR, diff_id, info.size), diff_id
            )
        known = BLOB.fullmatch(name)
        stretch = _stretch(self.file, info.offset_data, info.size)
        digest = Digest(f"sha256:{known[1]}") if known else measure(stretch)[0]
        return ArchiveLayer(self.file, info.offset_data, Descriptor(DOCKER_LAYER, digest, info.size), diff_id)


def _entry(members: _Members, reference: str) -> dict[str, Any]:
    entries = json.loads(members.content("manifest.json"))
    if not isinstance(entries, list) or not entries or not isinstance(entries[0], dict):
        raise ManifestError("its manifest.json names no image")
    if len(entries) > 1:
        names = ", ".join(str((each.get("RepoTags") or ["?"])[0]) for each in entries)
        raise ManifestError(f"it holds {len(entries)} images ({names}); save one of them alone")
    return entries[0]


def _name(layer: Layer) -> str:
    return f"{layer.descriptor.digest[7:]}.tar"


def _member(name: str, size: int, chunks: Iterable[bytes]) -> Iterator[bytes]:
    info = tarfile.TarInfo(name)
    info.size = size
    yield info.tobuf(tarfile.PAX_FORMAT)
    yield from chunks
    yield bytes(-size % BLOCK)


def _stretch(file: IO[bytes], offset: int, size: int) -> Iterator[bytes]:
    """*size* bytes of *file* from *offset* on, by any number of readers at once."""
    end = offset + size
    while offset < end:
        chunk = os.pread(file.fileno(), min(CHUNK, end - offset), offset)
        if not chunk:
            raise _no_archive("the archive", "it ends in the middle of a layer")
        offset += len(chunk)
        yield chunk


def _inflated(file: IO[bytes]) -> Iterator[bytes]:
    """What a gzip file holds, however many members it has. Raises zlib.error, EOFError."""
    import gzip

    with gzip.GzipFile(fileobj=io.BufferedReader(file) if isinstance(file, io.RawIOBase) else file) as inner:
        while chunk := inner.read(CHUNK):
            yield chunk


def _no_archive(reference: str, why: str) -> ByocError:
    return ByocError(
        f"{reference} cannot be read as a docker-archive",
        why=why,
        fix="check the path; `docker save IMAGE > FILE` and `byoc copy IMAGE archive:FILE` write one",
        id="BYOC-E526",
    )
