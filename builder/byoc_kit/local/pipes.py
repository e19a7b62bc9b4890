"""Mode Pipe: a FIFO for each epoch of a channel, fed from the channel's files (CHN-03, CHN-04).

The pipe of an epoch appears a moment after the one before it has been read to its end or closed early, and
the old one goes: a program that does not wait for it, or that opens a pipe twice, fails here too.
"""

import contextlib
import errno
import gzip
import os
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from byoc_kit.errors import UsageError
from byoc_kit.job import recordio
from byoc_kit.job.objects import ordered
from byoc_kit.job.types import Channel, TrainingJob
from byoc_kit.local.channels import Fields, fields_of
from byoc_kit.local.tree import RunTree
from byoc_kit.talk import Talk

__all__ = ["Feed", "feeding", "feeds_of"]

LATE = 0.2  # seconds between the end of one pipe and the beginning of the next
LOOK = 0.005  # seconds between two looks whether somebody has opened a pipe
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One channel of one host in mode Pipe."""

    folder: Path
    """Seen as /opt/ml/input/data."""
    channel: Channel
    fields: tuple[Fields, ...]

    def pipe(self, epoch: int) -> Path:
        """The FIFO of *epoch*, which counts from 0."""
        return self.folder / f"{self.channel.name}_{epoch}"


def feeds_of(tree: RunTree, job: TrainingJob, host: str) -> tuple[Feed, ...]:
    """What has to be fed to *host* while *job* runs. Raises UsageError for what cannot be sent."""
    folder = tree.host(host, job).data
    found = tuple(
        Feed(folder=folder, channel=channel, fields=fields_of(channel, job, host))
        for channel in job.channels_of(host)
        if channel.mode == "Pipe"
    )
    for feed in found:
        _check(feed)
    return found


def _check(feed: Feed) -> None:
    """Raise UsageError for what could not be sent once the job runs."""
    for path in (field for fields in feed.fields for field in fields if isinstance(field, Path)):
        large = feed.channel.record_wrapper == "RecordIO" and path.stat().st_size > recordio.MOST
        if large or not os.access(path, os.R_OK):
            raise UsageError(
                f"channel {feed.channel.name}: {path} cannot be sent through a pipe",
                why=f"a RecordIO record has at most {recordio.MOST} bytes (CHN-04)"
                if large
                else "it may not be read",
                fix="split the file, or leave out wrapper=RecordIO" if large else "correct its permissions",
                id="BYOC-E426",
            )


@contextmanager
def feeding(feeds: Sequence[Feed], talk: Talk) -> Iterator[None]:
    """The first pipe of each feed is there, and those that follow are fed, as long as the context lasts.

    Afterwards no pipe is left.
    """
    feeders = [Feeder(feed, talk) for feed in feeds]
    try:
        for feeder in feeders:
            feeder.begin()
        yield
    finally:
        for feeder in feeders:
            feeder.stop()


class Feeder:
    """Feeds one channel of one host, epoch by epoch, in a thread of its own."""

    def __init__(self, feed: Feed, talk: Talk) -> None:
        self._feed, self._talk = feed, talk
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        """Make the first pipe and wait for its reader."""
        self._make(0)
        self._thread.start()

    def stop(self) -> None:
        """Feed no more; what the reader has not read is lost, as it is when a container ends."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=5)
        for pipe in self._feed.folder.glob(f"{self._feed.channel.name}_*"):
            if pipe.is_fifo():
                pipe.unlink()

    def _make(self, epoch: int) -> None:
        pipe = self._feed.pipe(epoch)
        os.mkfifo(pipe)
        pipe.chmod(0o644)

    def _run(self) -> None:
        epoch = 0
        while (descriptor := self._opened(self._feed.pipe(epoch))) is not None:
            try:
                self._send(descriptor, epoch)
            except BrokenPipeError:
                pass  # the reader has had enough of this epoch, which is its right
            except (OSError, EOFError, zlib.error) as error:  # the last two: no gzip
                self._talk.warn(f"channel {self._feed.channel.name}: cut short: {error}")
            finally:
                os.close(descriptor)
            self._feed.pipe(epoch).unlink(missing_ok=True)
            if self._stopped.wait(LATE):
                return
            epoch += 1
            self._make(epoch)

    def _opened(self, pipe: Path) -> int | None:
        """The writing end, once there is a reader; None: none came until the end."""
        while not self._stopped.is_set():
            try:
                descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    return None
                self._stopped.wait(LOOK)
                continue
            os.set_blocking(descriptor, True)
            _widen(descriptor)
            return descriptor
        return None

    def _send(self, pipe: int, epoch: int) -> None:
        channel = self._feed.channel
        for fields in ordered(self._feed.fields, channel.shuffle, epoch):
            for field in fields:
                if channel.record_wrapper == "RecordIO":
                    size = _size(field, channel)
                    _write(pipe, recordio.head(size))
                    _send_content(pipe, field, channel)
                    _write(pipe, recordio.padding(size))
                else:
                    _send_content(pipe, field, channel)


def _widen(pipe: int) -> None:
    """Let the kernel hold more of what is on its way; a wish, for it may have no more to give."""
    import fcntl  # not on every platform

    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, CHUNK)


def _size(field: bytes | Path, channel: Channel) -> int:
    """How many bytes of content will be sent. A compressed file is read once for it."""
    if isinstance(field, bytes):
        return len(field)
    if channel.compression == "None":
        return field.stat().st_size
    with gzip.open(field) as file:
        return sum(len(chunk) for chunk in _chunks(file))


def _send_content(pipe: int, field: bytes | Path, channel: Channel) -> None:
    if isinstance(field, bytes):
        _write(pipe, field)
    elif channel.compression == "Gzip":
        with gzip.open(field) as file:
            for chunk in _chunks(file):
                _write(pipe, chunk)
    else:
        with field.open("rb", buffering=0) as raw:
            _splice(raw.fileno(), pipe)


def _splice(source: int, pipe: int) -> None:
    """Send the rest of the file *source*; within the kernel where it can do that with this file."""
    try:
        while os.splice(source, pipe, CHUNK):
            pass
    except BrokenPipeError:
        raise
    except OSError:  # EINVAL: some file systems cannot splice; what was sent has moved the file's position
        while chunk := os.read(source, CHUNK):
            _write(pipe, chunk)


def _chunks(file: gzip.GzipFile) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _write(pipe: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]
