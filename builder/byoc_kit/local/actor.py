"""One container of a play: told what to do, and asked in the end what became of it."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from byoc_kit.contract.evidence import Container, Event, Exchange, Fact, File, Ping
from byoc_kit.errors import ByocError
from byoc_kit.job.container import ContainerPlan, Mount
from byoc_kit.job.outcome import ContainerError, Exit
from byoc_kit.local.containers import Running
from byoc_kit.local.excerpt import Excerpt, left_files
from byoc_kit.local.heard import hears

__all__ = ["Actor", "refusal"]

LOOK = 0.01  # seconds between two looks at a process
HANDED = 30.0  # seconds for the engine to take away what it was told to kill
MOST = 2000  # characters of a list of paths
SCRATCH = ("/tmp", "/var/tmp", "/root/.cache")  # noqa: S108 - of a container
ANYWHERE = (*SCRATCH, "/run", "/dev", "/proc", "/sys", "/opt/ml", "/opt/byoc-source")
"""Where a container may write, and where the engine itself does."""
FAULTS = ("no command specified", "runtime create failed", "unable to find user", "unable to start container")
"""What the engine says where an image is such that it cannot be started."""

WRAPPING = re.compile(r"^.*container process(?: caused)?: ", re.DOTALL)
"""What containerd and runc put before the cause."""


def refusal(error: ByocError) -> str:
    """What the engine said of an image that cannot be started. Raises *error* where that is not its fault."""
    said = " ".join(error.details) or error.why
    if isinstance(error, ContainerError) or any(fault in said.lower() for fault in FAULTS):
        return WRAPPING.sub("", said).removesuffix(": unknown")
    raise error


class Actor:
    """A container that was started, or that the engine refused to start. Times count from its start."""

    def __init__(
        self,
        plan: ContainerPlan,
        running: Running | None,
        excerpt: Excerpt,
        *,
        begun: float,
        refused: str = "",
        folders: Callable[[ContainerPlan], Sequence[Mount]] | None = None,
    ) -> None:
        """*folders*: gives those that it could write to, when it has ended."""
        self.plan, self.running, self.refused = plan, running, refused
        self._excerpt, self._begun, self._folders = excerpt, begun, folders
        self._events = [Event(0.0, "started" if running else "refused")]
        self._told: dict[str, Fact] = {}
        self._asked: float | None = None
        self._killed = False
        self.pings: list[Ping] = []
        self.exchanges: dict[str, Exchange] = {}

    def now(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._begun

    def note(self, what: str, at: float | None = None) -> None:
        """Something happened, now or at *at*."""
        self._events.append(Event(self.now() if at is None else at, what))

    def tell(self, **facts: Fact) -> None:
        """Facts that a clause may want."""
        self._told |= facts

    @property
    def ended(self) -> Exit | None:
        """How it ended; None while it runs. What was refused has ended as a shell would say it."""
        return self.running.wait(0) if self.running else Exit(127)

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return self._excerpt.text

    @property
    def address(self) -> str:
        """Its own IP address; empty once it has ended."""
        with suppress(Exception):  # it was taken away between two looks
            return self.running.address if self.running and self.ended is None else ""
        return ""

    def wait(self, seconds: float) -> Exit | None:
        """How it ended; None if it still runs after *seconds*."""
        return self.running.wait(seconds) if self.running else self.ended

    def signal(self, name: str) -> None:
        """Send a signal to its first process."""
        if self.running and self.ended is None:
            self.note(name)
            self.running.signal(name)

    def terminate(self) -> None:
        """Ask it to stop, as the service does (HAR-08); what comes after is timed from here."""
        if self.running and self.ended is None:
            self._asked = self.now() if self._asked is None else self._asked
            self.note("SIGTERM")
            self.running.terminate()

    def stop(self, grace: float) -> bool:
        """SIGTERM, *grace* seconds, SIGKILL; whether it ended by itself (HAR-08)."""
        self.terminate()
        return self.finish(grace)

    def finish(self, seconds: float) -> bool:
        """Wait for its end, and kill it after *seconds*; whether it ended by itself."""
        if self.wait(seconds) is not None:
            return True
        self.kill()
        return False

    def kill(self) -> None:
        """SIGKILL, since it did not end in the time it had."""
        if self.running and self.ended is None:
            self._killed = True
            self.note("SIGKILL")
            self.running.kill()
            self.running.wait(HANDED)

    def processes(self) -> tuple[str, ...]:
        """Command lines of all its processes, as the engine's machine lists them; empty once it has ended."""
        with suppress(Exception):
            if self.running and self.ended is None:
                listed = self.running.processes()
                return tuple(line[-1] for line in listed)
        return ()

    def written(self) -> str:
        """What it wrote into the image's own folders, a path per line; nothing of :data:`ANYWHERE`."""
        found: list[str] = []
        with suppress(Exception):  # it was taken away between two looks
            found = self.running.changes() if self.running else []
        files = [path for path in found if not path.startswith(ANYWHERE) and not path.endswith(".pyc")]
        deep = [path for path in files if not any(other.startswith(f"{path}/") for other in found)]
        return "\n".join(path for path in deep if "/__pycache__" not in path)[:MOST]

    def await_hearing(self, seconds: float, otherwise: float) -> None:
        """Wait until its program hears SIGTERM, has ended, or has run for *seconds*; tells ``hears``.

        Where the kernel does not tell, ``hears`` is None, and it runs for *otherwise* seconds.
        """
        pid = self.running.pid if self.running else 0
        heard = hears(pid, init=self.plan.init) if pid else None
        before: bool | None = None
        while not (heard and before) and self.ended is None:  # twice, since a program may be starting another
            if self.now() > (otherwise if heard is None else seconds):
                break
            time.sleep(LOOK)
            now = hears(pid, init=self.plan.init)
            heard, before = (heard, before) if now is None else (now, heard)
        self.tell(hears=heard)

    def done(self, name: str = "") -> Container:
        """All that was seen of it; it is killed if it still runs, which is no fault then."""
        exit_code = self.ended.code if self.running and self.ended else None
        if self.running and self.ended is None:
            self.running.kill()
            self.running.wait(HANDED)
        finished = (
            self.running.ended_at - self._begun if self.running and self.running.ended_at else self.now()
        )
        if exit_code is not None:
            self.note("ended", finished)
        return Container(
            name=name or self.plan.alias,
            command=self.plan.command or (),
            exit_code=exit_code,
            out_of_memory=bool(self.ended and self.ended.out_of_memory),
            killed=self._killed,
            refused=self.refused,
            seconds=finished,
            stopping=None if self._asked is None else max(0.0, finished - self._asked),
            log=self.log,
            files=tuple(self._files()),
            pings=tuple(self.pings),
            exchanges=dict(self.exchanges),
            events=tuple(sorted(self._events, key=lambda event: event.at)),
            facts={**self._told, **self._first_output()},
        )

    @property
    def first_output(self) -> float | None:
        """Seconds from its start to its first words; None: it has said nothing."""
        first = self._excerpt.first
        return None if first is None else round(first - self._begun, 3)

    def _first_output(self) -> dict[str, Fact]:
        return {} if self.first_output is None else {"first_output": self.first_output}

    def _files(self) -> Iterator[File]:
        """What is below the writable folders that were made for it."""
        for mount in self._folders(self.plan) if self._folders else ():
            yield from left_files(mount.source, mount.target)
