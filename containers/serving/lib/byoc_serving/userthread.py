"""The one thread that runs the user's code: it loads the model, and then predicts, one request at a time.

Everything of the user's happens here, so state that libraries keep per thread (a CUDA device, ``no_grad``, a
database connection) is the same while loading and while predicting. The event loop stays free for /ping
(INF-21).
"""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import Any, Callable, Optional, Tuple

Outcome = Tuple[Any, Optional[BaseException]]
"""What a job gave, or what it raised. A pair: a future refuses StopIteration, and a loop obeys SystemExit."""

Job = Tuple["asyncio.Future[Outcome]", Callable[..., Any], Tuple[Any, ...]]


class UserThread:
    """A lane for jobs. Daemonic: a prediction that never ends does not keep the process."""

    def __init__(self) -> None:
        self.unfinished = 0
        """Jobs handed in and not done; only the event loop's thread changes it."""
        self._jobs: "queue.SimpleQueue[Optional[Job]]" = queue.SimpleQueue()
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._loaded: "queue.SimpleQueue[Optional[BaseException]]" = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="user-code", daemon=True)

    def start(self, load: Callable[[], None]) -> None:
        """Run *load* first, and wait for it. Raises what it raises."""
        self._load = load
        self._thread.start()
        error = self._loaded.get()
        if error is not None:
            raise error

    def serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take jobs from *loop* from now on."""
        self._loop = loop

    def run(self, function: Callable[..., Any], *arguments: Any) -> "asyncio.Future[Outcome]":
        """The outcome of ``function(*arguments)``, some day; cancelled before its turn it is left out."""
        assert self._loop is not None
        future = self._loop.create_future()
        self.unfinished += 1
        self._jobs.put((future, function, arguments))
        return future

    def stop(self, seconds: float) -> bool:
        """End the thread after what is queued; whether that took less than *seconds*."""
        self._jobs.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            self._load()
        except BaseException as error:  # noqa: BLE001 - told to the starting thread, whatever it is
            self._loaded.put(error)
            return
        self._loaded.put(None)
        for future, function, arguments in iter(self._jobs.get, None):
            outcome: Outcome = (None, None)
            try:
                if not future.cancelled():
                    outcome = (function(*arguments), None)
            except BaseException as error:  # noqa: BLE001 - SystemExit must reach the loop, too
                outcome = (None, error)
            self._tell(future, outcome)
            del future, function, arguments, outcome  # or the last request would live until the next

    def _tell(self, future: "asyncio.Future[Outcome]", outcome: Outcome) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._settle, future, outcome)
        except RuntimeError:  # the loop was closed: the server has stopped, nobody waits
            return

    def _settle(self, future: "asyncio.Future[Outcome]", outcome: Outcome) -> None:
        self.unfinished -= 1
        if not future.done():
            future.set_result(outcome)
