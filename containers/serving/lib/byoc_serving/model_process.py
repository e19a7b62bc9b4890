"""The process of one model: it loads it, answers over a Unix socket, and ends with the server.

A process of its own gives every model its own modules under the names that its pickles know, and its own
packages where it brings a ``requirements.txt``. All of its memory is free once it is unloaded (MME-04), and
a model that crashes takes no other with it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from typing import Any, Dict, List, Optional, Sequence

from byoc_serving import log, machine, net, usercode, wire
from byoc_serving.app import App
from byoc_serving.child import NO_MEMORY
from byoc_serving.errors import ModelLoadError, ServingError, is_out_of_memory, status_of
from byoc_serving.functions import Functions
from byoc_serving.settings import Settings, read_settings
from byoc_serving.usercode import Program
from byoc_serving.userthread import UserThread

FIRST_TO_GO = 1000  # the kernel's word for "kill this one first when memory is short", while a model loads


class ModelApp(App):
    """Answers for one of many models."""

    OUT_OF_MEMORY = NO_MEMORY

    def __init__(self, functions: Functions, thread: UserThread, settings: Settings, over: Over) -> None:
        super().__init__(functions, thread, settings.max_payload, over.end)
        self.most_requests = settings.most_requests
        self._over = over

    def _report(self, error: BaseException) -> None:
        super()._report(error)
        if not self._healthy:
            self._over.refuse()  # before this answer goes out: the next request must find another process


class Over:
    """The end of this process: told by the server, or by an error that it cannot survive."""

    def __init__(self, loop: asyncio.AbstractEventLoop, path: str) -> None:
        self.code: "asyncio.Future[int]" = loop.create_future()
        self._path = path

    def end(self, code: int) -> None:
        """End with *code*."""
        if not self.code.done():
            self.code.set_result(code)

    def refuse(self) -> None:
        """Take no more requests."""
        if os.path.exists(self._path):
            os.unlink(self._path)


def main(arguments: Sequence[str]) -> None:
    """Load, report, answer until the server closes its line. Does not return."""
    options, rest = _parser().parse_known_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # the server decides; what we start has the usual actions
    line = socket.socket(fileno=options.line)
    code = 1
    try:
        code = _live(options, rest, line)
    except ServingError as error:
        _report(line, error=str(error), said=_said(error), status=_status(error))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _live(options: argparse.Namespace, rest: List[str], line: socket.socket) -> int:
    log.prepare_streams()
    settings = read_settings(rest, os.environ)
    program = usercode.find_program(settings, os.environ)
    if not options.prepared and usercode.wants_requirements(settings):
        _restart_in(_environment(options.folder), settings)
    line.set_inheritable(False)  # the server must see us end, whatever the model's code leaves running
    usual = _set_oom_score(FIRST_TO_GO)
    process = ModelProcess(settings, program, options.name)
    process.load()
    _set_oom_score(usual)
    return process.serve(os.path.join(options.folder, "socket"), line)


class ModelProcess:
    """The model, its functions, and the thread that runs them."""

    def __init__(self, settings: Settings, program: Program, name: str) -> None:
        self.settings = settings
        self.program = program
        self.name = name
        self._thread = UserThread()
        self._functions: List[Functions] = []

    def load(self) -> None:
        """Load the model. Raises ServingError."""
        self._thread.start(self._load)

    def serve(self, path: str, line: socket.socket) -> int:
        """Say that the model is there, and answer at *path* until the server closes *line*; the exit code."""
        loop = net.new_loop()
        self._thread.serve(loop)
        over = Over(loop, path)
        app = ModelApp(self._functions[0], self._thread, self.settings, over)
        loop.run_until_complete(wire.serve(app, path))
        loop.add_reader(line.fileno(), over.end, 0)
        _report(line, memory=machine.memory())
        return loop.run_until_complete(over.code)

    def _load(self) -> None:
        module = usercode.import_program(self.program)
        log.prepare_logging()
        functions = Functions(module, self.settings.model_dir, self.settings.default_accept, self.name)
        functions.load()
        self._functions.append(functions)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="byoc-serving-model", allow_abbrev=False)
    parser.add_argument("--name", required=True, help="what the service calls the model")
    parser.add_argument("--folder", required=True, help="a folder of this process's own")
    parser.add_argument("--line", required=True, type=int, help="socket to report on; closed, all is over")
    parser.add_argument("--prepared", action="store_true", help="its requirements are installed")
    return parser


def _environment(folder: str) -> str:
    """A Python that has what this one has and can be added to: the interpreter's path."""
    import venv

    place = os.path.join(folder, "venv")
    venv.create(place, symlinks=True)
    library = "python{}.{}".format(*sys.version_info)
    site = os.path.join(place, "lib", library, "site-packages")
    seen = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    with open(os.path.join(site, "byoc.pth"), "w", encoding="utf-8") as stream:
        stream.writelines(path + "\n" for path in seen)
    return os.path.join(place, "bin", "python")


def _restart_in(python: str, settings: Settings) -> None:
    """Install the model's packages where no other model sees them, and begin again with them."""
    usercode.install_requirements(settings, python)
    starter = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir, "model.py")
    os.execv(python, [python, os.path.normpath(starter), *sys.argv[1:], "--prepared"])  # noqa: S606


def _set_oom_score(score: Optional[int]) -> Optional[int]:
    """Set our place in the kernel's list of victims; what it was before, None if nothing can be done."""
    try:
        with open("/proc/self/oom_score_adj", "r+") as stream:
            before = int(stream.read())
            if score is not None:
                stream.write(str(score))
            return before
    except (OSError, ValueError):
        return None


def _status(error: ServingError) -> int:
    cause = error.cause if isinstance(error, ModelLoadError) else error
    return NO_MEMORY if is_out_of_memory(cause) else status_of(cause)


def _said(error: ServingError) -> str:
    return "{}: {}".format(error.what, error.why) if error.why else error.what


def _report(line: socket.socket, **words: Any) -> None:
    report: Dict[str, Any] = words
    line.sendall(json.dumps(report).encode() + b"\n")
