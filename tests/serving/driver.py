"""The servers of ``containers/serving`` as processes of their own, and a client for them."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

SERVING = Path(__file__).parents[2] / "containers" / "serving"
START_SECONDS = 40.0
PYTHON = os.environ.get("SERVING_PYTHON", sys.executable)
"""What the servers run on: another Python than that of the tests, e.g. the oldest that images have."""

ECHO = """
def model_fn(model_dir):
    return 10

def predict_fn(data, model):
    return data
"""
"""A program that gives back what its input decodes to."""


@dataclass
class Answer:
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> str:
        """The sentence in the body of a refusal."""
        return str(json.loads(self.body)["error"])


@dataclass
class Client:
    """Somebody who talks to a server."""

    host: str
    port: int

    def connect(self, timeout: float = 20) -> http.client.HTTPConnection:
        """A new connection; close it."""
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own."""
        with contextlib.closing(self.connect()) as connection:
            return ask(connection, method, path, body, headers)

    def predict(
        self, body: bytes | Iterator[bytes], content_type: str = "application/json", **headers: str
    ) -> Answer:
        """POST /invocations; ``accept="text/csv"`` and the like are headers."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", "/invocations", body, {"content-type": content_type, **given})

    def ping(self, timeout: float = 2) -> int:
        """The status of /ping within SageMaker's two seconds (INF-02), or 0 if nobody listens."""
        try:
            with contextlib.closing(self.connect(timeout)) as connection:
                return ask(connection, "GET", "/ping").status
        except (ConnectionRefusedError, ConnectionResetError):
            return 0


@dataclass
class Running(Client):
    """A server in a process, on loopback."""

    process: "subprocess.Popen[bytes]"
    folder: Path

    def wait_until_ready(self) -> None:
        """Wait for a /ping of 200. Fails with the server's own words if it ends instead."""
        until(lambda: self.ping() == 200 or self.process.poll() is not None, START_SECONDS)
        assert self.process.poll() is None, self.stderr

    def terminate(self, timeout: float = 20) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    @property
    def stderr(self) -> str:
        """What the server has said so far."""
        return (self.folder / "stderr").read_text(encoding="utf-8")

    @property
    def stdout(self) -> str:
        """What the user's code has printed so far."""
        return (self.folder / "stdout").read_text(encoding="utf-8")


@dataclass
class Layout:
    """Folders that a server is started with."""

    folder: Path
    model: Path = field(init=False)
    code: Path = field(init=False)

    def __post_init__(self) -> None:
        self.model = self.folder / "model"
        self.code = self.folder / "program"
        self.model.mkdir()
        self.code.mkdir()

    def program(self, text: str, name: str = "inference.py") -> None:
        """Bake a program."""
        write(self.code / name, text)

    def model_code(self, text: str, name: str = "inference.py") -> None:
        """Ship a file with the model, as the SDK does."""
        write(self.model / "code" / name, text)

    @contextlib.contextmanager
    def start(
        self,
        *arguments: str,
        starter: Path = SERVING,
        env: Mapping[str, str] | None = None,
        wait: bool = True,
        code: bool = True,
        workers: int | None = 1,
    ) -> Iterator[Running]:
        """A server; killed at the end if it still runs. *workers* None: the server decides."""
        port = free_port()
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("SAGEMAKER_", "PYTHON"))}
        scratch = tempfile.mkdtemp()  # short: sockets are made below it
        environ |= {"SAGEMAKER_BIND_TO_PORT": str(port), "TMPDIR": scratch} | dict(env or {})
        command = [PYTHON, str(starter), "--model-dir", str(self.model)]
        command += ["--code", str(self.code)] if code else []
        if "--workers" not in arguments and workers:
            command += ["--workers", str(workers)]
        with (self.folder / "stdout").open("wb") as out, (self.folder / "stderr").open("wb") as err:
            process = subprocess.Popen(
                [*command, *arguments], env=environ, stdout=out, stderr=err, start_new_session=True
            )
            running = Running("127.0.0.1", port, process, self.folder)
            try:
                if wait:
                    running.wait_until_ready()
                yield running
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                shutil.rmtree(scratch, ignore_errors=True)

    def fail(self, *arguments: str, env: Mapping[str, str] | None = None, code: bool = True) -> Running:
        """A server that is expected to end by itself, soon, with a code other than 0."""
        with self.start(*arguments, env=env, wait=False, code=code) as running:
            assert running.process.wait(START_SECONDS) not in {0, -signal.SIGKILL}
            return running


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | Iterator[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request on an open connection."""
    connection.request(method, path, body=body, headers=dict(headers or {}))
    response = connection.getresponse()
    given = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, given, response.read())


def first_word(client: Client, length: int) -> int:
    """What the server says to a body of that length before it is sent."""
    with socket.create_connection((client.host, client.port), timeout=10) as sock:
        head = f"host: x\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n"
        sock.sendall(b"POST /invocations HTTP/1.1\r\n" + head.encode())
        return int(sock.recv(64).split()[1])


def free_port() -> int:
    """A port of loopback that nobody uses at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def until(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def write(path: Path, text: str) -> None:
    """A file with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")


def wheel(folder: Path, name: str) -> Path:
    """A distribution with one empty module."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path
