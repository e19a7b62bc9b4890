"""The server of a multi-model endpoint: HTTP here, each model in a process of its own (MME-08, MME-10)."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from typing import Any, List, Sequence

from byoc_serving import log, machine, net
from byoc_serving.errors import ServingError
from byoc_serving.models import Models
from byoc_serving.models_app import ModelsApp
from byoc_serving.settings import Settings
from byoc_serving.uvicorn_server import uvicorn_server

LONGEST = 85  # bytes; what comes after it is "/tmpXXXXXXXX/socket"


def serve(settings: Settings, arguments: Sequence[str], started: float) -> int:
    """Serve until told to stop; the exit code. *arguments* are handed to the process of each model."""
    os.environ.setdefault("OMP_NUM_THREADS", str(machine.cpus()))
    sock = net.bind(settings.port)
    with tempfile.TemporaryDirectory(prefix="byoc-models-") as folder:
        _refuse_long(folder)
        models = Models(arguments, folder)
        server = uvicorn_server(
            ModelsApp(models),
            ready=lambda: _say_ready(settings.port, time.monotonic() - started),
            stopping=models.stop_loading,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        net.new_loop().run_until_complete(_until_stopped(server, models, [sock]))
    return 0


def _refuse_long(folder: str) -> None:
    """The models answer at Unix sockets below *folder*, and the path of one has 107 bytes at most."""
    if len(os.fsencode(folder)) > LONGEST:
        raise ServingError(
            "the temporary folder {} has too long a name".format(folder),
            why="the server talks to its models over sockets in it, whose paths have a limit",
            fix="set TMPDIR to a folder with a short name, or leave it out",
        )


async def _until_stopped(server: Any, models: Models, sockets: List[Any]) -> None:
    try:
        await server.serve(sockets=sockets)
    finally:
        await models.close()


def _say_ready(port: int, seconds: float) -> None:
    log.say("ready on port {} in {:.2f} s for any number of models, without one yet".format(port, seconds))
