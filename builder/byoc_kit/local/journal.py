"""The words of all hosts of a job, line by line: to a person, to whoever picks metrics, and into one file."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TextIO

__all__ = ["Hear", "Journal", "opened_journal"]

Hear = Callable[[str, str], None]
"""Takes the name of a host and one line it has printed; called by one thread at a time."""


class Journal:
    """Takes the lines of every host, one after the other. Of several hosts each line begins with the name."""

    def __init__(
        self, file: TextIO | None, hosts: Sequence[str], tell: Callable[[str], None], hear: Hear | None
    ) -> None:
        """*file*: where the lines of all hosts are kept; None for a single host, whose own log is that."""
        self._file, self._tell, self._hear = file, tell, hear
        self._width = max(map(len, hosts)) if len(hosts) > 1 else 0
        self._lock = threading.Lock()

    def of(self, host: str) -> Callable[[str], None]:
        """What takes the lines of *host*."""
        return partial(self._line, host)

    def _line(self, host: str, text: str) -> None:
        shown = f"{host:<{self._width}} | {text}" if self._width else text
        with self._lock:
            if self._file:
                self._file.write(shown + "\n")
            self._tell(shown)
            if self._hear:
                self._hear(host, text)


@contextmanager
def opened_journal(
    path: Path, hosts: Sequence[str], tell: Callable[[str], None], hear: Hear | None
) -> Iterator[Journal]:
    """A journal of *hosts* that is kept at *path* if there are several."""
    if len(hosts) == 1:
        yield Journal(None, hosts, tell, hear)
        return
    with path.open("w", encoding="utf-8", buffering=1) as file:
        yield Journal(file, hosts, tell, hear)
