"""A gate in front of a registry: it passes everything on, counts, and may act before or after a request."""

import contextlib
import http.client
import http.server
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Cut", "Gate", "Moment", "gate"]

CHUNK = 1 << 16
HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}


class Cut(Exception):  # noqa: N818 - an order, not a fault
    """The connection to the client ends here, without an answer."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the conversation is: before the registry sees request *number* (from 1), or after it answered."""

    number: int
    method: str
    path: str
    after: bool


@dataclass(slots=True)
class Gate:
    """*act* is called at each moment, one at a time; it may raise :class:`Cut`."""

    host: str
    """``127.0.0.1:PORT`` of the gate: what a client takes for the registry."""
    act: Callable[[Moment], None]
    seen: list[str] = field(default_factory=list)
    """``METHOD path`` of each request, in order."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    clients: int = 0
    """How many connections of clients are open."""
    changed: threading.Condition = field(default_factory=threading.Condition)

    def meet(self, clients: int) -> None:
        """A connection of a client opened (1) or ended (-1)."""
        with self.changed:
            self.clients += clients
            self.changed.notify_all()

    def settle(self, seconds: float = 60) -> None:
        """Wait until the registry has done what clients that are gone had asked for.

        A registry on a file system answers 500 for a tag that it is writing.
        """
        host, _, port = self.host.partition(":")
        with socket.create_connection((host, int(port)), timeout=seconds) as last:
            last.sendall(b"\r\n")  # connections are taken in order: whoever came before us has been met
            last.shutdown(socket.SHUT_WR)
            last.recv(1)
        with self.changed:
            assert self.changed.wait_for(lambda: not self.clients, seconds), "requests are still under way"

    def enter(self, method: str, path: str) -> int:
        """Count a request, and act before it."""
        with self.lock:
            self.seen.append(f"{method} {path}")
            number = len(self.seen)
            self.act(Moment(number, method, path, after=False))
        return number

    def leave(self, number: int, method: str, path: str) -> None:
        """Act after a request: the registry has answered, the client does not know yet."""
        with self.lock:
            self.act(Moment(number, method, path, after=True))


@contextlib.contextmanager
def gate(upstream: str, act: Callable[[Moment], None] = lambda moment: None) -> Iterator[Gate]:
    """A gate on a free port of this machine, leading to the plain HTTP registry *upstream* (host:port)."""
    server = Server(("127.0.0.1", 0), Handler)
    state = Gate(host=f"127.0.0.1:{server.server_port}", act=act)
    server.gate = state
    server.RequestHandlerClass = type("Bound", (Handler,), {"gate": state, "upstream": upstream})
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Server(http.server.ThreadingHTTPServer):
    """Tells its gate of each connection."""

    daemon_threads = True  # a client that is gone must not hold up the end
    gate: Gate

    def process_request(self, request: Any, client_address: Any) -> None:
        self.gate.meet(1)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.gate.meet(-1)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone is what this is for; anything else is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    """Passes one request on, streaming both ways."""

    protocol_version = "HTTP/1.1"
    gate: Gate
    upstream: str

    def _pass_on(self) -> None:
        try:
            self._converse(self.gate.enter(self.command, self.path))
        except (Cut, ConnectionError):  # the client may be the one that is gone
            self.close_connection = True

    def _converse(self, number: int) -> None:
        with contextlib.closing(http.client.HTTPConnection(self.upstream, timeout=60)) as connection:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP:
                    connection.putheader(name, value)
            chunked = "chunked" in self.headers.get("Transfer-Encoding", "")
            if chunked:
                connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders()
            for chunk in self._body():
                connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
            if chunked:
                connection.send(b"0\r\n\r\n")
            answer = connection.getresponse()
            self.gate.leave(number, self.command, self.path)
            self._answer(answer)

    def _body(self) -> Iterator[bytes]:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := self._chunk():
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left and (chunk := self.rfile.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
        if left:
            raise ConnectionAbortedError("the client is gone in the middle of a body")

    def _chunk(self) -> int:
        line = self.rfile.readline()
        if not line:
            raise ConnectionAbortedError("the client is gone in the middle of a body")
        return int(line.split(b";")[0], 16)

    def _answer(self, answer: http.client.HTTPResponse) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        bodiless = self.command == "HEAD" or answer.status in {204, 304} or answer.getheader("Content-Length")
        if not bodiless:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        while chunk := answer.read(CHUNK):
            self.wfile.write(chunk)

    def log_message(self, *args: Any) -> None:
        """Nothing: the tests ask :attr:`Gate.seen`."""


for method in ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"):
    setattr(Handler, f"do_{method}", Handler._pass_on)
