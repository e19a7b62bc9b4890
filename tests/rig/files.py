"""Layers whose blobs are files, for images that are too large for memory."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from byoc_kit.oci.digest import Digest, measure
from byoc_kit.oci.manifest import DOCKER_LAYER, Descriptor

__all__ = ["FileLayer"]


@dataclass(frozen=True)
class FileLayer:
    """A layer whose blob is a file of noise."""

    path: Path
    descriptor: Descriptor
    diff_id: Digest

    @classmethod
    def made(cls, path: Path, megabytes: int) -> "FileLayer":
        with path.open("wb") as file:
            for _ in range(megabytes):
                file.write(os.urandom(1_000_000))
        digest, size = measure(chunks(path))
        return cls(path, Descriptor(DOCKER_LAYER, digest, size), digest)

    def read(self, start: int = 0) -> Iterator[bytes]:
        return chunks(self.path)


def chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk
