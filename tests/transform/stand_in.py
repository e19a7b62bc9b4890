"""A server in this process that answers as a test wishes, and says what it saw."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from byoc_kit.errors import ByocError
from byoc_kit.local.exchange import Exchange

Say = tuple[int, bytes]
"""Status and body."""


@dataclass
class StandIn:
    """What transform knows as a server."""

    answer: Callable[[bytes], Say]
    hangs_up: bool = False
    """Whether it closes a connection after an answer without saying so."""
    host: str = "127.0.0.1"
    port: int = 0
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most: int = 0
    """Requests at a time."""
    now: int = 0
    ended: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def exchange(self, timeout: float, retries: int) -> Exchange:
        return Exchange(self.host, self.port, timeout=timeout, retries=retries)

    def check(self) -> None:
        if self.ended:
            raise ByocError("the server ended", why="a test wished it", fix="none", id="BYOC-E413")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Http"
    disable_nagle_algorithm: ClassVar[bool] = True

    def do_POST(self) -> None:
        own = self.server.stand_in
        body = self.body()
        with own.lock:
            own.bodies.append(body)
            own.headers.append({name.lower(): value for name, value in self.headers.items()})
            own.now += 1
            own.most = max(own.most, own.now)
        status, said = own.answer(body)
        with own.lock:
            own.now -= 1
        self.send_response(status)
        self.send_header("Content-Type", self.headers["Content-Type"])
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
        self.close_connection = own.hangs_up

    def body(self) -> bytes:
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def log_message(self, *_: object) -> None:
        pass


class Http(ThreadingHTTPServer):
    stand_in: StandIn
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is what some tests are about."""


@contextmanager
def serving(answer: Callable[[bytes], Say], *, hangs_up: bool = False) -> Iterator[StandIn]:
    """A server that calls *answer* with each body."""
    with Http(("127.0.0.1", 0), Handler) as http:
        http.stand_in = StandIn(answer, hangs_up, port=http.server_address[1])
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield http.stand_in
        finally:
            http.shutdown()
            thread.join()


def free_port() -> int:
    """One at which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
