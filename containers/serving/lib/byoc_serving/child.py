"""A process that holds one model, seen from the server: its start, its report, its end."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from typing import Any, Dict, Sequence

from byoc_serving.errors import RequestError

NO_MEMORY = 507  # Insufficient Storage: the service unloads other models and tries again (MME-01, MME-05)
LOAD_SECONDS = 360  # the service waits no longer (MME-07)
LARGEST_REPORT = 1 << 24  # bytes; the traceback of a model's error is in it
END_SECONDS = 3  # for a process to end by itself


class Child:
    """It reports on a line that stays open as long as both live: either sees the other end."""

    def __init__(
        self,
        process: "asyncio.subprocess.Process",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        folder: str,
    ) -> None:
        self.path = os.path.join(folder, "socket")
        """Where it answers, once it has loaded."""
        self.memory = 0
        """Its resident bytes then."""
        self.ended = asyncio.ensure_future(process.wait())
        """Done, with its exit code, when it is gone."""
        self._process, self._reader, self._writer, self._folder = process, reader, writer, folder

    @classmethod
    async def start(cls, command: Sequence[str], parent: str) -> "Child":
        """Start *command*; it is told the number of its line, and a folder of its own below *parent*.

        Raises RequestError 507 where there is no room for one more process.
        """
        try:
            folder = tempfile.mkdtemp(dir=parent)
            ours, theirs = socket.socketpair()
            with theirs:
                number = theirs.fileno()
                process = await asyncio.create_subprocess_exec(
                    *command,
                    *("--folder", folder, "--line", str(number)),
                    pass_fds=[number],
                    start_new_session=True,
                )
            reader, writer = await asyncio.open_unix_connection(sock=ours, limit=LARGEST_REPORT)
        except OSError as error:
            text = "one more process cannot be started: {}".format(error)
            raise RequestError(NO_MEMORY, text) from error
        return cls(process, reader, writer, folder)

    async def loaded(self) -> None:
        """Wait until it has its model. Raises RequestError if there will be none."""
        report = asyncio.ensure_future(self._reader.readline())
        # what the model's code has started may hold the line open when the process itself has ended
        await asyncio.wait({report, self.ended}, timeout=LOAD_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not (report.done() or self.ended.done()):
            report.cancel()
            raise RequestError(504, "the model did not load in {} s".format(LOAD_SECONDS))
        if not report.done() or report.exception() or not report.result():
            report.cancel()
            raise await self.why_lost("while it loaded the model")
        told: Dict[str, Any] = json.loads(report.result())
        if "error" in told:
            print(told["error"], file=sys.stderr, flush=True)
            raise RequestError(told["status"], told["said"])
        self.memory = told["memory"]

    async def why_lost(self, when: str) -> RequestError:
        """What to say when it stopped talking. Killed means out of memory: nobody else kills it."""
        await asyncio.wait({self.ended}, timeout=END_SECONDS)
        code = self.ended.result() if self.ended.done() else None
        if code == -signal.SIGKILL:
            return RequestError(NO_MEMORY, "the model's process was killed {}: out of memory".format(when))
        words = "hung" if code is None else "ended (code {})".format(code)
        return RequestError(500, "the model's process {} {}".format(words, when))

    async def end(self) -> None:
        """End it; when this returns its memory is free (MME-04)."""
        self._writer.close()
        await asyncio.wait({self.ended}, timeout=END_SECONDS)
        self.kill()
        await self.ended
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self) -> None:
        """End it and all it started, at once."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def refuse_links(folder: str) -> None:
    """Raises RequestError 400 unless *folder* is one, without links that lead out of it.

    Such a link would let a model read another one's files, or the container's (INF-15).
    """
    if not os.path.isdir(folder):
        raise RequestError(400, "there is no folder {}".format(folder))
    root = os.path.realpath(folder)
    for place, folders, files in os.walk(root):
        for path in (os.path.join(place, name) for name in folders + files):
            target = os.path.realpath(path)
            if os.path.islink(path) and os.path.commonpath([root, target]) != root:
                name = os.path.relpath(path, root)
                raise RequestError(400, "{} in the model is a link that leads out of it".format(name))
