"""Wheels of a lock onto this disk: from the store, where some project left them, else from their index.

Name and hash bind; the address in a lock is a hint. Where it leads nowhere, the indexes of this machine are
asked for the file.
"""

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from byoc_kit.errors import ByocError
from byoc_kit.oci.digest import Digest
from byoc_kit.resolve.http import SAME_TIME, Absent, Broken, Web
from byoc_kit.resolve.indexes import Indexes
from byoc_kit.resolve.parallel import at_once
from byoc_kit.resolve.simple import local_path, urls_of
from byoc_kit.resolve.uv import offline
from byoc_kit.resolve.wheels import read_wheel
from byoc_kit.spec.lock import LockedWheel
from byoc_kit.store import Store
from byoc_kit.talk import Silence, Talk

__all__ = ["Fetcher", "Wanting"]

CHUNK = 1 << 20
TRIES = 3  # of a body that breaks off
KIND = "wheels"
TASK = "fetching wheels"


class _StoppedError(Exception):
    """Another file failed, or the user pressed Ctrl-C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanting:
    """A file to have: what binds, and where it may be."""

    name: str
    """Of the project, normal."""
    filename: str
    sha256: str | None
    """None: the index told none; what comes is measured and believed."""
    url: str | None
    size: int | None = None


@dataclass(slots=True)
class Fetcher:
    """Fetches into the store, several files at once."""

    indexes: Indexes
    store: Store
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    talk: Talk = field(default_factory=Silence)
    root: Path = field(default_factory=Path)
    """What paths in a lock are relative to."""
    _web: Web | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _done: int | None = None
    """Bytes of what :meth:`all` fetches; None while it does not."""
    _total: int | None = None

    def all(self, wheels: Iterable[LockedWheel]) -> dict[str, Path]:
        """File name to its file, for published wheels. Raises ByocError (BYOC-E908, E909, E910)."""
        needed = [_of_wheel(wheel) for wheel in wheels]
        found = {each.filename: path for each in needed if (path := self._kept(each)) is not None}
        missing = [each for each in needed if each.filename not in found]
        sizes = [each.size for each in missing]
        self._done, self._total = 0, None if None in sizes else sum(size or 0 for size in sizes)
        if missing and not offline(self.environ):
            self.talk.say(f"fetching {len(missing)} of {len(needed)} wheels")
        largest_first = sorted(missing, key=lambda each: -(each.size or 0))
        self._stopped = threading.Event()
        with contextlib.closing(
            at_once(self.one, largest_first, most=SAME_TIME, stopped=self._stopped)
        ) as done:
            found |= {each.filename: path for each, (_, path) in done}
        if self._total is None and self._done:
            self.talk.progress(TASK, self._done, self._done)
        self._done = None
        return found

    def one(self, wanting: Wanting) -> tuple[str, Path]:
        """SHA-256 (hexadecimal) and path of one file. Raises ByocError."""
        kept = self._kept(wanting)
        if kept is not None and wanting.sha256:
            return wanting.sha256, kept
        reasons: list[str] = []
        for url in self._places(wanting):
            for _ in range(TRIES):
                try:
                    return self._take(wanting, url)
                except Broken as error:
                    reasons.append(str(error))
                except Absent as error:
                    reasons.append(str(error))
                    break
        raise _nowhere(wanting, list(dict.fromkeys(reasons)), offline(self.environ))

    def sizes(self, wheels: Iterable[LockedWheel]) -> dict[str, int | None]:
        """File name to bytes, as far as the store or the servers tell; nothing is fetched."""
        listed = [each for each in wheels if each.size is None and each.url]
        done = at_once(self._size, listed, most=2 * SAME_TIME, stopped=threading.Event())
        with contextlib.closing(done):
            return {each.filename: size for each, size in done}

    def installed(self, wheel: LockedWheel) -> int | None:
        """Bytes of the content of a wheel that is in the store; None for any other."""
        path = self._kept(_of_wheel(wheel))
        try:
            return None if path is None else read_wheel(path, wheel.filename).installed
        except ValueError:
            return None

    def _size(self, wheel: LockedWheel) -> int | None:
        kept = self._kept(_of_wheel(wheel))
        if kept is not None:
            return kept.stat().st_size
        path = local_path(wheel.url or "")
        if path is not None:
            return path.stat().st_size if path.is_file() else None
        known = self.store.read("wheel-sizes", wheel.sha256)
        if known is None and not offline(self.environ) and wheel.url:
            known = {"size": self._the_web().size(wheel.url)}
            if known["size"] is not None:
                self.store.write("wheel-sizes", wheel.sha256, known)
        return known["size"] if known else None

    def _kept(self, wanting: Wanting) -> Path | None:
        return self.store.blob(KIND, Digest(f"sha256:{wanting.sha256}")) if wanting.sha256 else None

    def _places(self, wanting: Wanting) -> Iterator[str]:
        """The hint, then what the indexes list; while offline, only what is on this disk."""
        if wanting.url and not (offline(self.environ) and local_path(wanting.url) is None):
            yield wanting.url
        for link in self.indexes.find_links:
            if (folder := local_path(link)) is not None and (folder / wanting.filename).is_file():
                yield str(folder / wanting.filename)
        for index in self.indexes.simple:
            if local_path(index) is not None or not offline(self.environ):
                yield from urls_of(self._the_web(), index, wanting.name, wanting.filename)

    def _take(self, wanting: Wanting, url: str) -> tuple[str, Path]:
        expected = Digest(f"sha256:{wanting.sha256}") if wanting.sha256 else None
        path = local_path(url)
        chunks = _of_file(self.root / path) if path is not None else self._counted(self._the_web().read(url))
        try:
            digest, kept = self.store.put_blob(KIND, chunks, expected)
        except ByocError as error:
            if error.id != "BYOC-E504":
                raise
            raise _other(wanting, urlsplit(url).hostname or url) from error
        return digest.removeprefix("sha256:"), kept

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        taken = 0
        try:
            for chunk in chunks:
                if self._stopped.is_set():
                    raise _StoppedError
                taken += len(chunk)
                self._count(len(chunk))
                yield chunk
        except Absent:
            self._count(-taken)  # it begins anew
            raise

    def _count(self, size: int) -> None:
        with self._lock:
            if self._done is not None:
                self._done += size
                self.talk.progress(TASK, self._done, self._total)

    def _the_web(self) -> Web:
        with self._lock:
            if self._web is None:
                self._web = Web(self.indexes, self.environ)
            return self._web


def _of_wheel(wheel: LockedWheel) -> Wanting:
    return Wanting(
        name=wheel.name, filename=wheel.filename, sha256=wheel.sha256, url=wheel.url, size=wheel.size
    )


def _of_file(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise Absent(f"{path}: {error.strerror}") from error


def _other(wanting: Wanting, where: str) -> ByocError:
    return ByocError(
        f"{wanting.filename} from {where} is not the file that was locked",
        why="its SHA-256 is another one: the file was replaced on the index, or changed on the way",
        fix="find out why before you go on; `byoc lock --upgrade "
        f"{wanting.name}` takes what the index has now, if you trust it",
        id="BYOC-E909",
    )


def _nowhere(wanting: Wanting, reasons: list[str], off: bool) -> ByocError:
    if off:
        return ByocError(
            f"{wanting.filename} is not on this machine",
            why="BYOC_OFFLINE is set, and no build here has fetched this wheel before",
            fix="unset BYOC_OFFLINE once, or name a folder with the wheel in [python] find-links",
            id="BYOC-E910",
        )
    return ByocError(
        f"{wanting.filename} cannot be fetched",
        why="neither the address in the lock nor the indexes of this machine have it",
        fix="see that network and index are there (UV_DEFAULT_INDEX, PIP_INDEX_URL, [python] index-url); "
        "if the release was removed, `byoc lock --upgrade`",
        id="BYOC-E910",
        details=reasons[:5],
    )
