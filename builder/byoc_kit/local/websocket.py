"""A WebSocket client of a few frames (RFC 6455), to see how a server takes them."""

import base64
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["BINARY", "CLOSE", "CONTINUATION", "PING", "PONG", "TEXT", "Frame", "WebSocket"]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FINAL = 0x80
MASKED = 0x80
MOST = 1 << 20  # bytes of one frame that are taken
HEAD = 16 << 10  # bytes of the answer to the handshake


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame that came."""

    kind: int
    data: bytes


class WebSocket:
    """One connection; a context. Methods raise OSError where the connection breaks or time runs out."""

    def __init__(self, host: str, port: int, path: str, *, limit: float) -> None:
        """Connect and ask for a WebSocket; *limit* seconds are given to each step."""
        self._sock = socket.create_connection((host, port), limit)
        self._sock.settimeout(limit)
        self._rest = b""
        self.status: int | None = None
        """Of the answer to the handshake: 101 opens it; None: it was no answer."""
        self._shake_hands(f"{host}:{port}", path)

    def __enter__(self) -> "WebSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def _shake_hands(self, host: str, path: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        self._sock.sendall("\r\n".join(lines).encode())
        while b"\r\n\r\n" not in self._rest and len(self._rest) < HEAD:
            piece = self._sock.recv(4096)
            if not piece:
                break
            self._rest += piece
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        words = head.split(b"\r\n", 1)[0].split()
        self.status = int(words[1]) if len(words) > 1 and words[1].isdigit() else None

    def send(self, kind: int, data: bytes, *, final: bool = True) -> None:
        """Send one frame; clients mask theirs."""
        mask = os.urandom(4)
        size = len(data)
        assert size < 1 << 16, "frames of ours are small"
        length = bytes([MASKED | size]) if size < 126 else struct.pack("!BH", MASKED | 126, size)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        self._sock.sendall(bytes([(FINAL if final else 0) | kind]) + length + mask + masked)

    def frames(self) -> Iterator[Frame]:
        """What comes, until a Close frame or the end of the connection."""
        while (head := self._take(2)) is not None:
            size = head[1] & 0x7F
            if size > 125:
                more = self._take(2 if size == 126 else 8) or b""
                size = int.from_bytes(more, "big")
            data = self._take(size) if size <= MOST else None
            if data is None:
                return
            yield Frame(head[0] & 0x0F, data)
            if head[0] & 0x0F == CLOSE:
                return

    def _take(self, size: int) -> bytes | None:
        """The next *size* bytes; None at the end of the connection."""
        while len(self._rest) < size:
            piece = self._sock.recv(1 << 16)
            if not piece:
                return None
            self._rest += piece
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken
