"""Many blobs at once: a few threads, a progress for each and one for all, an end to all when one fails."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from byoc_kit.oci.digest import Digest
from byoc_kit.oci.image import Layer
from byoc_kit.oci.manifest import Descriptor
from byoc_kit.talk import Talk

__all__ = ["JOBS", "Bytes", "Meter", "at_once"]

JOBS: Final = 4  # blobs that travel at the same time
GRACE: Final = 1.0  # seconds in which a stopped thread may end what it does
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
    """What *tasks* return, in their order. The first that fails ends the others, and its error is raised.

    *stopped* is set then, and by Ctrl-C. A thread that waits for a silent registry is not waited for.
    """
    if len(tasks) < 2 or jobs < 2:
        return [task() for task in tasks]
    crew = _Crew(tasks, stopped or threading.Event())
    threads = [threading.Thread(target=crew.work, daemon=True) for _ in range(min(jobs, len(tasks)))]
    for thread in threads:
        thread.start()
    try:
        results = dict(crew.next() for _ in tasks)
    except BaseException:
        crew.stopped.set()
        for thread in threads:
            thread.join(GRACE)
        raise
    return [results[place] for place in range(len(tasks))]


class _Crew(Generic[T]):
    """Threads that share *tasks*."""

    def __init__(self, tasks: Sequence[Callable[[], T]], stopped: threading.Event) -> None:
        self.stopped = stopped
        self._todo = enumerate(tasks)
        self._lock = threading.Lock()
        self._done: queue.SimpleQueue[tuple[int, T] | BaseException] = queue.SimpleQueue()

    def work(self) -> None:
        """One task after the other, until there are none or all are stopped."""
        try:
            while not self.stopped.is_set():
                with self._lock:
                    place, task = next(self._todo)
                self._done.put((place, task()))
        except StopIteration:
            return
        except BaseException as error:
            self._done.put(error)

    def next(self) -> tuple[int, T]:
        """Place and result of a task that ended. Raises what a task raised."""
        found = self._done.get()
        if isinstance(found, BaseException):
            raise found
        return found
