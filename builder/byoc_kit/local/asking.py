"""Asks a server and measures: when the connection stood, the first byte, the whole answer, its digest.

Nothing is held that need not be: bodies are made while they are sent, answers are counted and digested while
they come, so a gigabyte either way costs no memory. Each question has its own connection, as each ping of the
service may have, and a time at which it is given up whatever the server does.
"""

import hashlib
import http.client
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from byoc_kit.contract.evidence import Exchange, Ping

__all__ = ["Asker", "Made", "Question"]

PIECE = 64 << 10  # bytes sent or read at a time
QUOTED = 2000  # characters of an answer that are kept
PING = "/ping"
DRIPS = 100  # parts in which the second half of a slow body is sent, at most
AGENT = "AHC/2.0"  # who pings, as seen in public logs (INF-06)

NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Made:
    """A body made while it is sent: *filler* over and over, then *tail*, *size* bytes in all."""

    size: int
    tail: bytes = b""
    filler: bytes = b" "

    def __len__(self) -> int:
        return self.size

    def pieces(self) -> Iterator[bytes]:
        """The body, a piece at a time."""
        whole = self.filler * max(1, PIECE // len(self.filler))
        left = self.size - len(self.tail)
        while left > 0:
            yield whole[:left]
            left -= len(whole)
        yield self.tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request."""

    limit: float
    """Seconds after which it is given up."""
    method: str = "POST"
    path: str = "/invocations"
    body: bytes | Made = b""
    headers: Mapping[str, str] = field(default_factory=lambda: NONE)
    chunked: bool = False
    """Sent in chunks, without its length (BAT-04)."""
    pause: float = 0.0
    """Seconds in which the second half of the body drips in: a request that is under way for so long."""
    halfway: Callable[[], None] | None = None
    """Called when the first half of the body has been sent."""

    def pieces(self) -> Iterator[bytes]:
        """The body; where there is a pause, what comes before it is the first piece."""
        if isinstance(self.body, Made):
            yield from self.body.pieces()
            return
        half = len(self.body) // 2
        yield self.body[:half]
        yield self.body[half:]


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks one server; any number of threads may use it at once."""

    host: str
    port: int
    clock: Callable[[], float]
    """Seconds since the container was started."""

    def ping(self, limit: float, path: str = PING) -> Ping:
        """GET /ping; an answer that takes longer than *limit* seconds is none."""
        talk = _Talk(self, Question(method="GET", path=path, limit=limit, headers={"User-Agent": AGENT}))
        seen = talk.played()
        return Ping(at=seen.at, status=seen.status, seconds=seen.seconds, connect=talk.connected)

    def ask(self, question: Question) -> Exchange:
        """What the server answers, whatever it is; never raises for what the server does."""
        return _Talk(self, question).played()

    def get(self, path: str, limit: float) -> Exchange:
        """GET *path*."""
        return self.ask(Question(method="GET", path=path, limit=limit))


class _Talk:
    """One question and its answer, on a connection of its own."""

    def __init__(self, asker: Asker, question: Question) -> None:
        self._asker, self._question = asker, question
        self._begun = time.monotonic()
        self._given_up = False
        self._sent = 0
        self.connected: float | None = None

    def played(self) -> Exchange:
        """What came of it; whatever goes wrong on the way is the exchange's error."""
        at, asked = self._asker.clock(), self._question
        seen, error = dict[str, object](), ""
        try:
            address = (self._asker.host, self._asker.port)
            with socket.create_connection(address, asked.limit) as sock:
                self.connected = self._since()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._limited(sock):
                    seen = self._talk(sock)
        except (OSError, http.client.HTTPException) as problem:
            error = self._why(problem)
        return Exchange(
            method=asked.method,
            path=asked.path,
            at=at,
            sent=self._sent,
            seconds=self._since(),
            error=error,
            **seen,  # type: ignore[arg-type]
        )

    def _since(self) -> float:
        return time.monotonic() - self._begun

    def _limited(self, sock: socket.socket) -> "_Limit":
        return _Limit(sock, self._question.limit - self._since(), self._give_up)

    def _give_up(self) -> None:
        self._given_up = True

    def _why(self, problem: Exception) -> str:
        if self._given_up or isinstance(problem, TimeoutError):
            return f"no whole answer within {self._question.limit:g} s"
        return str(problem) or type(problem).__name__

    def _talk(self, sock: socket.socket) -> dict[str, object]:
        try:
            self._send(sock)
        except OSError:  # it would not have the rest: it may have said why
            if self._given_up:
                raise
        with http.client.HTTPResponse(sock, method=self._question.method) as response:
            response.begin()
            return self._received(response)

    def _send(self, sock: socket.socket) -> None:
        asked = self._question
        framing = "Transfer-Encoding: chunked" if asked.chunked else f"Content-Length: {len(asked.body)}"
        lines = [f"{asked.method} {asked.path} HTTP/1.1", f"Host: {self._asker.host}:{self._asker.port}"]
        lines += [f"{name}: {value}" for name, value in asked.headers.items()]
        lines += [framing] if asked.method != "GET" else []
        sock.sendall("\r\n".join([*lines, "\r\n"]).encode("latin-1"))
        for number, piece in enumerate(asked.pieces()):
            if number == 1 and asked.halfway:
                asked.halfway()
            for part, wait in self._parts(piece, number):
                if _answered(sock, wait):
                    return  # there is an answer already: nobody reads the rest
                if part:
                    sock.sendall(b"%x\r\n%b\r\n" % (len(part), part) if asked.chunked else part)
                    self._sent += len(part)
        if asked.chunked:
            sock.sendall(b"0\r\n\r\n")

    def _parts(self, piece: bytes, number: int) -> Iterator[tuple[bytes, float]]:
        """What to send of *piece*, and how long to wait before: the second half of a slow body drips."""
        pause = self._question.pause if number == 1 else 0.0
        if not pause:
            yield piece, 0.0
            return
        size = max(1, -(-len(piece) // DRIPS))
        parts = [piece[at : at + size] for at in range(0, len(piece), size)] or [b""]
        yield from ((part, pause / len(parts)) for part in parts)

    def _received(self, response: http.client.HTTPResponse) -> dict[str, object]:
        start, size, lines, last, first = bytearray(), 0, 0, b"\n", None
        digest = hashlib.sha256()
        while piece := response.read1(PIECE):
            first = self._since() if first is None else first
            size, lines, last = size + len(piece), lines + piece.count(b"\n"), piece[-1:]
            digest.update(piece)
            start += piece[: QUOTED - len(start)] if len(start) < QUOTED else b""
        if self._given_up:
            raise TimeoutError
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        return {
            "status": response.status,
            "headers": {name.lower(): value for name, value in response.getheaders()},
            "body": start.decode(errors="replace"),
            "size": size,
            "lines": lines + (last != b"\n"),
            "digest": digest.hexdigest(),
            "first_byte": first,
        }


class _Limit:
    """While in this context, *sock* is shut down after *seconds*, and *tell* is called before."""

    def __init__(self, sock: socket.socket, seconds: float, tell: Callable[[], None]) -> None:
        self._sock, self._tell = sock, tell
        self._timer = threading.Timer(max(0.0, seconds), self._end)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        self._tell()
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)


def _answered(sock: socket.socket, seconds: float) -> bool:
    """Whether something can be read, now or within *seconds*."""
    return bool(select.select([sock], [], [], seconds)[0])
