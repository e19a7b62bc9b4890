"""Verify: how long a small good image takes, read and run, and what playing side by side gains.

    python benchmarks/verify.py [--base IMAGE]

Goals: static under 1 s with what was read of the image kept; quick depth under 60 s for training and for
hosting on two cores; at least 2 times faster than one clause after another. IMAGE needs Python 3 at
/usr/bin/python3; without it an image of the engine that has it is taken.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BYOC = [str(Path(sys.executable).with_name("byoc"))]
BASES = ("byoc-test-base:bookworm", "python:3.12-slim")
ROUNDS = 5
GOAL_STATIC, GOAL_QUICK, GOAL_GAIN = 1.0, 60.0, 2.0

TRAIN = """#!/usr/bin/python3
import json, os, pathlib, signal, sys, time

def stop(number, frame):
    pathlib.Path("/opt/ml/model/model.txt").write_text("as far as it came")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
try:
    resources = json.loads(pathlib.Path("/opt/ml/input/config/resourceconfig.json").read_text())
    print("training on", len(resources["hosts"]), "hosts", flush=True)
    files = [path for path in pathlib.Path("/opt/ml/input/data").rglob("*") if path.is_file()]
    if not files:
        raise ValueError("there is no data in any channel")
    time.sleep(2)
    if resources["current_host"] == sorted(resources["hosts"])[0]:
        pathlib.Path("/opt/ml/model/model.txt").write_text("done")
except Exception as error:
    pathlib.Path("/opt/ml/output/failure").write_text(f"{type(error).__name__}: {error}")
    sys.exit(1)
"""
SERVE = """#!/usr/bin/python3
import os, pathlib, signal, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, code, body=b""):
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200 if self.path == "/ping" else 404)

    def do_POST(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        else:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(200 if self.path == "/invocations" else 404, b'{"answer": 1}')

    def log_message(self, *words):
        pass

class Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

server = Server(("", int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
"""
DOCKERFILE = """ARG BASE
FROM $BASE
ENV PYTHONUNBUFFERED=1
COPY train serve /usr/local/bin/
CMD ["train"]
"""


def present(image: str) -> bool:
    done = subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False)
    return done.returncode == 0


@contextlib.contextmanager
def image(base: str) -> Iterator[str]:
    """The name of a small image that trains and serves as it should."""
    name = f"byoc-bench-verify:{uuid.uuid4().hex[:12]}"
    with tempfile.TemporaryDirectory() as folder:
        for file, text in (("train", TRAIN), ("serve", SERVE), ("Dockerfile", DOCKERFILE)):
            (Path(folder) / file).write_text(text)
            (Path(folder) / file).chmod(0o755)
        build = ["docker", "build", "-q", "--build-arg", f"BASE={base}", "-t", name, folder]
        subprocess.run(build, check=True, capture_output=True)
    try:
        yield name
    finally:
        subprocess.run(["docker", "rmi", "-f", name], capture_output=True, check=False)


def verify(name: str, *words: str) -> tuple[dict[str, Any], float]:
    """The report as JSON, and the seconds that the command took."""
    begun = time.monotonic()
    done = subprocess.run([*BYOC, "verify", name, *words, "--json"], stdout=subprocess.PIPE, check=False)
    seconds = time.monotonic() - begun
    if done.returncode not in {0, 3}:
        raise SystemExit(done.stdout.decode())
    report: dict[str, Any] = json.loads(done.stdout)
    return report, seconds


def tell(what: str, seconds: float, goal: float) -> None:
    print(f"{what}: {seconds:.2f} s (goal: under {goal:g} s){'' if seconds < goal else '  MISSED'}")


def measure(name: str) -> None:
    verify(name, "--depth", "static")
    times = [verify(name, "--depth", "static")[1] for _ in range(ROUNDS)]
    tell(f"static, kept, median of {ROUNDS}", statistics.median(times), GOAL_STATIC)
    for target in ("training", "hosting"):
        report, seconds = verify(name, "--target", target)
        tell(f"quick, {target}", seconds, GOAL_QUICK)
        runs, clauses = (sum(each["seconds"] for each in report[key]) for key in ("scenarios", "clauses"))
        gain = clauses / seconds
        print(
            f"  {len(report['scenarios'])} scenarios, {runs:.1f} s one after the other, which is"
            f" {runs / seconds:.1f} times as long; {clauses:.0f} s one clause after the other,"
            f" {gain:.1f} times (goal: {GOAL_GAIN:g}){'' if gain >= GOAL_GAIN else '  MISSED'}"
        )
        for run in sorted(report["scenarios"], key=lambda run: -run["seconds"]):
            print(f"    {run['seconds']:6.1f} s  {run['name']}  {run['problem']}")
        for clause in report["clauses"]:
            if clause["status"] in {"fail", "warn"}:
                print(f"    {clause['status']}  {clause['id']}  {clause['evidence']}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base")
    asked = parser.parse_args().base
    base = asked or next((name for name in BASES if present(name)), None)
    if base is None:
        raise SystemExit(f"no image with Python 3 is here; name one with --base, for example {BASES[1]}")
    with image(base) as name:
        measure(name)


if __name__ == "__main__":
    main()
