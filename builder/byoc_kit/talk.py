"""How long work tells a person what it does: one narrow protocol, handed in by whoever prints.

Values and doors never print. They are given a :class:`Talk`; the command line has one for a
terminal (bars, colours) and one for plain lines; :class:`Silence` is for machines, notebooks and tests.
"""

from typing import Protocol

__all__ = ["Silence", "Talk"]


class Talk(Protocol):
    """Somebody who listens. Everything said goes to stderr; results are return values."""

    def say(self, text: str) -> None:
        """One line of progress: what is being done now."""

    def note(self, text: str) -> None:
        """One line the user should see although nothing is wrong (a choice made, a thing normalised)."""

    def warn(self, text: str) -> None:
        """One line about something that will bite later."""

    def output(self, text: str) -> None:
        """One line that a program said: a build step, a container's log. Shown as it is."""

    def progress(self, task: str, done: int, total: int | None) -> None:
        """*done* of *total* bytes of *task*; total None while unknown. Same task: same bar."""


class Silence:
    """A listener who keeps everything to himself."""

    def say(self, text: str) -> None:
        """Ignore it."""

    def note(self, text: str) -> None:
        """Ignore it."""

    def warn(self, text: str) -> None:
        """Ignore it."""

    def output(self, text: str) -> None:
        """Ignore it."""

    def progress(self, task: str, done: int, total: int | None) -> None:
        """Ignore it."""


_: type[Talk] = Silence
