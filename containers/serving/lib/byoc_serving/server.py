"""The ASGI server: bind, load, then listen (INF-05); one process, or several under ``workers``."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from types import FrameType
from typing import Any, Callable, List, Optional, Sequence

from byoc_serving import batch, log, machine, multi, net, usercode, workers
from byoc_serving.app import App
from byoc_serving.errors import ServingError
from byoc_serving.functions import Functions
from byoc_serving.settings import Settings, read_settings
from byoc_serving.usercode import Program
from byoc_serving.userthread import UserThread
from byoc_serving.uvicorn_server import import_uvicorn, uvicorn_server


def main(arguments: Sequence[str], started: float) -> int:
    """Serve until told to stop. *started* is when the process began, by the monotonic clock."""
    log.prepare_streams()
    try:
        return _main(arguments, started)
    except ServingError as error:
        print(error, file=sys.stderr, flush=True)
        return 1


def _main(arguments: Sequence[str], started: float) -> int:
    settings = read_settings(arguments, os.environ)
    if settings.multi_model:
        import_uvicorn()
        return multi.serve(settings, arguments, started)
    program = usercode.find_program(settings, os.environ)
    usercode.install_requirements(settings)
    os.environ.setdefault("OMP_NUM_THREADS", str(machine.threads_per_worker(settings.workers)))
    import_uvicorn()
    sock = net.bind(settings.port)
    worker = Worker(settings, program, sock)

    def ready(memory: int) -> None:
        log.say_ready(settings.port, settings.workers, memory, time.monotonic() - started)

    if settings.workers == 1:
        worker.load()
        return worker.serve(ready=lambda: ready(machine.memory()))
    return workers.supervise(worker, settings.workers, ready)


class Worker:
    """One process that holds the model and answers requests."""

    def __init__(self, settings: Settings, program: Program, sock: socket.socket) -> None:
        self.settings = settings
        self.program = program
        self.sock = sock
        self.code = 0
        self._parameters = batch.execution_parameters(settings.workers, os.environ) if settings.batch else {}
        self._server: Any = None
        self._thread = UserThread()
        self._functions: List[Functions] = []

    def load(self) -> None:
        """Load the model. Raises ServingError. SIGTERM meanwhile ends the process at once, with 0."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._thread.start(self._load)

    def serve(self, *, ready: Callable[[], None], leash: Optional[int] = None) -> int:
        """Answer requests until told to stop; the exit code. *leash* is readable once nobody supervises."""
        loop = net.new_loop()
        self._thread.serve(loop)
        app = App(self._functions[0], self._thread, self.settings.max_payload, self.end)
        app.most_requests = self.settings.most_requests
        if self._parameters:
            app.tell(self._parameters)
        self._server = uvicorn_server(app, ready)
        if leash is not None:
            loop.add_reader(leash, self.end, 1)
        loop.run_until_complete(self._server.serve(sockets=[self.sock]))
        if not self._thread.stop(seconds=1):
            _exit_now(self.code)  # user code that runs on would hold up the interpreter's own end
        return self.code

    def end(self, code: int) -> None:
        """Finish what is in flight and leave with *code*."""
        self.code = code
        self._server.should_exit = True

    def _load(self) -> None:
        module = usercode.import_program(self.program)
        log.prepare_logging()
        functions = Functions(module, self.settings.model_dir, self.settings.default_accept)
        functions.lines_for_lines = self.settings.lines_for_lines
        functions.load()
        self._functions.append(functions)

    def _stop(self, number: int, frame: Optional[FrameType]) -> None:
        if self._server is None:
            log.say("told to stop while the model was loading")
            _exit_now(0)
        self._server.should_exit = True


def _exit_now(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
