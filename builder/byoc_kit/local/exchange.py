"""One connection to a server, and what came back: the small client under a batch transform.

It holds a connection open and sends as little as it can, so that a job of very many small requests is bound
by the server and not by its client. An answer of any size is kept: in memory, or on disk where it is large.
"""

import http.client
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Protocol, Self

__all__ = ["Body", "Exchange", "NoAnswerError", "Peer", "Reply"]

LARGE = 8 << 20  # bytes of an answer that stay in memory
CHUNK = 1 << 20  # bytes
PAUSES = (0.5, 1.0, 2.0)  # seconds before the first, second and third retry

Body = bytes | Callable[[], Iterator[bytes]]
"""All of it, or what gives its pieces, anew for each attempt."""


class NoAnswerError(Exception):
    """No attempt brought an answer that is worth keeping; the text says what happened last."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A good answer."""

    content_type: str
    body: bytes | IO[bytes]

    def pieces(self) -> Iterator[bytes]:
        """The body, from its start; once."""
        return iter((self.body,)) if isinstance(self.body, bytes) else _read(self.body)


def _read(body: IO[bytes]) -> Iterator[bytes]:
    with body:
        body.seek(0)
        while piece := body.read(CHUNK):
            yield piece


class Exchange:
    """Asks one server, one request after the other; for one thread."""

    def __init__(self, host: str, port: int, *, timeout: float, retries: int) -> None:
        self._host, self._port, self._timeout, self._retries = host, port, timeout, retries
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def post(self, path: str, body: Body, headers: Mapping[str, str], retry: Callable[[str], None]) -> Reply:
        """POST; server errors, no answer and too many requests are tried again, and *retry* is told (BAT-05).

        Raises NoAnswerError.
        """
        for pause in (*PAUSES[: self._retries], None):
            status, problem = 0, ""
            try:
                status, reply = self._attempt(path, body, headers)
                if 200 <= status < 300:
                    return reply
                problem = f"status {status}: {_start(reply)}"
            except (OSError, http.client.HTTPException) as error:
                self._close()
                problem = f"no answer: {error or type(error).__name__}"
            if pause is None or (400 <= status < 500 and status != http.HTTPStatus.TOO_MANY_REQUESTS):
                break
            retry(problem)
            time.sleep(pause)
        raise NoAnswerError(problem)

    def _attempt(self, path: str, body: Body, headers: Mapping[str, str]) -> tuple[int, Reply]:
        reused = self._socket is not None
        try:
            return self._ask(path, body, headers)
        except (ConnectionError, http.client.BadStatusLine):
            self._close()
            if not reused:
                raise
            return self._ask(path, body, headers)  # a server may close a connection that idles: no failure

    def _ask(self, path: str, body: Body, headers: Mapping[str, str]) -> tuple[int, Reply]:
        if self._socket is None:
            self._socket = socket.create_connection((self._host, self._port), self._timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._send(self._socket, path, body, headers)
        with http.client.HTTPResponse(self._socket, method="POST") as response:
            response.begin()
            reply = Reply(response.getheader("Content-Type", ""), _kept(response))
            last = response.will_close
        if last:
            self._close()
        return response.status, reply

    def _send(self, sock: socket.socket, path: str, body: Body, headers: Mapping[str, str]) -> None:
        """Head and body at once where that can be: half the calls, and one packet for a short record."""
        framing = (
            {"Content-Length": str(len(body))}
            if isinstance(body, bytes)
            else {"Transfer-Encoding": "chunked"}
        )
        lines = [f"POST {path} HTTP/1.1", f"Host: {self._host}:{self._port}"]
        lines += [f"{name}: {value}" for name, value in {**headers, **framing}.items()]
        head = "\r\n".join([*lines, "\r\n"]).encode("ascii")
        if isinstance(body, bytes):
            sock.sendall(head + body)
            return
        sock.sendall(head)
        for piece in body():
            if piece:  # an empty chunk would be the end of the body
                sock.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        sock.sendall(b"0\r\n\r\n")


class Peer(Protocol):
    """What answers requests while a transform runs."""

    def exchange(self, timeout: float, retries: int) -> Exchange:
        """A connection of its own, for one thread."""

    def check(self) -> None:
        """Raise ByocError if nothing will be answered any more."""


def _kept(response: http.client.HTTPResponse) -> bytes | IO[bytes]:
    if response.length is not None and response.length <= LARGE:
        return response.read()
    kept: IO[bytes] = SpooledTemporaryFile(max_size=LARGE)  # noqa: SIM115 - closed by whoever reads it
    try:
        while piece := response.read(CHUNK):
            kept.write(piece)
    except BaseException:
        kept.close()
        raise
    return kept


def _start(reply: Reply) -> str:
    """The first words of an answer that is an error."""
    text = next(reply.pieces(), b"")[:500].decode(errors="replace")
    with suppress(AttributeError):
        reply.body.close()  # type: ignore[union-attr]
    return " ".join(text.split()) or "an empty answer"
