"""A container that keeps SageMaker's contract, tells what it saw, and misbehaves when it is asked to.

What to do is the hyperparameter ``do`` for ``train``, and the variable ``DO`` for ``serve``.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType

ML = Path("/opt/ml")
CONFIG = ML / "input/config"
Asked = dict[str, str]
"""The hyperparameters."""


def host() -> str:
    return str(json.loads((CONFIG / "resourceconfig.json").read_text())["current_host"])


def facts() -> dict[str, object]:
    """What a test wants to know about the container."""
    lines = Path("/proc/mounts").read_text().splitlines()
    mounts = {line.split()[1]: line.split()[3].split(",")[0] for line in lines}
    status = Path("/proc/self/status").read_text()
    return {
        "argv": sys.argv[1:],
        "pid": os.getpid(),
        "hostname": socket.gethostname(),
        "own_address": socket.gethostbyname(socket.gethostname()),
        "algo_address": socket.gethostbyname(host()) if len(sys.argv) > 1 and sys.argv[1] == "train" else "",
        "env": dict(os.environ),
        "shm": os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize,
        "mounts": {path: mode for path, mode in mounts.items() if path.startswith("/opt/")},
        "capabilities": next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff")),
        "files": sorted(str(path) for path in Path("/opt").rglob("*") if path.is_file()),
        "config": {file.name: json.loads(file.read_text()) for file in CONFIG.glob("*.json")},
    }


def peers() -> dict[str, str]:
    """The address of every host; none leaves before all have met. A name may take a moment (HAR-04)."""
    found = {}
    with socket.create_server(("", 5555)) as server:
        for name in json.loads((CONFIG / "resourceconfig.json").read_text())["hosts"]:
            while name not in found:
                with contextlib.suppress(OSError), socket.create_connection((name, 5555), 1) as met:
                    found[name] = met.getpeername()[0]
                time.sleep(0.05)
        for _ in found:
            server.accept()[0].close()
    return found


def outside() -> str:
    """What comes of looking for the world: an address and a name that nobody has (TRN-11)."""
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=0.5)
        found = "reached"
    except OSError as error:
        found = str(error)
    try:
        return f"{found}, {socket.gethostbyname('nobody.invalid')}"
    except OSError as error:
        return f"{found}, {error.strerror}"


def drained(channel: str, epoch: int, most: int) -> str:
    """The pipe of an epoch, which may not be there yet; closed after *most* bytes."""
    pipe = ML / f"input/data/{channel}_{epoch}"
    while not pipe.exists():
        time.sleep(0.01)
    with pipe.open("rb") as stream:
        return stream.read(most).hex()


def read_channels(asked: Asked) -> dict[str, object]:
    """What each channel holds: files by name, or the bytes of each epoch's pipe."""
    found: dict[str, object] = {}
    for name, settings in json.loads((CONFIG / "inputdataconfig.json").read_text()).items():
        folder = ML / "input/data" / name
        if settings["TrainingInputMode"] == "Pipe":
            epochs = range(int(asked.get("epochs", "1")))
            found[name] = [drained(name, epoch, int(asked.get("most", "-1"))) for epoch in epochs]
        else:
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            found[name] = {str(path.relative_to(folder)): path.read_text() for path in files}
        if name == asked.get("write"):
            (folder / f"written-by-{host()}").write_text("mine")
    return found


def go_on() -> None:
    """Half of the work, and a wait for the end; the other half where a checkpoint is (TRN-08)."""
    checkpoint = ML / "checkpoints" / host()
    if checkpoint.exists():
        left = sorted(path.name for path in (ML / "model").iterdir())
        there = sorted(path.name for path in checkpoint.parent.iterdir())
        (ML / f"model/{host()}.json").write_text(json.dumps([checkpoint.read_text(), left, there]))
        return
    checkpoint.write_text("half")
    (ML / "model/half").write_text("lost")
    wait_for_stop(lambda number, frame: sys.exit(1))


def count() -> None:
    """One more in the cache of the warm pool (TRN-10)."""
    cache = Path(os.environ["SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY"]) / "count"
    number = int(cache.read_text()) + 1 if cache.exists() else 1
    cache.write_text(str(number))
    save(str(number))


def save(text: str) -> None:
    (ML / "model/weights.json").write_text(text)


def fail(text: str, code: int) -> None:
    (ML / "output/failure").write_text(text)
    sys.exit(code)


def wait_for_stop(answer: Callable[[int, FrameType | None], None]) -> None:
    signal.signal(signal.SIGTERM, answer)
    print("ready to be stopped", flush=True)
    time.sleep(600)


def stopped(number: int, frame: object) -> None:
    save("saved by the handler")
    print("the handler has run", flush=True)
    sys.exit(0)


def train() -> None:
    """``do@HOST`` is for that host only."""
    asked = json.loads((CONFIG / "hyperparameters.json").read_text())
    do = asked.get(f"do@{host()}", asked.get("do", "learn"))
    (ML / "output/data/facts.json").write_text(json.dumps(facts()))
    if (ML / "checkpoints").is_dir():
        (ML / "checkpoints/one").write_text("checkpoint")
    sys.stdout.write("progress 1\rprogress 2\rprogress 3\n")
    sys.stderr.write("to stderr\n")
    DEEDS[do](asked)


def meet(asked: Asked) -> None:
    met = {**facts(), "peers": peers(), "outside": outside() if "outside" in asked else ""}
    (ML / f"output/data/{host()}.json").write_text(json.dumps(met))
    (ML / f"model/{host()}.json").write_text(host())
    (ML / "model/all.json").write_text("the same")
    (ML / "model/rank.json").write_text(host())


def link(asked: Asked) -> None:
    save("1")
    (ML / "model/link").symlink_to("weights.json")


DEEDS: dict[str, Callable[[Asked], object]] = {
    "learn": lambda asked: save('{"answer": 42}'),
    "meet": meet,
    "spot": lambda asked: go_on(),
    "pool": lambda asked: count(),
    "read": lambda asked: (ML / f"output/data/{host()}.json").write_text(json.dumps(read_channels(asked))),
    "fail": lambda asked: fail("ValueError: the data are sour\n" + "x" * 2000, 7),
    "link": link,
    "wait": lambda asked: wait_for_stop(stopped),
    "ignore": lambda asked: wait_for_stop(lambda number, frame: print("not now", flush=True)),
    "segfault": lambda asked: os.kill(os.getpid(), signal.SIGSEGV),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(500 if os.environ.get("DO") == "ail" else 200, b"", "text/plain")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if body == b"bad":
            self.answer(400, b"cannot read that", "text/plain")
        elif body == b"die":
            os._exit(9)
        elif body == b"bytes":
            self.answer(200, bytes(range(256)), "application/x-npy")
        else:
            seen = {"type": self.headers.get("Content-Type"), "accept": self.headers.get("Accept")}
            content = json.dumps({"length": len(body), **seen, **facts()}).encode()
            self.answer(200, content, "application/json")

    def answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        print("request:", self.command, self.path, flush=True)


def leave() -> None:
    print("good bye", flush=True)
    sys.exit(0)


def serve() -> None:
    do = os.environ.get("DO")
    if do == "die":
        print("no model, no life")
        sys.exit(3)
    address = "127.0.0.1" if do == "hide" else "0.0.0.0"
    server = ThreadingHTTPServer((address, 8080), Handler)
    signal.signal(signal.SIGTERM, lambda number, frame: leave())
    server.serve_forever()


word = sys.argv[1]
if word == "train":
    train()
elif word == "serve":
    serve()
else:
    print("told:", json.dumps(sys.argv[1:]))
    save("by arguments")
