"""What a container that nobody trusts prints and leaves, read without harm to this machine."""

import codecs
import io
import os
import stat
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

from byoc_kit.contract.evidence import File
from byoc_kit.local.containers import Log

__all__ = ["Excerpt", "left_files"]

PART = 32_768  # bytes of a log that are kept of its beginning, and of its end
TEXT = 4096  # characters of a file that may be judged
MOST_FILES = 5000
JUDGED = frozenset({"failure", "message", "probe.json"})
"""Names of files whose text is judged (OUT-03, PRC-07); others are the user's own and are not read."""
CUT = "\n[...]\n"


class Excerpt(Log):
    """A log of which only the beginning and the end are kept, however much is printed."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), lambda _: None)
        self._head, self._end, self._cut = bytearray(), bytearray(), False
        self.first: float | None = None
        """When something was printed for the first time, on the clock of time.monotonic(); None: never."""

    def feed(self, chunk: bytes) -> None:
        """Take what was printed."""
        self.first = time.monotonic() if self.first is None else self.first
        room = PART - len(self._head)
        self._head += chunk[:room]
        self._end += chunk[room:] if room > 0 else chunk
        self._cut |= len(self._end) > PART
        del self._end[:-PART]

    def finish(self) -> None:
        """Nothing is held back, so there is nothing to do."""

    @property
    def text(self) -> str:
        """What was printed so far."""
        between = CUT.encode() if self._cut else b""
        return (bytes(self._head) + between + bytes(self._end)).decode(errors="replace")


def left_files(folder: Path, target: PurePosixPath) -> Iterator[File]:
    """Everything below *folder*, which a container saw as *target*; links are not followed.

    At most :data:`MOST_FILES` are told, in the order of their paths. Bytes that are no UTF-8 are replaced.
    """
    paths = sorted(islice(_below(folder), MOST_FILES))
    for path in paths:
        yield _file(path, target / path.relative_to(folder).as_posix())


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield Path(parent, name)


def _file(path: Path, seen: PurePosixPath) -> File:
    status = path.lstat()
    kind = _kind(status.st_mode)
    text, utf8 = _text(path) if kind == "file" and path.name in JUDGED else (None, True)
    return File(
        path=_readable(str(seen)),
        kind=kind,
        size=status.st_size if kind == "file" else 0,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        link=_readable(str(path.readlink())) if kind == "symlink" else "",
        text=text,
        utf8=utf8,
    )


def _readable(name: str) -> str:
    return os.fsencode(name).decode(errors="replace")


def _kind(mode: int) -> str:
    tests = {"file": stat.S_ISREG, "dir": stat.S_ISDIR, "symlink": stat.S_ISLNK, "fifo": stat.S_ISFIFO}
    return next((kind for kind, test in tests.items() if test(mode)), "other")


def _text(path: Path) -> tuple[str | None, bool]:
    """The beginning of a file, and whether that is UTF-8; a character cut at the end does not count."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None, True
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(4 * TEXT)
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(content)[:TEXT], True
    except UnicodeDecodeError:
        return content.decode(errors="replace")[:TEXT], False
