"""``byoc cache``: what byoc keeps for this user between projects. Losing it costs time only."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from byoc_kit.errors import ByocError
from byoc_kit.store import Store, user_store

__all__ = ["Kind", "cache_info", "cache_root", "prune"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One sort of things that are kept, e.g. ``inventory``: what a look into a base told."""

    name: str
    files: int
    size: int
    """Bytes."""


def cache_root(environ: Mapping[str, str] = os.environ) -> Path:
    """BYOC_CACHE_DIR, else ``byoc`` below XDG_CACHE_HOME or ~/.cache."""
    return user_store(environ).root


def cache_info(root: Path) -> tuple[Kind, ...]:
    """What is kept below *root*, by kind; nothing where there is no such folder."""
    return tuple(_kind(folder) for folder in Store(root).kinds())


def prune(root: Path) -> int:
    """Remove all that is kept; the bytes freed. Raises ByocError (BYOC-E517)."""
    store = Store(root)
    kinds = cache_info(root)
    with store.lock("prune"):
        for folder in store.kinds():
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise ByocError(
                    f"{folder} cannot be removed",
                    why=f"{error.strerror}: {error.filename}",
                    fix="remove it by hand, or point BYOC_CACHE_DIR elsewhere",
                    id="BYOC-E517",
                ) from error
    return sum(kind.size for kind in kinds)


def _kind(folder: Path) -> Kind:
    sizes = [path.lstat().st_size for path in folder.rglob("*") if path.is_file()]
    return Kind(name=folder.name, files=len(sizes), size=sum(sizes))
