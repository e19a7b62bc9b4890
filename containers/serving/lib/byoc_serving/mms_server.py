"""multi-model-server with sagemaker-inference, behind a gate that tells the truth (STK-08).

multi-model-server answers /ping with 200 before any model is loaded, and for ever after a model failed to
load. So it listens on loopback only. Its workers report here, each over a connection that lives as long as
the worker; the gate on SageMaker's port opens when all of them have loaded, closes when none is left, and the
process ends when a model cannot be loaded (INF-20).
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from typing import AsyncIterator, Dict, Sequence

from byoc_serving import log, machine, net, usercode
from byoc_serving.errors import ServingError
from byoc_serving.gate import Gate
from byoc_serving.settings import Settings, read_settings
from byoc_serving.usercode import Program
from byoc_serving.uvicorn_server import GRACE

HANDLER = "byoc_serving.mms_handler:handle"
REPORT_TO = "BYOC_SERVING_REPORT_TO"  # variable with the path of the socket on which the workers report
PORT_RANGE = "25000-25999"  # what SageMaker says is safe (INF-18); multi-model-server takes none above 32767
STOP_SECONDS = 3  # for the Java process to end by itself, before it is killed

NOISE = (  # what multi-model-server's workers say about themselves, in the stream of the user's prints
    "model_service_worker started|Listening on port|\\[PID\\]|MMS worker|Python runtime|Connection accepted"
    "|Model model loaded|attachIOStreams|worker pid is not available|Forked worker process"
)
LOG4J = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="error">
  <Appenders>
    <Console name="OUT" target="SYSTEM_OUT">
      <LevelRangeFilter minLevel="info" maxLevel="info"/>
      <PatternLayout pattern="%m%n"/>
    </Console>
    <Console name="ERR" target="SYSTEM_ERR">
      <ThresholdFilter level="warn"/>
      <PatternLayout pattern="%m%n"/>
    </Console>
  </Appenders>
  <Loggers>
    <Logger name="com.amazonaws.ml.mms.wlm.WorkerLifeCycle" level="info">
      <RegexFilter onMatch="DENY" onMismatch="NEUTRAL" regex="(%s).*"/>
    </Logger>
    <Logger name="ACCESS_LOG" level="off"/>
    <Logger name="MODEL_METRICS" level="off"/>
    <Logger name="MMS_METRICS" level="off"/>
    <Logger name="io.netty" level="error"/>
    <Logger name="com.amazonaws.ml.mms" level="warn"/>
    <Root level="info"><AppenderRef ref="OUT"/><AppenderRef ref="ERR"/></Root>
  </Loggers>
</Configuration>
""".replace("%s", NOISE)
"""What the user's code prints goes to stdout and stderr as it is; no line per request, no files."""


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
    _refuse_multi_model(settings)
    program = usercode.find_program(settings, os.environ)
    check_parts()
    usercode.install_requirements(settings)
    sock = net.bind(settings.port)
    with tempfile.TemporaryDirectory(prefix="byoc-mms-") as folder:
        return net.new_loop().run_until_complete(Mms(settings, program, folder, started).serve(sock))


def _refuse_multi_model(settings: Settings) -> None:
    if settings.multi_model:
        raise ServingError(
            "this image cannot serve a multi-model endpoint",
            why="sagemaker-inference cannot import each model's own code (STK-14)",
            fix='build it with [serve] server = "asgi" and "multi-model" in [image] targets',
        )


def check_parts() -> None:
    """Raises ServingError naming what multi-model-server needs and this image lacks (STK-02)."""
    java = os.path.join(os.environ.get("JAVA_HOME", ""), "bin", "java")
    missing = [] if os.path.isfile(java) or shutil.which("java") else ["java"]
    missing += [name for name in ("mms", "sagemaker_inference") if importlib.util.find_spec(name) is None]
    if missing:
        raise ServingError(
            "multi-model-server cannot start",
            why="the image lacks " + ", ".join(missing),
            fix='build the image with byoc and [serve] server = "mms", which adds them',
        )


class Mms:
    """One multi-model-server, its workers' reports, and the gate."""

    def __init__(self, settings: Settings, program: Program, folder: str, started: float) -> None:
        self.settings = settings
        self.program = program
        self.folder = folder
        self.started = started
        self.loaded = 0
        """Workers that can predict."""
        self.opened = False
        """Whether all were there once; from then on one is enough to answer."""
        self.short_since = time.monotonic()
        """Since when there have been fewer than there should be."""

    async def serve(self, sock: socket.socket) -> int:
        """Run until SIGTERM (0), or until serving is not possible any more (1)."""
        loop = asyncio.get_running_loop()
        self.end: "asyncio.Future[int]" = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end, 0)
        port, management = net.free_ports(2, os.environ.get("SAGEMAKER_SAFE_PORT_RANGE") or PORT_RANGE)
        self.gate = Gate(sock, port)
        reports = await asyncio.start_unix_server(self._hear, self._path("reports"))
        await self.gate.start()
        process = await self._start(port, management)
        watches = [
            asyncio.ensure_future(watch) for watch in (self._watch_process(process), self._watch_clock())
        ]
        code = await self.end
        await self.gate.drain(GRACE if code == 0 else 0)
        for watch in watches:
            watch.cancel()
        reports.close()
        await _stop(process)
        return code

    async def _start(self, port: int, management: int) -> "asyncio.subprocess.Process":
        model_dir = self._model_dir()
        properties = self._properties(port, management)
        self._write("mms.properties", "".join("{}={}\n".format(*pair) for pair in properties.items()))
        self._write("log4j2.xml", LOG4J)
        # fmt: off
        command = [
            sys.executable, "-m", "mms.model_server", "--start", "--foreground", "--model-store", "/",
            "--mms-config", self._path("mms.properties"), "--log-config", self._path("log4j2.xml"),
            "--models", "model=" + model_dir,
        ]
        # fmt: on
        return await asyncio.create_subprocess_exec(
            *command, env=dict(os.environ, **self._environ()), cwd=self.folder, start_new_session=True
        )

    def _properties(self, port: int, management: int) -> Dict[str, object]:
        from sagemaker_inference.environment import Environment  # type: ignore[import-not-found, unused-ignore]

        toolkit = Environment()
        properties: Dict[str, object] = {
            "enable_envvars_config": "true",
            "decode_input_request": "false",
            "inference_address": "http://127.0.0.1:{}".format(port),
            # a port of its own, or POST /models would be there for every client
            "management_address": "http://127.0.0.1:{}".format(management),
            "default_service_handler": HANDLER,
            "default_workers_per_model": self.settings.workers,
            "default_response_timeout": toolkit.model_server_timeout,
            "vmargs": toolkit.vmargs,
            # the properties are 32-bit numbers
            "max_request_size": min(self.settings.max_payload, 2**31 - 1),
            "max_response_size": min(self.settings.max_payload, 2**31 - 1),
        }
        if toolkit.model_server_timeout_seconds:
            properties["default_response_timeout_seconds"] = toolkit.model_server_timeout_seconds
        return properties

    def _environ(self) -> Dict[str, str]:
        library = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        paths = [*self.program.import_folders, library, os.environ.get("PYTHONPATH", "")]
        threads = machine.threads_per_worker(self.settings.workers)
        return {
            REPORT_TO: self._path("reports"),
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)),
            "SAGEMAKER_PROGRAM": os.path.basename(self.program.name),
            # multi-model-server keeps sockets and a pid file there; a stale one would stop the next start
            "TEMP": self.folder,
            "TMPDIR": self.folder,
        }

    def _model_dir(self) -> str:
        """multi-model-server demands that the folder exists; SageMaker does not promise it (INF-16)."""
        try:
            os.makedirs(self.settings.model_dir, exist_ok=True)
        except OSError as error:
            raise ServingError(
                "{} is not there and cannot be made".format(self.settings.model_dir),
                why="{}; multi-model-server cannot start without it".format(error),
                fix='give the endpoint a model, or use [serve] server = "asgi", which needs none',
            ) from error
        return self.settings.model_dir

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Follow one worker from its birth to its death."""
        state = ""
        async for line in _lines(reader):
            report = json.loads(line)
            state = report["state"]
            if state == "loaded":
                await self._count(+1, report["memory"])
            elif self.end.done():  # what several workers report is said once
                continue
            elif state == "failed":
                print(report["error"], file=sys.stderr, flush=True)
                self._end(1)
            elif state == "lost":
                log.say("a worker cannot predict any more; ending, so that the container is replaced")
                self._end(1)
        writer.close()
        if state == "loaded":
            await self._count(-1, 0)
        elif state == "loading" and not self.end.done():
            log.say("a worker ended while it loaded the model; killed often means out of memory")
            self._end(1)

    async def _count(self, change: int, memory: int) -> None:
        self.loaded += change
        if self.end.done():
            return
        if change < 0:
            log.say("a worker ended; multi-model-server starts another")
            self.short_since = time.monotonic()
            if not self.loaded:
                self.gate.close()
        elif not self.gate.is_open and (self.loaded >= self.settings.workers or self.opened):
            await self._open(memory)

    async def _open(self, memory: int) -> None:
        while not await _accepts(self.gate.port):
            await asyncio.sleep(0.05)
        self.gate.open()
        if not self.opened:
            seconds = time.monotonic() - self.started
            log.say_ready(self.settings.port, self.settings.workers, memory, seconds)
        self.opened = True

    async def _watch_process(self, process: "asyncio.subprocess.Process") -> None:
        code = await process.wait()
        log.say("multi-model-server ended by itself (exit code {}); its own words are above".format(code))
        self._end(1)

    async def _watch_clock(self) -> None:
        while self.loaded >= self.settings.workers or not self._late():
            await asyncio.sleep(1)
        text = "{} of {} workers have a model after {} s (SAGEMAKER_STARTUP_TIMEOUT)"
        log.say(text.format(self.loaded, self.settings.workers, self.settings.startup_timeout))
        self._end(1)

    def _late(self) -> bool:
        return time.monotonic() - self.short_since > self.settings.startup_timeout

    def _end(self, code: int) -> None:
        if not self.end.done():
            self.end.set_result(code)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _write(self, name: str, text: str) -> None:
        with open(self._path(name), "w", encoding="utf-8") as stream:
            stream.write(text)


async def _lines(reader: asyncio.StreamReader) -> "AsyncIterator[bytes]":
    """Lines until the other end is gone, however it went."""
    while True:
        try:
            line = await reader.readline()
        except ConnectionError:
            return
        if not line:
            return
        yield line


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def _stop(process: "asyncio.subprocess.Process") -> None:
    """End the Java process and every worker: they are one process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except asyncio.TimeoutError:
            continue
