"""An OCI image layout on disk, read and written: OCI image-spec, image-layout.md.

What is written appears whole: blobs first, each by a rename after its digest was checked, then
``index.json``. Several images may lie in one layout; the one that was written last as ``oci:DIR`` is marked
``latest``.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from byoc_kit.errors import ByocError
from byoc_kit.images.files import write_whole
from byoc_kit.oci.config import Platform
from byoc_kit.oci.digest import Digest, verified
from byoc_kit.oci.image import Image, assemble
from byoc_kit.oci.manifest import OCI_INDEX, Descriptor, Index, Manifest, ManifestError, parse_manifest
from byoc_kit.oci.reference import Layout

__all__ = ["LayoutFolder", "open_layout"]

CHUNK: Final = 1 << 20  # bytes
MARKER: Final = "oci-layout"
REF_NAME: Final = "org.opencontainers.image.ref.name"
LATEST: Final = "latest"


@dataclass(frozen=True, slots=True)
class LayoutLayer:
    """One layer of an image in a layout."""

    folder: "LayoutFolder"
    descriptor: Descriptor
    diff_id: Digest

    def read(self, start: int = 0) -> Iterator[bytes]:
        """The blob's bytes from *start* on, verified when read from 0 to the end. Raises ByocError."""
        chunks = self.folder.chunks(self.descriptor.digest, start)
        if start:
            return chunks
        return verified(chunks, self.descriptor.digest, where=str(self.folder.path))


@dataclass(frozen=True, slots=True)
class LayoutFolder:
    """The folder of a layout, which may not exist yet."""

    path: Path

    def blob(self, digest: str) -> Path:
        """Where the blob *digest* is, or would be."""
        algorithm, _, name = digest.partition(":")
        return self.path / "blobs" / algorithm / name

    def has(self, blob: Descriptor) -> bool:
        """Whether *blob* is there, with its size."""
        try:
            return self.blob(blob.digest).stat().st_size == blob.size
        except OSError:
            return False

    def chunks(self, digest: Digest, start: int = 0) -> Iterator[bytes]:
        """The bytes of a blob from *start* on. Raises ByocError (BYOC-E522) where it cannot be read."""
        try:
            with self.blob(digest).open("rb") as file:
                file.seek(start)
                while chunk := file.read(CHUNK):
                    yield chunk
        except OSError as error:
            raise broken_layout(self.path, f"{digest} cannot be read: {error.strerror}") from error

    def content(self, digest: Digest) -> bytes:
        """A small blob, checked. Raises ByocError."""
        return b"".join(verified(self.chunks(digest), digest, where=str(self.path)))

    def put(self, digest: Digest, chunks: Iterable[bytes]) -> None:
        """Keep *chunks*, which verify themselves, as the blob *digest*, whole or not. Raises OSError."""
        write_whole(self.blob(digest), chunks)

    def index(self) -> list[dict[str, Any]]:
        """The entries of ``index.json``; none where there is no layout yet. Raises ByocError."""
        try:
            document = json.loads((self.path / "index.json").read_bytes())
            entries = document["manifests"]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise broken_layout(self.path, f"index.json cannot be read: {error}") from error
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            raise broken_layout(self.path, "index.json has no list of manifests")
        return entries

    def enter(self, manifest: Manifest, platform: Platform, *, latest: bool) -> None:
        """Name *manifest*, whose blobs are all there, in ``index.json``. Raises OSError, ByocError."""
        write_whole(self.path / MARKER, [b'{"imageLayoutVersion": "1.0.0"}'])
        with self._alone():
            entries = [each for each in self.index() if each.get("digest") != manifest.digest]
            entry: dict[str, Any] = {
                **Descriptor(manifest.media_type, manifest.digest, len(manifest.raw)).to_json(),
                "platform": {"architecture": platform.architecture, "os": platform.os},
            }
            if latest:
                entries = [_unnamed(each) for each in entries]
                entry["annotations"] = {REF_NAME: LATEST}
            document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*entries, entry]}
            write_whole(self.path / "index.json", [json.dumps(document, indent=2).encode()])

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer of ``index.json`` at a time; the lock is on the folder and leaves no file."""
        handle = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def open_layout(location: Layout, platform: Platform) -> Image:
    """The image of *location* for *platform*: by digest, or the one marked ``latest``, or the only one.

    Raises ByocError: BYOC-E522 no layout, damaged, or several images; BYOC-E508 none for the platform.
    """
    folder = LayoutFolder(Path(location.directory))
    if not (folder.path / "index.json").is_file():
        raise broken_layout(folder.path, "there is no index.json")
    digest = location.digest or _chosen(folder, platform)
    try:
        manifest = _manifest(folder, digest, platform)
        raw = folder.content(manifest.config.digest)
        reference = f"oci:{location.directory}@{manifest.digest}"
        return assemble(reference, manifest, raw, lambda *pair: LayoutLayer(folder, *pair))
    except ManifestError as error:
        raise broken_layout(folder.path, f"{digest}: {error}") from error


def _chosen(folder: LayoutFolder, platform: Platform) -> Digest:
    """The digest of the entry that ``oci:DIR`` means."""
    entries = [each for each in folder.index() if _fits(each, platform)]
    if not entries:
        raise _not_for(folder.path, platform)
    latest = [each for each in entries if (each.get("annotations") or {}).get(REF_NAME) == LATEST]
    digests = sorted({str(each.get("digest")) for each in latest or entries})
    if len(digests) == 1:
        try:
            return Descriptor.from_json((latest or entries)[0]).digest
        except ManifestError as error:
            raise broken_layout(folder.path, f"index.json: {error}") from error
    raise ByocError(
        f"oci:{folder.path} holds {len(digests)} images for {platform}",
        why="it does not say which one is meant",
        fix=f"name one of them: oci:{folder.path}@{digests[0]}",
        id="BYOC-E522",
        details=digests,
    )


def _fits(entry: dict[str, Any], platform: Platform) -> bool:
    """Whether an entry of ``index.json`` is, or may hold, an image for *platform*."""
    told = entry.get("platform")
    return not isinstance(told, dict) or (told.get("os"), told.get("architecture")) == (
        platform.os,
        platform.architecture,
    )


def _manifest(folder: LayoutFolder, digest: Digest, platform: Platform) -> Manifest:
    """The manifest behind *digest*; of an index, the one for *platform*. Raises ManifestError, ByocError."""
    found = parse_manifest(folder.content(digest))
    if isinstance(found, Index):
        entry = found.of(platform)
        if entry is None:
            raise _not_for(folder.path, platform)
        found = parse_manifest(folder.content(entry.digest))
    if isinstance(found, Manifest):
        return found
    raise ManifestError("it is an index of indexes")


def _unnamed(entry: dict[str, Any]) -> dict[str, Any]:
    """*entry* without the mark of the latest."""
    kept = {key: value for key, value in (entry.get("annotations") or {}).items() if value != LATEST}
    rest = {key: value for key, value in entry.items() if key != "annotations"}
    return {**rest, "annotations": kept} if kept else rest


def _not_for(path: Path, platform: Platform) -> ByocError:
    return ByocError(
        f"oci:{path} holds no image for {platform}",
        why="no manifest in it is for that platform",
        fix="name another platform, or the manifest by its digest: oci:DIR@sha256:...",
        id="BYOC-E508",
    )


def broken_layout(path: Path, why: str) -> ByocError:
    """What to say of a folder that is no image layout, or a damaged one."""
    return ByocError(
        f"oci:{path} cannot be read as an OCI image layout",
        why=why,
        fix="check the path; write it anew with `byoc copy SOURCE oci:DIR`",
        id="BYOC-E522",
    )
