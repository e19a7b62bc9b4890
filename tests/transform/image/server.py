"""A server that keeps SageMaker's contract, tells what it saw, and does what the variable DO asks for.

``facts`` (the default) answers with what the container sees, ``upper`` with the body in capitals, ``stream``
with pieces. PARAMETERS is what /execution-parameters answers. With SAGEMAKER_MULTI_MODEL it has ROOM for
models, unless it is to be ``single``.
"""

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DO = os.environ.get("DO", "facts")
MULTI = os.environ.get("SAGEMAKER_MULTI_MODEL") == "true" and DO != "single"
ROOM = int(os.environ.get("ROOM", "9"))
LOADED: dict[str, str] = {}


def facts() -> dict[str, object]:
    lines = Path("/proc/mounts").read_text().splitlines()
    mounts = {line.split()[1]: line.split()[3].split(",")[0] for line in lines}
    memory = [Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")]
    return {
        "env": dict(os.environ),
        "uid": os.getuid(),
        "mounts": {path: mode for path, mode in mounts.items() if path.startswith("/opt/") or path == "/"},
        "writable": [path for path in ("/tmp", "/opt", "/root", "/") if writable(path)],
        "memory": next((file.read_text().strip() for file in memory if file.exists()), ""),
    }


def writable(folder: str) -> bool:
    try:
        Path(folder, "probe").write_text("x")
    except OSError:
        return False
    return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/ping":
            self.answer(200, b"")
        elif self.path == "/execution-parameters" and "PARAMETERS" in os.environ:
            self.answer(200, os.environ["PARAMETERS"].encode())
        elif self.path == "/models" and MULTI:
            models = [{"modelName": name, "modelUrl": url} for name, url in LOADED.items()]
            self.answer(200, json.dumps({"models": models}).encode())
        else:
            self.answer(404, b"nothing here")

    def do_DELETE(self) -> None:
        known = LOADED.pop(self.path.rpartition("/")[2], None)
        self.answer(200 if known else 404, b"")

    def do_POST(self) -> None:
        body = self.body()
        if self.path == "/models" and MULTI:
            self.load(json.loads(body))
        elif self.path.startswith("/models/") and MULTI:
            self.invoke_model(self.path.split("/")[2])
        elif self.path == "/invocations":
            self.invoke(body)
        else:
            self.answer(404, b"nothing here")

    def body(self) -> bytes:
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def load(self, order: dict[str, str]) -> None:
        if len(LOADED) >= ROOM:
            self.answer(507, b"no room")
        elif not list(Path(order["url"]).iterdir()):
            self.answer(500, b"an empty model")
        else:
            LOADED[order["model_name"]] = order["url"]
            self.answer(200, b"")

    def invoke_model(self, name: str) -> None:
        if name not in LOADED:
            self.answer(404, b"not loaded")
            return
        weights = Path(LOADED[name], "weights").read_text()
        target = self.headers["X-Amzn-SageMaker-Target-Model"]
        self.answer(200, json.dumps([target, weights, sorted(LOADED.values())]).encode())

    def invoke(self, body: bytes) -> None:
        if body.startswith(b"die"):
            os._exit(9)
        if body.startswith(b"bad"):
            self.answer(400, b"cannot read that")
        elif DO == "stream":
            self.stream()
        elif DO == "count":
            self.answer(200, str(len(body)).encode())
        elif DO == "upper":
            time.sleep(float(os.environ.get("SECONDS", "0")))
            said = [self.headers["Content-Type"], self.headers.get("Accept")]
            self.answer(200, body.upper() + os.environ.get("SIGN", "").encode(), "text/csv", said)
        else:
            self.answer(200, json.dumps(facts()).encode())

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in (b"one ", b"two ", b"three"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            time.sleep(0.5)
        self.wfile.write(b"0\r\n\r\n")

    def answer(
        self, status: int, body: bytes, kind: str = "application/json", seen: "list[str | None] | None" = None
    ) -> None:
        if seen:
            print("asked with", seen, flush=True)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


port = 8080 if DO == "deaf" else int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
ThreadingHTTPServer(("0.0.0.0", port), Handler).serve_forever()
