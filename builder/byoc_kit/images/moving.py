"""Many blobs at once: a few threads, a progress for each and one for all, an end to all when one fails."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final, TypeVar

from byoc_kit.oci.digest import Digest
from byoc_kit.oci.image import Layer
from byoc_kit.oci.manifest import Descriptor
from byoc_kit.talk import Talk

__all__ = ["JOBS", "Bytes", "Meter", "at_once"]

JOBS: Final = 4  # blobs that travel at the same time
EVERY: Final = 0.1  # seconds between two reports about one task


class _StoppedError(Exception):
    """Another transfer failed, or the user pressed Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """A blob in memory."""

    descriptor: Descriptor
    content: bytes

    def read(self, start: int = 0) -> Iterator[bytes]:
        """Its bytes from *start* on."""
        yield self.content[start:]


@dataclass(slots=True)
class Meter:
    """Counts bytes for a listener, from several threads; can stop all that it counts."""

    talk: Talk
    task: str
    total: int
    """Bytes of all blobs together."""
    stopped: threading.Event = field(default_factory=threading.Event)
    _done: dict[str, int] = field(default_factory=dict)
    _told: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, layer: Layer) -> Layer:
        """*layer*, counted while it is read."""
        return _Counted(layer, self)

    def moved(self, blob: Descriptor, done: int) -> None:
        """*done* bytes of *blob* have moved by now."""
        if self.stopped.is_set():
            raise _StoppedError
        with self._lock:
            self._done[blob.digest] = done
            self._tell(blob.digest[:19], done, blob.size)
            self._tell(self.task, sum(self._done.values()), self.total)

    def _tell(self, task: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done >= total or now - self._told.get(task, 0.0) >= EVERY:
            self._told[task] = now
            self.talk.progress(task, done, total)


@dataclass(frozen=True, slots=True)
class _Counted:
    """A layer and who counts it."""

    layer: Layer
    meter: Meter

    @property
    def descriptor(self) -> Descriptor:
        """The layer's."""
        return self.layer.descriptor

    @property
    def diff_id(self) -> Digest:
        """The layer's."""
        return self.layer.diff_id

    def read(self, start: int = 0) -> Iterator[bytes]:
        """The layer's bytes; each counts when the next is asked for."""
        done = start
        for chunk in self.layer.read(start):
            yield chunk
            done += len(chunk)
            self.meter.moved(self.descriptor, done)


T = TypeVar("T")


def at_once(
    tasks: Sequence[Callable[[], T]], *, jobs: int = JOBS, stopped: threading.Event | None = None
) -> list[T]:
    """What *tasks* return, in their order. The first that fails ends the others, and its error is raised."""
    if len(tasks) < 2 or jobs < 2:
        return [task() for task in tasks]
    with ThreadPoolExecutor(min(jobs, len(tasks)), thread_name_prefix="byoc-blob") as pool:
        futures = [pool.submit(task) for task in tasks]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            failed = [error for each in futures if each.done() and (error := each.exception())]
        except BaseException:
            _stop(pool, stopped)
            raise
        if failed:
            _stop(pool, stopped)
            raise failed[0]
        return [each.result() for each in futures]


def _stop(pool: ThreadPoolExecutor, stopped: threading.Event | None) -> None:
    if stopped is not None:
        stopped.set()
    pool.shutdown(wait=False, cancel_futures=True)
