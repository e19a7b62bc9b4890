"""Small facts kept on the user's disk between runs. Losing them costs time only."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Store", "user_store"]


@dataclass(frozen=True, slots=True)
class Store:
    """JSON documents below *root*: one folder per kind, one file per key."""

    root: Path

    def read(self, kind: str, key: str) -> Any:
        """The document, or None where there is none or it cannot be read."""
        try:
            return json.loads(self._path(kind, key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def write(self, kind: str, key: str, document: Mapping[str, Any]) -> None:
        """Keep *document*: whole or not at all. A disk that cannot be written is no error."""
        path = self._path(kind, key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
                json.dump(document, file, sort_keys=True)
            Path(file.name).replace(path)
        except OSError:
            return

    def _path(self, kind: str, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self.root / kind / name[:2] / f"{name}.json"


def user_store(environ: Mapping[str, str] = os.environ) -> Store:
    """The store of the calling user: BYOC_CACHE_DIR, else ``byoc`` below XDG_CACHE_HOME or ~/.cache."""
    own = environ.get("BYOC_CACHE_DIR")
    if own:
        return Store(Path(own))
    cache = environ.get("XDG_CACHE_HOME")
    return Store((Path(cache) if cache else Path(environ.get("HOME") or Path.home()) / ".cache") / "byoc")
