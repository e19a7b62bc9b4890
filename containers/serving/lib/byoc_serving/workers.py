"""Several workers on one socket.

The processes are forked before anything of the user's is imported: at that moment there is one thread and no
library state, so a fork is as clean as a new process, starts at once, and takes the bound socket with it.
Nobody listens until *every* worker has its model, so the first answer to /ping speaks for all (INF-05). They
share one socket: a worker that is busy leaves the next connection to one that is not.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
import traceback
from types import FrameType
from typing import TYPE_CHECKING, Callable, Dict, Optional

from byoc_serving import machine, net
from byoc_serving.errors import ServingError
from byoc_serving.log import say

if TYPE_CHECKING:
    from byoc_serving.server import Worker


def supervise(worker: Worker, count: int, ready: Callable[[int], None]) -> int:
    """Run *count* copies of *worker* until one dies (its code, never 0) or SIGTERM (0)."""
    crew = Crew(worker, count)
    try:
        memory = crew.wait_until_loaded()
        if crew.stopping:
            return crew.wait()
        worker.sock.listen(net.BACKLOG)
        crew.go()
        ready(memory)
        worker.sock.close()  # the workers' copies stay; a port held open here would outlive them
        return crew.wait()
    finally:
        crew.kill()


class Crew:
    """The worker processes, with a line to each: it reports, is told to go, and either sees the other end."""

    def __init__(self, worker: Worker, count: int) -> None:
        self.stopping = False
        self._lines: Dict[int, socket.socket] = {}
        """By process id."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for _ in range(count):
            self._fork(worker)

    def wait_until_loaded(self) -> int:
        """The most memory that a worker has, in bytes, once all have loaded. Raises ServingError."""
        memory = 0
        with selectors.DefaultSelector() as selector:
            for pid, line in self._lines.items():
                selector.register(line, selectors.EVENT_READ, pid)
            while selector.get_map():
                for key, _ in selector.select():
                    selector.unregister(key.fileobj)
                    memory = max(memory, self._read_report(key.data))
        return memory

    def go(self) -> None:
        """Let the workers answer requests."""
        for line in self._lines.values():
            line.sendall(b"g")

    def wait(self) -> int:
        """Wait until all have ended because they were told to (0), or one did on its own (its code)."""
        while self._lines:
            pid, status = os.wait()
            if self._lines.pop(pid, None) is not None and not self.stopping:
                code = _code(status)
                say("worker {} ended ({}); the server ends with it".format(pid, _words(code)))
                self._stop(signal.SIGTERM, None)
                self.wait()
                return code or 1
        return 0

    def kill(self) -> None:
        """End what is left, at once."""
        for pid in self._lines:
            _send(pid, signal.SIGKILL)

    def _fork(self, worker: Worker) -> None:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            # a copy left open here would hide from the others that the supervisor is gone
            for line in (ours, *self._lines.values()):
                line.close()
            _run(worker, theirs)
        theirs.close()
        self._lines[pid] = ours

    def _read_report(self, pid: int) -> int:
        with self._lines[pid].makefile(encoding="utf-8") as stream:
            line = stream.readline()
        if self.stopping:
            return 0
        if not line:
            status = os.waitpid(pid, 0)[1]
            del self._lines[pid]
            raise ServingError(
                "a worker ended while it loaded the model ({})".format(_words(_code(status))),
                why="it was killed, or the model's code ended the process; killed often means out of memory",
                fix="give the container more memory, or fewer workers with [serve] workers",
            )
        report = json.loads(line)
        if "error" in report:
            raise ReportedError(report["error"])
        return int(report["memory"])

    def _stop(self, number: int, frame: Optional[FrameType]) -> None:
        self.stopping = True
        for pid in self._lines:
            _send(pid, signal.SIGTERM)


class ReportedError(ServingError):
    """A worker's own words, complete."""

    def __str__(self) -> str:
        return self.what


def _run(worker: Worker, line: socket.socket) -> None:
    """The life of one worker. Never returns into the code of the process it was forked from."""
    code = 1
    try:
        code = _work(worker, line)
    except BaseException:  # noqa: BLE001 - nothing may escape into the supervisor's copy of the stack
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _work(worker: Worker, line: socket.socket) -> int:
    try:
        worker.load()
    except ServingError as error:
        line.sendall(json.dumps({"error": str(error)}).encode() + b"\n")
        return 1
    line.sendall(json.dumps({"memory": machine.memory()}).encode() + b"\n")
    if not line.recv(1):  # the supervisor is gone
        return 1
    return worker.serve(ready=lambda: None, leash=line.fileno())


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _code(status: int) -> int:
    """What a shell would show: 128 + signal for a death by signal."""
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _words(code: int) -> str:
    return "killed by signal {}".format(code - 128) if code > 128 else "exit code {}".format(code)
