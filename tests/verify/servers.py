"""Small servers for tests of those who ask: each answers one connection with what a test gives it."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

__all__ = ["Talked", "after", "answered", "head_of", "serving", "whole_body"]

Talked = Callable[[socket.socket], None]
"""Has one connection; what it does is what the server does."""


@contextlib.contextmanager
def serving(talk: Talked) -> Iterator[int]:
    """The port of a server that gives each of its connections to *talk*, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        threading.Thread(target=_accept, args=(listening, talk), daemon=True).start()
        yield listening.getsockname()[1]
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def _accept(listening: socket.socket, talk: Talked) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_talk, args=(connection, talk), daemon=True).start()


def _talk(connection: socket.socket, talk: Talked) -> None:
    with connection, contextlib.suppress(OSError):
        talk(connection)


def head_of(connection: socket.socket) -> bytes:
    """What comes up to the end of a request's head, and what came with it."""
    text = b""
    while b"\r\n\r\n" not in text:
        piece = connection.recv(1 << 16)
        if not piece:
            break
        text += piece
    return text


def whole_body(connection: socket.socket) -> bytes:
    """The body of a request that tells its length."""
    head, _, body = head_of(connection).partition(b"\r\n\r\n")
    length = next(
        int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    parts, size = [body], len(body)
    while size < length:
        parts.append(connection.recv(1 << 20))
        size += len(parts[-1])
    return b"".join(parts)


def answered(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def after(seconds: float, body: bytes = b"") -> Talked:
    """A server that thinks for *seconds*."""

    def talk(connection: socket.socket) -> None:
        head_of(connection)
        time.sleep(seconds)
        connection.sendall(answered(body))

    return talk
