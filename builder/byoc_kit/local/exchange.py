"""One connection to a server, and what came back: the small client under a batch transform.

It holds a connection open and sends as little as it can, so that a job of very many small requests is bound
by the server and not by its client. An answer of any size is kept: in memory, or on disk where it is large.
"""

import http.client
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
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
        if isinstance(self.body, bytes):
            yield self.body
            return
        with self.body as kept:
            kept.seek(0)
            while piece := kept.read(CHUNK):
                yield piece


class Exchange:
    """Asks one server, one request after the other; for one thread."""

    def __init__(self, host: str, port: int, *, timeout: float, retries: int) -> None:
        self._retries = retries
        self._connection = http.client.HTTPConnection(host, port, timeout=timeout)
        self._used = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

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
                self._connection.close()
                problem = f"no answer: {error or type(error).__name__}"
            if pause is None or (400 <= status < 500 and status != http.HTTPStatus.TOO_MANY_REQUESTS):
                break
            retry(problem)
            time.sleep(pause)
        raise NoAnswerError(problem)

    def _attempt(self, path: str, body: Body, headers: Mapping[str, str]) -> tuple[int, Reply]:
        reused, self._used = self._used and self._connection.sock is not None, True
        try:
            return self._send(path, body, headers)
        except (ConnectionError, http.client.BadStatusLine):
            if not reused:
                raise
            self._connection.close()  # a server may close a connection that idles: that is no failure
            return self._send(path, body, headers)

    def _send(self, path: str, body: Body, headers: Mapping[str, str]) -> tuple[int, Reply]:
        connection = self._connection
        connection.putrequest("POST", path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if isinstance(body, bytes):
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
        else:
            connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders(_without_empty(body()), encode_chunked=True)
        response = connection.getresponse()
        with response:
            reply = Reply(response.getheader("Content-Type", ""), _kept(response))
            return response.status, reply


class Peer(Protocol):
    """What answers requests while a transform runs."""

    def exchange(self, timeout: float, retries: int) -> Exchange:
        """A connection of its own, for one thread."""

    def check(self) -> None:
        """Raise ByocError if nothing will be answered any more."""


def _without_empty(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """An empty chunk would be the end of the body."""
    return (piece for piece in pieces if piece)


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
