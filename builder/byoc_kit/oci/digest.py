"""Digests: the one name of a blob that cannot lie (OCI image-spec, descriptor.md, "Digests")."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import NewType

from byoc_kit.errors import ByocError

__all__ = ["Digest", "is_digest", "measure", "parse_digest", "verified"]

Digest = NewType("Digest", str)
"""``sha256:<64 lower-case hex>``. The type checker tells it from a tag; :func:`parse_digest` makes one."""

FORM = re.compile(r"sha256:[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    """Whether *text* is a digest that this program can check (SHA-256 only, as every registry uses)."""
    return FORM.fullmatch(text) is not None


def parse_digest(text: str) -> Digest:
    """*text* as a digest. Raises ValueError if it is none."""
    if not is_digest(text):
        raise ValueError(f"{text[:80]!r} is not a digest: sha256: and 64 lower-case hexadecimal digits")
    return Digest(text)


def measure(chunks: Iterable[bytes]) -> tuple[Digest, int]:
    """Digest and length in bytes of what *chunks* hold together."""
    state, size = hashlib.sha256(), 0
    for chunk in chunks:
        state.update(chunk)
        size += len(chunk)
    return Digest(f"sha256:{state.hexdigest()}"), size


def verified(chunks: Iterable[bytes], expected: Digest, *, where: str) -> Iterator[bytes]:
    """*chunks* unchanged; after the last one their digest is checked.

    Whoever keeps what he reads must read to the end: only then is it proven. Raises ByocError
    (BYOC-E504) when the bytes are not those that *expected* names; *where* says whose bytes they are.
    """
    state, size = hashlib.sha256(), 0
    for chunk in chunks:
        state.update(chunk)
        size += len(chunk)
        yield chunk
    found = f"sha256:{state.hexdigest()}"
    if found != expected:
        raise ByocError(
            f"{where}: the content is not what its digest says",
            why=f"asked {expected}, got {size} bytes with {found}; damaged on the way or in the registry",
            fix="try again; if it stays, push that image anew: the registry's own storage is damaged",
            id="BYOC-E504",
        )
