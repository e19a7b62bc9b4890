"""What a person can mend, said in three lines; and the one way this program speaks (stderr, ``byoc:``)."""

import os
import select


class EntryError(Exception):
    """The container cannot do what it was started for: what happened, why, and how to mend it."""

    def __init__(self, what: str, *, why: str, fix: str, code: int = 1) -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix
        self.code = code
        """The container's exit code: 126 and 127 mean what they mean in a shell."""

    def __str__(self) -> str:
        return f"{self.what}\n  why: {self.why}\n  fix: {self.fix}"


def say(text: str) -> None:
    """Write a line to stderr, where SageMaker's logs are; it never fails and never waits."""
    poll = select.poll()
    poll.register(2, select.POLLOUT)
    try:
        if poll.poll(0):
            os.write(2, f"byoc: {text}\n".encode("utf-8", "replace"))
    except OSError:
        pass
