"""Start a program in a group of its own, pass signals on, reap, and end when it and all it left have ended.

Linux gives PID 1 no default action for signals, so most programs would be deaf to SIGTERM there (SIG-02).
Therefore we are PID 1, or a subreaper under ``--init``, and the program behind us is an ordinary process.
"""

from __future__ import annotations

import os
import select
import signal
import time

import tree
from trouble import say

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
NOTICES = (signal.SIGUSR1, signal.SIGUSR2)
TAIL = 64 * 1024  # bytes of stderr that are remembered
WRITE = 4096  # bytes: POSIX lets a pipe that polls writable take this much without blocking (PIPE_BUF)
TICK = 0.1  # seconds between looks at what outlives the program
FLUSH = 1.0  # seconds that the reader of our stderr gets to take the last lines
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class Command:
    """What to start, and what stands between it and the user's program."""

    def __init__(
        self,
        argv: list[str],
        env: dict[str, str],
        *,
        cwd: str | None = None,
        wrappers: int = 0,
        toolkit: bool = False,
    ) -> None:
        self.argv, self.env, self.cwd = argv, env, cwd
        self.wrappers = wrappers
        """How many processes stand above the user's program: a base's entrypoint, the training toolkit."""
        self.toolkit = toolkit


class Patience:
    """How long to wait, in seconds."""

    def __init__(self, *, leave: float = 3.0, end: float = 3.0, stop: float = 115.0) -> None:
        self.leave = leave
        """After the program ended by itself: for what it left running, before SIGTERM (TRN-01, TRN-02)."""
        self.end = end
        """After that SIGTERM, before SIGKILL."""
        self.stop = stop
        """After a stop was asked for: for what still saves. SageMaker kills after 120 s (HAR-08)."""


class Ending:
    """How it went."""

    def __init__(self, code: int, stop: int, stderr: bytes) -> None:
        self.code = code
        """The exit code of the user's program; 128 + n if signal n killed it."""
        self.stop = stop
        """The signal that asked for a stop, or 0."""
        self.stderr = stderr
        """The last 64 KiB of stderr, if it was kept."""


def run(command: Command, *, keep_stderr: bool, patience: Patience) -> Ending:
    """Run the command to its end. Raises OSError if it cannot be started."""
    waker = _Waker()
    if os.getpid() != 1:
        _become_subreaper()
    tee = Tee() if keep_stderr else None
    if command.cwd:
        os.chdir(command.cwd)
    pid = _spawn(command, tee.write_end if tee else None)
    if tee:
        tee.started()
    return _Watch(pid, command, patience).until_over(waker, tee)


def shell_code(code: int) -> int:
    """An exit code as a shell says it: 128 + n for death by signal n, which is negative in *code*."""
    return 128 - code if code < 0 else code


def _spawn(command: Command, stderr: int | None) -> int:
    """Start the command as leader of a new session, with the signals that Python ignores put back."""
    actions = [] if stderr is None else [(os.POSIX_SPAWN_DUP2, stderr, 2)]
    ignored_by_python = [signal.SIGPIPE, signal.SIGXFSZ]
    argv = command.argv
    try:
        return os.posix_spawn(
            argv[0], argv, command.env, file_actions=actions, setsid=True, setsigdef=ignored_by_python
        )
    except NotImplementedError:  # a C library without POSIX_SPAWN_SETSID: a group is enough
        return os.posix_spawn(
            argv[0], argv, command.env, file_actions=actions, setpgroup=0, setsigdef=ignored_by_python
        )


def _become_subreaper() -> None:
    """Have orphans handed to us although we are not PID 1 (``docker run --init``)."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):  # without it we still wait for the process group
        pass


class _Waker:
    """Turns signals into bytes of a pipe, so that one loop can wait for everything."""

    def __init__(self) -> None:
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in (*STOPS, *NOTICES, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)

    def signals(self) -> list[int]:
        """What arrived since the last look."""
        try:
            return list(os.read(self.fd, 4096))
        except BlockingIOError:
            return []


class Tee:
    """Passes the program's stderr on, live and unchanged, and remembers the end of it.

    Never blocks on a reader that does not read: then a SIGTERM could not be passed on.
    """

    def __init__(self, out: int = 2) -> None:
        self.fd, self.write_end = os.pipe()
        self.tail = bytearray()
        self._out = out
        self._pending = b""
        self._open = True

    def started(self) -> None:
        """The program has its own copy of the writing end now."""
        os.close(self.write_end)
        os.set_blocking(self.fd, False)

    def interests(self) -> list[tuple[int, int]]:
        """What to poll for: room in our stderr if something waits for it, else more from the program."""
        if self._pending:
            return [(self._out, select.POLLOUT)]
        return [(self.fd, select.POLLIN)] if self._open else []

    def move(self) -> None:
        """One step: write what waits, or read what came."""
        if self._pending:
            self._write()
        elif self._open:
            self._read()

    def finish(self) -> None:
        """Pass on what is left in the pipe, as long as the reader takes it."""
        deadline = time.monotonic() + FLUSH
        while self._pending or self._open:
            patience = max(0.0, deadline - time.monotonic()) if self._pending else 0
            if not _poll(self.interests(), patience):
                return
            self.move()

    def _read(self) -> None:
        try:
            self._pending = os.read(self.fd, TAIL)
        except BlockingIOError:
            return
        self._open = bool(self._pending)
        self.tail += self._pending
        if len(self.tail) > 2 * TAIL:
            del self.tail[:-TAIL]

    def _write(self) -> None:
        try:
            self._pending = self._pending[os.write(self._out, self._pending[:WRITE]) :]
        except BlockingIOError:
            pass
        except OSError:  # nobody reads us any more: the program must not stop for that
            self._pending = b""


class _Watch:
    """The state of one run: the program, its ending, and the stop that was asked for."""

    def __init__(self, pid: int, command: Command, patience: Patience) -> None:
        self.pid = pid
        self.command = command
        self.patience = patience
        self.codes: dict[int, int] = {}  # of the program, and of orphans that ended after a stop
        self.ended_at = 0.0
        self.stop = 0
        self.stopped_at = 0.0
        self.passed_on: set[int] = set()
        self.family: dict[int, list[int]] = {}  # parent: children, when the stop came
        self.told: set[int] = set()

    def until_over(self, waker: _Waker, tee: Tee | None) -> Ending:
        """Wait, pass on, reap, tidy up."""
        while not self._over():
            interests = [(waker.fd, select.POLLIN), *(tee.interests() if tee else [])]
            ready = _poll(interests, TICK if self.ended_at else None)
            if tee and ready - {waker.fd}:
                tee.move()
            for number in waker.signals():
                self._signalled(number)
            if self.ended_at:
                self._tidy()
        if tee:
            tee.finish()
        code = self._code_of(self.pid, self.command.wrappers if self.stop else 0)
        return Ending(shell_code(code or 0), self.stop, bytes(tee.tail[-TAIL:]) if tee else b"")

    def _over(self) -> bool:
        return bool(self.ended_at) and not self._reap() and not self._send(-self.pid, 0)

    def _signalled(self, number: int) -> None:
        if number in STOPS:
            self._stop(signal.Signals(number))
        elif number in NOTICES:
            self._notify(number)
        else:
            self._reap()

    def _stop(self, number: signal.Signals) -> None:
        """Pass a stop on to the whole group (SIG-01, SIG-03), each signal once.

        A second SIGTERM is kept back (SIG-05): a handler that is saving would be entered again, in Python in
        the middle of its own work, and the file it writes would be cut. Who has lost patience can kill; who
        presses Ctrl-C twice means it.
        """
        if number in self.passed_on and number != signal.SIGINT:
            say(f"{number.name} again: the program is stopping already, so it is not passed on")
            return
        self.passed_on.add(number)
        if not self.stop:
            self.stop, self.stopped_at = number, time.monotonic()
            for process in tree.processes():
                self.family.setdefault(process.parent, []).append(process.pid)
        if number == signal.SIGINT and self.command.toolkit:
            self._end_wrappers([self.pid], self.command.wrappers)
        self._send(-self.pid, number)
        say(f"{number.name}: passed on to the program; waiting until it has ended")

    def _end_wrappers(self, pids: list[int], wrappers: int) -> None:
        """Let the toolkit die before it sees a SIGINT: on KeyboardInterrupt it would report success."""
        for pid in pids if wrappers else []:
            if not tree.catches(pid, signal.SIGTERM):
                self._send(pid, signal.SIGTERM)
            self._end_wrappers(self.family.get(pid, []), wrappers - 1)

    def _notify(self, number: int) -> None:
        """Pass SIGUSR1 and SIGUSR2 to those who have a handler; others, as the toolkit, would die of it."""
        for process in tree.processes():
            if process.group == self.pid and tree.catches(process.pid, number):
                self._send(process.pid, number)

    def _reap(self) -> bool:
        """Collect whatever ended, orphans too; whether any child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.pid or self.stop:
                self.codes[pid] = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            if pid == self.pid:
                self.ended_at = time.monotonic()

    def _tidy(self) -> None:
        """The program has ended: let what it left end as well, and see to it that it does."""
        now = time.monotonic()
        us = os.getpid()
        left = [process for process in tree.processes() if us == process.parent or self.pid == process.group]
        if self.stop:  # the group has had the signal; whoever left the group has not
            self._tell([process.pid for process in left if process.group != self.pid])
            last = self.stopped_at + self.patience.stop
        else:
            if now < self.ended_at + self.patience.leave:
                return
            self._tell([process.pid for process in left])
            last = self.ended_at + self.patience.leave + self.patience.end
        if now >= last:
            for process in left:
                self._send(process.pid, signal.SIGKILL)

    def _tell(self, pids: list[int]) -> None:
        new = [pid for pid in pids if pid not in self.told]
        if new and not self.stop:
            say(f"the program has ended, but not what it started: SIGTERM for process {str(new)[1:-1]}")
        for pid in new:
            self.told.add(pid)
            self._send(pid, signal.SIGTERM)

    def _code_of(self, pid: int, wrappers: int) -> int | None:
        """The exit code of the program under *wrappers* processes that died of the stop and have no say.

        The toolkit dies at once of SIGTERM (TTK-23) while its script is still in its handler; the script is
        then our orphan, and its code is the one that counts. None: another parent took the code.
        """
        code = self.codes.get(pid)
        if wrappers and (code is None or code < 0):
            codes = [self._code_of(child, wrappers - 1) for child in self.family.get(pid, ())]
            below = [code for code in codes if code is not None]
            return next((code for code in below if code), 0) if below else code
        return code

    @staticmethod
    def _send(pid: int, number: int) -> bool:
        """Send a signal to a process, or to a group if negative; whether there was one."""
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        except PermissionError:  # it changed its user: it is there, but not ours
            return True
        return True


def _poll(interests: list[tuple[int, int]], seconds: float | None) -> set[int]:
    """The file descriptors among *interests* that have something to do."""
    poll = select.poll()
    for fd, event in interests:
        poll.register(fd, event)
    return {fd for fd, _event in poll.poll(None if seconds is None else seconds * 1000)}
