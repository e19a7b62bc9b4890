"""How fast short records go through a batch transform, against a bare HTTP client with the same concurrency.

    python benchmarks/transform.py [--lines 100000] [--concurrent 4] [--rounds 3]

One server (uvicorn, a constant answer) is asked by both in turn, one line in each request. The bare client
has the lines in memory and forgets the answers; the transform reads a file, keeps the order, writes a file.
"""

import argparse
import contextlib
import http.client
import os
import queue
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from byoc_kit.job.transform import Parameters, TransformJob
from byoc_kit.local.exchange import Exchange
from byoc_kit.local.transform import find_inputs, transform
from byoc_kit.talk import Silence

GOAL = 0.8  # of the bare client's rate

CONSTANT = """
import sys, uvicorn
START = {"type": "http.response.start", "status": 200,
         "headers": [(b"content-length", b"4"), (b"content-type", b"text/csv")]}
BODY = {"type": "http.response.body", "body": b"0.5\\n"}
async def app(scope, receive, send):
    await receive()
    await send(START)
    await send(BODY)
uvicorn.run(app, port=int(sys.argv[1]), lifespan="off", ws="none", log_level="critical", access_log=False,
            proxy_headers=False, server_header=False, date_header=False, timeout_keep_alive=75)
"""


@dataclass(frozen=True)
class Server:
    """What transform knows as a server."""

    port: int

    def exchange(self, timeout: float, retries: int) -> Exchange:
        return Exchange("127.0.0.1", self.port, timeout=timeout, retries=retries)

    def check(self) -> None:
        """It lives as long as the program."""


@contextlib.contextmanager
def server() -> Iterator[Server]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    with subprocess.Popen([sys.executable, "-c", CONSTANT, str(port)], start_new_session=True) as process:
        try:
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                time.sleep(0.05)
            yield Server(port)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def bare(port: int, lines: list[bytes], concurrent: int) -> float:
    """Seconds that http.client needs in so many threads."""
    left: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    for line in [*lines, *([None] * concurrent)]:
        left.put(line)

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while (line := left.get()) is not None:
            connection.request("POST", "/invocations", line, {"Content-Type": "text/csv"})
            connection.getresponse().read()
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(concurrent)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun


def through_transform(peer: Server, file: Path, concurrent: int) -> float:
    """Seconds that the transform needs."""
    job = TransformJob(name="bench", source=file, content_type="text/csv", split="Line", assemble="Line")
    agreed = Parameters(max_concurrent=concurrent, strategy="SingleRecord")
    begun = time.perf_counter()
    (done,) = transform(job, agreed, find_inputs(file), file.parent / "out", peer, Silence())
    seconds = time.perf_counter() - begun
    assert done.output is not None, done.failure
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--concurrent", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="byoc-bench-") as folder, server() as peer:
        file = Path(folder) / "lines.csv"
        file.write_text("".join(f"{number},5.1,3.5,1.4,0.2\n" for number in range(options.lines)))
        lines = file.read_bytes().splitlines(keepends=True)
        pairs = [
            (bare(peer.port, lines, options.concurrent), through_transform(peer, file, options.concurrent))
            for _ in range(options.rounds)
        ]
    client, ours = (options.lines / statistics.median(side) for side in zip(*pairs, strict=True))
    print(
        f"{options.lines:,} lines, {options.concurrent} at a time: bare client {client:,.0f} lines/s,"
        f" byoc run transform {ours:,.0f} lines/s, {ours / client:.2f} of it (goal: {GOAL})"
    )


if __name__ == "__main__":
    main()
