"""A voice for work that goes on in several places at once: one line for each place, none for each blob."""

import threading
from dataclasses import dataclass, field

from byoc_kit.talk import Talk

__all__ = ["Totals"]

LOCK = threading.Lock()  # whoever prints is spoken to by one thread at a time


@dataclass(frozen=True, slots=True)
class Totals:
    """Passes on what is about a whole place."""

    listener: Talk
    lock: threading.Lock = field(default=LOCK, repr=False)

    def say(self, text: str) -> None:
        """Pass it on."""
        with self.lock:
            self.listener.say(text)

    def note(self, text: str) -> None:
        """Pass it on."""
        with self.lock:
            self.listener.note(text)

    def warn(self, text: str) -> None:
        """Pass it on."""
        with self.lock:
            self.listener.warn(text)

    def output(self, text: str) -> None:
        """Pass it on."""
        with self.lock:
            self.listener.output(text)

    def progress(self, task: str, done: int, total: int | None) -> None:
        """Pass it on, unless it is about a single blob."""
        if not task.startswith("sha256:"):
            with self.lock:
                self.listener.progress(task, done, total)


_: type[Talk] = Totals
