"""What is kept on the user's disk between runs: small documents by key, files by digest.

Losing it costs time only. Several processes, and several projects, use it at once: what is written appears
whole or not at all, and what was used a moment ago is not pruned.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from byoc_kit.errors import ByocError
from byoc_kit.oci.digest import Digest, is_digest

__all__ = ["CAP", "Store", "user_store"]

CAP: Final = 20_000_000_000  # bytes of files by digest; beyond it the least recently used go
IN_USE: Final = 600.0  # seconds after its last use in which a file is not taken away from whoever reads it
LEFT_OVER: Final = 86_400.0  # seconds after which nobody writes to a file any more
OWN: Final = frozenset({"new", "locks"})  # folders in which nothing is kept
DISK_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Store:
    """Below *root*: one folder per kind, in it one JSON file per key, or one file per digest."""

    root: Path
    cap: int = CAP

    def read(self, kind: str, key: str) -> Any:
        """The document, or None where there is none or it cannot be read."""
        try:
            return json.loads(self._document(kind, key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def write(self, kind: str, key: str, document: Mapping[str, Any]) -> None:
        """Keep *document*: whole or not at all. A disk that cannot be written is no error."""
        with contextlib.suppress(OSError), self._new_file() as file:
            file.write(json.dumps(document, sort_keys=True).encode())
            _move(file, self._document(kind, key))

    def blob(self, kind: str, digest: Digest) -> Path | None:
        """The file whose content has *digest*, now marked as used; None: it is not here.

        It was checked when it came in. Open it soon: what nobody used for ten minutes may be pruned.
        """
        path = self._blob(kind, digest)
        try:
            os.utime(path)
        except OSError:
            return None
        return path

    def put_blob(
        self, kind: str, chunks: Iterable[bytes], expected: Digest | None = None
    ) -> tuple[Digest, Path]:
        """Keep the bytes of *chunks* under their digest.

        Raises ByocError: BYOC-E504 where they are not those that *expected* names (nothing is kept then),
        BYOC-E520 where the disk cannot be written. Whatever *chunks* raises passes, and nothing is kept.
        """
        with self._disk(), self._new_file() as file:
            digest = Digest(f"sha256:{_write(file, chunks).hexdigest()}")
            if expected not in {None, digest}:
                raise _not_expected(kind, expected, digest)
            _move(file, self._blob(kind, digest))
        if digest.endswith("0"):  # looking at all files is slow: one in sixteen is enough to stay below
            self._keep_below_cap()
        return digest, self._blob(kind, digest)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Held by one process at a time: who makes what others would make too, lets them wait for it.

        Where the disk cannot be written, nobody is kept waiting.
        """
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                path = self.root / "locks" / hashlib.sha256(name.encode()).hexdigest()
                path.parent.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context(path.open("w"))
                fcntl.flock(file, fcntl.LOCK_EX)  # closing the file lets it go, also when the process dies
            yield

    def kinds(self) -> tuple[Path, ...]:
        """The folders of what is kept, sorted by name."""
        if not self.root.is_dir():
            return ()
        return tuple(sorted(each for each in self.root.iterdir() if each.is_dir() and each.name not in OWN))

    def prune(self, limit: int = 0, *, idle: float = IN_USE) -> int:
        """Remove files by digest, the least recently used first, until at most *limit* bytes are left.

        What was used within the last *idle* seconds stays: somebody may be reading it. The bytes freed.
        """
        freed, before = 0, time.time() - idle
        with self.lock("prune"):
            held = sorted(self._blobs())
            total = sum(size for _, size, _ in held)
            for used, size, path in held:
                if total - freed <= limit or used > before:
                    break
                with contextlib.suppress(OSError):
                    path.unlink()
                    freed += size
            self._remove_leftovers()
        return freed

    def _keep_below_cap(self) -> None:
        if sum(size for _, size, _ in self._blobs()) > self.cap:
            self.prune(self.cap * 9 // 10)

    def _remove_leftovers(self) -> None:
        """Files that were being written when their process was killed."""
        for path in self.root.glob("new/*"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < time.time() - LEFT_OVER:
                    path.unlink()

    @contextlib.contextmanager
    def _new_file(self) -> Iterator[IO[bytes]]:
        """A file of a name of its own; it goes, unless it was moved to where it belongs."""
        folder = self.root / "new"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            try:
                yield file
            finally:
                Path(file.name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        """What the disk refuses becomes an error that a user can act on."""
        try:
            yield
        except OSError as error:
            if error.filename is None and error.errno not in DISK_FULL:
                raise  # not of the disk: whoever gives the chunks had it
            raise ByocError(
                f"nothing can be kept in {self.root}",
                why=error.strerror or str(error),
                fix="free some space (`byoc cache prune`), or point BYOC_CACHE_DIR to another folder",
                id="BYOC-E520",
            ) from error

    def _blobs(self) -> Iterator[tuple[float, int, Path]]:
        """Last use, bytes and path of every file by digest."""
        for path in self.root.glob("*/sha256/*/*"):
            with contextlib.suppress(OSError):
                found = path.stat()
                yield found.st_mtime, found.st_size, path

    def _document(self, kind: str, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self.root / kind / name[:2] / f"{name}.json"

    def _blob(self, kind: str, digest: Digest) -> Path:
        assert is_digest(digest), digest
        name = digest.removeprefix("sha256:")
        return self.root / kind / "sha256" / name[:2] / name


def user_store(environ: Mapping[str, str] = os.environ) -> Store:
    """The store of the calling user: BYOC_CACHE_DIR, else ``byoc`` below XDG_CACHE_HOME or ~/.cache."""
    own = environ.get("BYOC_CACHE_DIR")
    if own:
        return Store(Path(own))
    cache = environ.get("XDG_CACHE_HOME")
    return Store((Path(cache) if cache else Path(environ.get("HOME") or Path.home()) / ".cache") / "byoc")


def _write(file: IO[bytes], chunks: Iterable[bytes]) -> "hashlib._Hash":
    """Their SHA-256."""
    state = hashlib.sha256()
    for chunk in chunks:
        state.update(chunk)
        file.write(chunk)
    return state


def _move(file: IO[bytes], to: Path) -> None:
    """Close *file* and give it its place, in one step."""
    file.close()
    to.parent.mkdir(parents=True, exist_ok=True)
    Path(file.name).replace(to)


def _not_expected(kind: str, expected: Digest | None, found: Digest) -> ByocError:
    return ByocError(
        f"{kind}: the content is not what its digest says",
        why=f"{expected} was expected, and {found} came",
        fix="try again; if it stays, whoever serves it has damaged or exchanged it",
        id="BYOC-E504",
    )
