"""What serving costs: CPU per request, requests per second, memory for a large body, one of many models.

    python benchmarks/serving.py [--image-asgi REF --image-mms REF]

Both sides of a comparison run alternately in one go, and medians are compared: the machine's mood touches
both.
The second figure needs two images, one per server; a trivial program is mounted over theirs.
"""

import argparse
import contextlib
import http.client
import json
import os
import re
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import docker

SERVING = Path(__file__).parents[1] / "containers" / "serving"
STREAMS = """
def model_fn(model_dir):
    return 1

def input_stream_fn(stream, content_type):
    return sum(map(len, iter(lambda: stream.read(1 << 20), b"")))

def predict_fn(data, model):
    return data
"""
PROGRAM = "def model_fn(model_dir):\n    return 1\n\ndef predict_fn(data, model):\n    return data\n"
BODY = b"[1, 2, 3]"
REQUEST = (
    b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    % len(BODY)
) + BODY
CONNECTIONS = 8
ROUNDS = 9
CPU_REQUESTS = 4000  # per round
RATE_SECONDS = 3.0  # per round
GOAL_CPU, GOAL_RATIO = 100, 3  # microseconds; times
GOAL_MEMORY = 60  # MB above what the server takes without a request
LARGE = 1000  # MiB in one body: what an asynchronous endpoint may send (ASY-01)
MIB = bytes(1 << 20)

CONSTANT = """
import sys, uvicorn
START = {"type": "http.response.start", "status": 200,
         "headers": [(b"content-length", b"9"), (b"content-type", b"application/json")]}
BODY = {"type": "http.response.body", "body": b"[1, 2, 3]"}
async def app(scope, receive, send):
    await send(START)
    await send(BODY)
uvicorn.run(app, port=int(sys.argv[1]), lifespan="off", ws="none", log_level="critical", access_log=False,
            proxy_headers=False, server_header=False, date_header=False, timeout_keep_alive=75)
"""


@dataclass
class Target:
    """A server under load."""

    host: str
    port: int
    pid: int | None = None
    container: str | None = None
    request: bytes = REQUEST

    def __post_init__(self) -> None:
        self.sockets: list[socket.socket] = []
        self.size = 0

    def open(self) -> None:
        """Connect, and learn how long an answer is."""
        for _ in range(CONNECTIONS):
            sock = socket.create_connection((self.host, self.port), timeout=30)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets.append(sock)
        self.sockets[0].sendall(self.request)
        self.size = len(whole_answer(self.sockets[0]))

    def close(self) -> None:
        """Disconnect."""
        for sock in self.sockets:
            sock.close()
        self.sockets.clear()

    def load(self, requests: int) -> None:
        """So many requests; every connection asks again as soon as it is answered."""
        with selectors.DefaultSelector() as selector:
            for each in self.sockets:
                selector.register(each, selectors.EVENT_READ, each)
                each.sendall(self.request)
            missing = dict.fromkeys(self.sockets, self.size)
            unsent = requests - len(self.sockets)
            while selector.get_map():
                for key, _ in selector.select():
                    sock: socket.socket = key.data
                    received = len(sock.recv(65536))
                    missing[sock] -= received
                    if missing[sock] > 0 and received:
                        continue
                    assert not missing[sock], "the server closed the connection, or answers differ in size"
                    if unsent <= 0:
                        selector.unregister(sock)
                        continue
                    unsent -= 1
                    missing[sock] = self.size
                    sock.sendall(self.request)

    def post(self, path: str, body: bytes | Iterator[bytes]) -> bytes:
        """One request on a connection of its own; the answer's body."""
        with contextlib.closing(http.client.HTTPConnection(self.host, self.port, timeout=120)) as connection:
            connection.request("POST", path, body, {"Content-Type": "application/octet-stream"})
            response = connection.getresponse()
            answer = response.read()
        assert response.status == 200, answer
        return answer

    def peak(self) -> float:
        """The most memory that the process ever had, in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6

    def cpu(self) -> float:
        """CPU seconds so far: of the process with all its threads, or of the whole container."""
        if self.container is not None:
            statistics_of = docker.from_env().api.stats(self.container, stream=False, one_shot=True)
            return int(statistics_of["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def cpu_per_request(target: Target) -> float:
    """Microseconds."""
    before = target.cpu()
    target.load(CPU_REQUESTS)
    return (target.cpu() - before) / CPU_REQUESTS * 1e6


def rate(target: Target) -> float:
    """Requests per second."""
    begun, done = time.perf_counter(), 0
    while time.perf_counter() - begun < RATE_SECONDS:
        target.load(1000)
        done += 1000
    return done / (time.perf_counter() - begun)


def compare(one: Target, two: Target, measure: Callable[[Target], float]) -> tuple[float, float]:
    """Medians of interleaved rounds, after one to warm up."""
    figures: list[tuple[float, float]] = []
    for target in (one, two):
        target.open()
    for _ in range(ROUNDS + 1):
        figures.append((measure(one), measure(two)))
    for target in (one, two):
        target.close()
    return tuple(statistics.median(side) for side in zip(*figures[1:], strict=True))


def whole_answer(sock: socket.socket) -> bytes:
    """One answer, of the length it says."""
    answer = b""
    while True:
        received = sock.recv(65536)
        assert received, answer
        answer += received
        head, end, body = answer.partition(b"\r\n\r\n")
        found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if end and found and len(body) >= int(found[1]):
            assert head.startswith(b"HTTP/1.1 200"), answer
            return answer


@contextlib.contextmanager
def process(*command: str, port: int, ready: bytes = REQUEST, **env: str) -> Iterator[Target]:
    """A server in a process of its own; ready when it answers *ready* with 200."""
    environ = os.environ | {"SAGEMAKER_BIND_TO_PORT": str(port)} | env
    with subprocess.Popen([sys.executable, *command], env=environ, start_new_session=True) as running:
        try:
            wait("127.0.0.1", port, ready)
            yield Target("127.0.0.1", port, running.pid)
        finally:
            os.killpg(running.pid, signal.SIGKILL)


@contextlib.contextmanager
def container(image: str, model: Path) -> Iterator[Target]:
    """A server in a container, on the bridge network."""
    run = ["docker", "run", "--detach", "--volume", f"{model}:/opt/ml/model:ro", image, "serve"]
    name = subprocess.check_output(run, text=True).strip()
    try:
        address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        host = subprocess.check_output(["docker", "inspect", "--format", address, name], text=True).strip()
        wait(host, 8080)
        yield Target(host, 8080, container=name)
    finally:
        subprocess.run(["docker", "rm", "--force", name], check=True, stdout=subprocess.DEVNULL)


def wait(host: str, port: int, request: bytes = REQUEST) -> None:
    """Until *request* is answered with 200."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=2) as sock:
            sock.sendall(request)
            if sock.recv(12) == b"HTTP/1.1 200":
                return
        time.sleep(0.1)
    raise SystemExit(f"no server answers on {host}:{port}")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def measure_cpu(model: Path) -> None:
    """The first figure."""
    ours = [str(SERVING), "--model-dir", str(model), "--workers", "1"]
    one, two = free_port(), free_port()
    with process("-c", CONSTANT, str(one), port=one) as constant, process(*ours, port=two) as server:
        base, cost = compare(constant, server, cpu_per_request)
    more = cost - base
    print(f"CPU per request: constant {base:.0f} us, ours {cost:.0f} us, {more:.0f} more (goal: {GOAL_CPU})")


def measure_large(folder: Path) -> None:
    """The third figure: a body of 1 GB."""
    (folder / "code" / "inference.py").write_text(STREAMS, encoding="utf-8")
    arguments = [str(SERVING), "--model-dir", str(folder), "--workers", "1", "--targets", "async"]
    port = free_port()
    with process(*arguments, port=port) as server:
        idle, begun = server.peak(), time.perf_counter()
        assert int(server.post("/invocations", (MIB for _ in range(LARGE)))) == LARGE << 20
        seconds, more = time.perf_counter() - begun, server.peak() - idle
    (folder / "code" / "inference.py").write_text(PROGRAM, encoding="utf-8")
    print(
        f"a body of {LARGE} MiB: {LARGE / seconds:.0f} MiB/s, {more:.0f} MB of memory (goal: {GOAL_MEMORY})"
    )


def measure_models(model: Path) -> None:
    """The fourth figure: one of many models, in a process of its own, against one alone."""
    one, two = free_port(), free_port()
    alone = [str(SERVING), "--model-dir", str(model), "--workers", "1"]
    many, ping = {"SAGEMAKER_MULTI_MODEL": "true"}, b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
    with process(*alone, port=one) as single, process(str(SERVING), port=two, ready=ping, **many) as multi:
        multi.post("/models", json.dumps({"model_name": "m", "url": str(model)}).encode())
        multi.request = REQUEST.replace(b"/invocations", b"/models/m/invoke")
        fast, slow = compare(single, multi, rate)
    print(f"requests per second: alone {fast:.0f}, of many models {slow:.0f}, {fast / slow:.1f} times")


def measure_rate(model: Path, asgi: str, mms: str) -> None:
    """The second figure."""
    with container(asgi, model) as one, container(mms, model) as two:
        fast, slow = compare(one, two, rate)
        light, heavy = compare(one, two, cpu_per_request)
    ratio, less = fast / slow, heavy / light
    print(f"requests per second: asgi {fast:.0f}, mms {slow:.0f}, {ratio:.1f} times (goal: {GOAL_RATIO})")
    print(f"CPU per request: asgi {light:.0f} us, mms {heavy:.0f} us, {less:.1f} times less")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image-asgi", help="image with the ASGI server")
    parser.add_argument("--image-mms", help="image with multi-model-server")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="byoc-bench-"))
    try:
        (folder / "code").mkdir()
        (folder / "code" / "inference.py").write_text(PROGRAM, encoding="utf-8")
        folder.chmod(0o755)
        measure_cpu(folder)
        measure_large(folder)
        measure_models(folder)
        if options.image_asgi and options.image_mms:
            measure_rate(folder, options.image_asgi, options.image_mms)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
