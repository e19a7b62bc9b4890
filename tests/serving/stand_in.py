"""Stands in for multi-model-server: its command line, its HTTP side, workers that report as a test says.

A test writes files 1, 2, 3, ... into the model folder; each holds one thing that happens: the state that the
worker reports, ``die`` for the worker's end (the next report comes from a new one), or ``exit`` for the
server's.
"""

import http.server
import itertools
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path

PARENT = os.getppid()
MODEL = Path(sys.argv[sys.argv.index("--models") + 1].partition("=")[2])
CONFIG = dict(
    line.split("=", 1) for line in Path(sys.argv[sys.argv.index("--mms-config") + 1]).read_text().splitlines()
)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b"stand-in")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"wait":
            (MODEL / "begun").touch()
            while not (MODEL / "go").exists():
                time.sleep(0.01)
        self._answer(body)

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def workers() -> None:
    line = None
    for number in itertools.count(1):
        path = MODEL / str(number)
        while not path.exists():
            if os.getppid() != PARENT:  # the gate was killed with its test
                os._exit(1)
            time.sleep(0.01)
        state = path.read_text()
        if state == "exit":
            os._exit(0)
        if line is None:
            line = socket.socket(socket.AF_UNIX)
            line.connect(os.environ["BYOC_SERVING_REPORT_TO"])
        if state == "die":
            line.close()
            line = None
        else:
            line.sendall(json.dumps({"state": state, "memory": 1, "error": "no weights"}).encode() + b"\n")


threading.Thread(target=workers, daemon=True).start()
port = int(CONFIG["inference_address"].rpartition(":")[2])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
