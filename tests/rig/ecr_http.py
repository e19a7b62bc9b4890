"""HTTP for ``rig/ecr.py``: threads, streaming in both directions, TLS, and lines that are cut or slow.

Who connects may speak TLS at once, or first ask for a way through (``CONNECT host:443``), as to a proxy: so a
program finds the registry's real names without any change to this machine, and no other name leads anywhere.
"""

import contextlib
import re
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rig.ecr_faults import Bucket, Cut

__all__ = ["Asked", "Reply", "serving"]

PIECE = 1 << 20  # bytes that are moved at once
PATIENCE = 60.0  # seconds without a byte


@dataclass
class Reply:
    """What is answered; *length*: of a body that is streamed."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Iterable[bytes] | None = None
    length: int | None = None


class Asked:
    """One request, and the line that it came on."""

    def __init__(self, handler: "Handler") -> None:
        self.handler = handler
        self.method = handler.command
        self.path, _, self.query = handler.path.partition("?")
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.host = self.headers.get("host", "").removesuffix(":443")
        self.received = 0
        self.sent = 0
        self.cut_after: int | None = None
        self.was_cut = False
        self.spared: Callable[[], object] = lambda: None
        """Called where the line was not cut after all."""
        self._ended = False

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes. Raises Cut where it breaks off, or is to break off."""
        source = self._chunked() if "chunked" in self.headers.get("transfer-encoding", "") else self._plain()
        for chunk in source:
            self.received += len(chunk)
            if self.cut_after is not None and self.received >= self.cut_after:
                over = self.received - self.cut_after
                yield chunk[: len(chunk) - over]
                raise Cut
            self.handler.bucket.take(len(chunk))
            yield chunk
        self._ended = True

    def body(self) -> bytes:
        """All of it."""
        return b"".join(self.chunks())

    def drain(self) -> None:
        """Read what nobody wanted: the next request follows on the same line."""
        if not self._ended:
            for _ in self.chunks():
                pass

    def _plain(self) -> Iterator[bytes]:
        left = int(self.headers.get("content-length") or 0)
        while left:
            chunk = self.handler.rfile.read(min(left, PIECE))
            if not chunk:
                raise Cut
            left -= len(chunk)
            yield chunk

    def _chunked(self) -> Iterator[bytes]:
        while size := int(self.handler.rfile.readline().partition(b";")[0] or b"x", 16):
            chunk = self.handler.rfile.read(size)
            if len(chunk) < size:
                raise Cut
            self.handler.rfile.readline()
            yield chunk
        while self.handler.rfile.readline().strip():
            pass


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    timeout = PATIENCE
    disable_nagle_algorithm = True
    bucket: Bucket
    serve: Callable[[Asked], Reply]

    def handle_any(self) -> None:
        asked = Asked(self)
        try:
            if "100-continue" in asked.headers.get("expect", ""):
                self.wfile.flush()
            reply = type(self).serve(asked)
            asked.drain()
            self._answer(asked, reply)
            asked.spared()
        except (Cut, OSError, ValueError):
            asked.was_cut = True
            self._hang_up()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

    def _answer(self, asked: Asked, reply: Reply) -> None:
        length = len(reply.body) if reply.length is None else reply.length
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(length), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        for chunk in reply.stream if reply.stream is not None else [reply.body]:
            over = 0 if asked.cut_after is None else max(0, asked.sent + len(chunk) - asked.cut_after)
            self.bucket.take(len(chunk))
            self.wfile.write(chunk[: len(chunk) - over] if over else chunk)
            asked.sent += len(chunk) - over
            if over or asked.sent == asked.cut_after:
                self.wfile.flush()
                raise Cut

    def _hang_up(self) -> None:
        """Reset, so that the other side sees an end that is none."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Whoever hangs up is no news."""

    daemon_threads = True
    request_queue_size = 64
    tls: ssl.SSLContext | None = None
    names: Callable[[str], bool]
    beyond: Callable[[str], bool]

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(PATIENCE)
        if self.tls is not None:
            if not self._way(request):
                return  # refused, or led elsewhere and back
            request = self.tls.wrap_socket(request, server_side=True)
        try:
            super().finish_request(request, client_address)
        finally:
            if self.tls is not None:
                request.close()

    def _way(self, request: socket.socket) -> bool:
        """Whether TLS may begin: at once, or after a CONNECT to a name that is ours."""
        if request.recv(8, socket.MSG_PEEK) != b"CONNECT ":
            return True
        head = b""
        while b"\r\n\r\n" not in head and len(head) < PIECE:
            got = request.recv(1)
            if not got:
                return False
            head += got
        found = re.match(rb"CONNECT ([^ :]+):(\d+) ", head)
        name, port = (found[1].decode(), int(found[2])) if found else ("", 0)
        ours = type(self).names(name) and port == 443
        if not ours and not type(self).beyond(name):
            request.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return False
        request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        if not ours:
            tunnel(request, name, port)
        return ours

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def tunnel(here: socket.socket, name: str, port: int) -> None:
    """Move bytes to *name* and back, until both sides have ended."""
    with socket.create_connection((name, port), timeout=PATIENCE) as there:
        back = threading.Thread(target=_pour, args=(there, here), daemon=True)
        back.start()
        _pour(here, there)
        back.join()


def _pour(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(1 << 16):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def serving(
    serve: Callable[[Asked], Reply],
    *,
    bucket: Bucket,
    tls: ssl.SSLContext | None = None,
    names: Callable[[str], bool] = lambda name: True,
    beyond: Callable[[str], bool] = lambda name: False,
    at: tuple[str, int] = ("127.0.0.1", 0),
) -> Iterator[int]:
    """Serve in threads of their own; gives the port.

    *names*: for which a CONNECT leads here; *beyond*: for which it leads out, unseen.
    """
    handler = type("Bound", (Handler,), {"serve": staticmethod(serve), "bucket": bucket})
    bound = type(
        "BoundServer", (Server,), {"tls": tls, "names": staticmethod(names), "beyond": staticmethod(beyond)}
    )
    server = bound(at, handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
