"""Layers that exist: made once, kept by digest, known again without being made.

A layer is a pure function of its entries and of the compressor. So what it came to (digest, diff_id, size) is
kept under a key made of exactly these; the second time nothing is read, inflated or hashed. Its bytes are
kept as well, for whoever must upload them, and are made again if they were pruned meanwhile.
"""

import hashlib
import platform
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from byoc_kit.engines.layer.content import Reader
from byoc_kit.engines.layer.deflate import COMPRESSOR
from byoc_kit.engines.layer.entries import Directory, Entry, File, Inline, InWheel, OnDisk, Whiteout
from byoc_kit.engines.layer.gzipwrite import Meter, gzip_members
from byoc_kit.engines.layer.tarwrite import tar_pieces
from byoc_kit.oci.digest import Digest, is_digest, verified
from byoc_kit.oci.manifest import DOCKER_LAYER, Descriptor
from byoc_kit.store import Store

__all__ = ["FORMAT", "KIND", "MadeLayer", "make_layer"]

FORMAT: Final = 1
"""Goes up when the same entries give another tar; every user's image changes then: tell the changelog."""
KIND: Final = "layers"
CHUNK: Final = 1 << 20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeLayer:
    """One layer of ours; an :class:`byoc_kit.oci.image.Layer` that also knows its line of history."""

    descriptor: Descriptor
    diff_id: Digest
    created_by: str
    unpacked: int
    """Bytes of the tar."""
    fresh: bool
    """Whether it was made now, and not known from before."""
    blob: Callable[[], Path]
    """Gives the file with its bytes; makes them again where they were pruned."""

    def read(self, start: int = 0) -> Iterator[bytes]:
        """The gzipped tar from offset *start* on; read from 0 to its end, it is verified once more."""
        chunks = self._chunks(start)
        yield from (
            chunks if start else verified(chunks, self.descriptor.digest, where=f"layer {self.created_by}")
        )

    def _chunks(self, start: int) -> Iterator[bytes]:
        with self.blob().open("rb") as file:
            file.seek(start)
            while chunk := file.read(CHUNK):
                yield chunk


def make_layer(
    entries: tuple[Entry, ...], *, created_by: str, store: Store, single_member: bool = False
) -> MadeLayer:
    """The layer of *entries*, made now or known from before.

    *single_member*: one gzip member, for consumers that cannot read several (SOCI before 0.14); slower.
    Raises ByocError: BYOC-E320 and BYOC-E327 where content is not what it was, BYOC-E520 for a full disk.
    """
    key = layer_key(entries, single_member)
    known = _known(store, key)
    facts = known or _make(entries, single_member, store, key)

    def blob() -> Path:
        kept = store.blob(KIND, facts.digest)
        if kept is None or kept.stat().st_size != facts.size:
            _make(entries, single_member, store, key, expected=facts.digest)
            kept = store.blob(KIND, facts.digest)
            assert kept is not None, facts.digest
        return kept

    return MadeLayer(
        descriptor=Descriptor(DOCKER_LAYER, facts.digest, facts.size),
        diff_id=facts.diff_id,
        created_by=created_by,
        unpacked=facts.unpacked,
        fresh=known is None,
        blob=blob,
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    digest: Digest
    size: int
    diff_id: Digest
    unpacked: int


def layer_key(entries: Iterable[Entry], single_member: bool) -> str:
    """SHA-256 (hex) of everything that decides a layer's bytes on this kind of machine."""
    decides = (FORMAT, COMPRESSOR, platform.machine(), single_member)
    state = hashlib.sha256(repr(decides).encode())
    for entry in entries:
        state.update("\0".join(map(str, _identity(entry))).encode("utf-8", "surrogateescape") + b"\n")
    return state.hexdigest()


def _identity(entry: Entry) -> tuple[object, ...]:
    match entry:
        case Whiteout(path):
            return ("whiteout", path)
        case Directory(path, mode, uid, gid, mtime):
            return ("directory", path, mode, uid, gid, mtime)
        case File(path, mode, mtime, Inline(data)):
            return ("file", path, mode, mtime, hashlib.sha256(data).hexdigest())
        case File(path, mode, mtime, OnDisk(_, size, sha256)):
            return ("file", path, mode, mtime, sha256, size)
        case File(path, mode, mtime, InWheel(_, sha256, member)):
            return ("file", path, mode, mtime, sha256, member.name)
    raise TypeError(entry)


def _known(store: Store, key: str) -> _Facts | None:
    """What the layer of *key* came to; anything odd in the store is as good as nothing."""
    match store.read(KIND, key):
        case {"digest": str(digest), "size": int(size), "diff_id": str(diff_id), "unpacked": int(unpacked)}:
            if is_digest(digest) and is_digest(diff_id):
                return _Facts(Digest(digest), size, Digest(diff_id), unpacked)
    return None


def _make(
    entries: tuple[Entry, ...], single_member: bool, store: Store, key: str, expected: Digest | None = None
) -> _Facts:
    """Make the layer and keep bytes and facts. *expected*: what it must come to."""
    meter = Meter()
    with Reader(copy=not single_member) as reader:
        digest, path = store.put_blob(KIND, gzip_members(tar_pieces(entries, reader), meter), expected)
    facts = _Facts(digest, path.stat().st_size, meter.diff_id, meter.size)
    store.write(
        KIND,
        key,
        {"digest": digest, "size": facts.size, "diff_id": facts.diff_id, "unpacked": facts.unpacked},
    )
    return facts
