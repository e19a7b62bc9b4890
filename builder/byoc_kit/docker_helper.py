"""Containers that byoc needs for a moment: to look into an image, to change owners. None outlives its use.

Everything byoc makes in the engine carries the labels ``byoc.run`` and ``byoc.owner``; what a killed byoc
left is found by them and removed by the next run.
"""

import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import docker

__all__ = ["OWNER", "RUN", "helper", "in_one_piece", "owner", "printed", "started_at", "uninterrupted"]

RUN = "byoc.run"
OWNER = "byoc.owner"

T = TypeVar("T")


def owner() -> str:
    """This process, so that another can tell whether it still lives: host, process id, start time."""
    return f"{socket.gethostname()}:{os.getpid()}:{started_at(os.getpid())}"


def started_at(pid: int) -> str:
    """When *pid* started, in the kernel's ticks; empty where /proc does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


@contextmanager
def helper(client: "docker.DockerClient", image: str, **asked: Any) -> Iterator[Any]:
    """A container of *image*, made but not started, and removed at the end whatever ends the use of it.

    *asked*: as docker-py's ``containers.create`` takes it. Raises APIError where it cannot be made.
    """
    run = f"look-{uuid.uuid4().hex[:10]}"
    name = f"byoc-{run}"
    labels = {RUN: run, OWNER: owner()}
    try:
        yield in_one_piece(lambda: client.containers.create(image, name=name, labels=labels, **asked))
    finally:
        uninterrupted(lambda: client.api.remove_container(name, force=True, v=True))


def printed(client: "docker.DockerClient", image: str, *, seconds: float, **asked: Any) -> list[str]:
    """The lines that a helper of *image* prints to stdout until it ends.

    Raises APIError where it cannot be made or started, another RequestException after *seconds*.
    """
    with helper(client, image, **asked) as container:
        container.start()
        container.wait(timeout=seconds)
        text: bytes = container.logs(stdout=True, stderr=False)
        return text.decode(errors="replace").splitlines()


def in_one_piece(work: Callable[[], T]) -> T:
    """What *work* gives. Ctrl-C or SIGTERM take effect when it has ended; a second one at once.

    For requests that make something: one that is broken off may make it all the same, after all was removed.
    """
    once = _Once(work)
    try:
        once.wait()
    except (KeyboardInterrupt, SystemExit):
        if not once.claim():  # it has begun
            once.done.exception()
        raise
    return once.done.result()


def uninterrupted(work: Callable[[], object]) -> None:
    """Do *work* to its end although Ctrl-C or SIGTERM come meanwhile; its errors are of no use any more."""
    once = _Once(work)
    while not once.done.done():
        with suppress(KeyboardInterrupt, SystemExit):
            once.wait()


class _Once(Generic[T]):
    """Work that is done once, in a thread that signals do not reach, however often it is waited for.

    Who waits waits for the future: an interrupted Thread.join() takes the thread for ended (seen in 3.11),
    and an interrupted Thread.start() does not tell whether it has begun.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work, self._claimed = work, threading.Lock()
        self.done: Future[T] = Future()

    def claim(self) -> bool:
        """Whether nobody does the work; from now on nobody but the caller will."""
        return self._claimed.acquire(blocking=False)

    def wait(self) -> None:
        """Begin it, unless it has begun, and wait for its end."""
        threading.Thread(target=self._do, daemon=True).start()
        self.done.exception()

    def _do(self) -> None:
        if self.claim():
            try:
                self.done.set_result(self._work())
            except BaseException as error:  # raised again by who asked
                self.done.set_exception(error)
