"""Packed inventories and layers in the user's store: found by key, proven by digest."""

import contextlib
from collections.abc import Callable
from typing import Final, TypeVar

from byoc_kit.errors import ByocError
from byoc_kit.inventory.packing import PackingError
from byoc_kit.oci.digest import Digest, is_digest, measure
from byoc_kit.store import Store
from byoc_kit.talk import Talk

__all__ = ["keep", "kept"]

T = TypeVar("T")

KIND: Final = "inventory"


def kept(store: Store, key: str, unpack: Callable[[bytes], T], talk: Talk) -> T | None:
    """What *key* stands for; None: it is not kept, or was damaged since (said on *talk*)."""
    digest = _digest(store, key)
    path = store.blob(KIND, digest) if digest else None
    if path is None:
        return None
    try:
        raw = path.read_bytes()
        if measure([raw])[0] == digest:
            return unpack(raw)
    except (OSError, PackingError):
        pass
    talk.note("what was kept of this image is damaged: it is read again")
    with contextlib.suppress(OSError):
        path.unlink()
    return None


def keep(store: Store, key: str, packed: bytes) -> None:
    """Keep *packed* under *key*; a disk that cannot be written costs time only."""
    with contextlib.suppress(ByocError):
        digest, _ = store.put_blob(KIND, [packed])
        store.write(KIND, key, {"digest": digest})


def _digest(store: Store, key: str) -> Digest | None:
    known = store.read(KIND, key)
    digest = known.get("digest") if isinstance(known, dict) else None
    return Digest(digest) if isinstance(digest, str) and is_digest(digest) else None
