"""Our few frames are those of RFC 6455, as another program of it understands them."""

import base64
import hashlib
import socket

import pytest

from byoc_kit.local.websocket import BINARY, CLOSE, PING, PONG, TEXT, Frame, WebSocket
from verify.servers import Talked, head_of, serving

KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MASKED_HELLO = bytes.fromhex("818537fa213d7f9f4d5158")  # RFC 6455, section 5.7


def accepting(talk: Talked, got: list[bytes]) -> Talked:
    """A server that opens a WebSocket as section 4.2.2 has it, and then talks."""

    def whole(connection: socket.socket) -> None:
        head = head_of(connection)
        got.append(head)
        key = next(line[19:] for line in head.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: "))
        accept = base64.b64encode(hashlib.sha1(key + KEY, usedforsecurity=False).digest())
        lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"]
        connection.sendall(b"\r\n".join([*lines, b"Sec-WebSocket-Accept: " + accept, b"", b""]))
        talk(connection)

    return whole


def unmasked(frame: bytes) -> bytes:
    size = frame[1] & 0x7F
    start = 4 if size == 126 else 2
    mask = frame[start : start + 4]
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(frame[start + 4 :]))


def test_the_reader_of_this_test_reads_the_standards_example() -> None:
    assert unmasked(MASKED_HELLO) == b"Hello"


@pytest.mark.parametrize("size", [0, 5, 125, 126, 5000])
def test_frames_are_masked_and_tell_their_length(size: int) -> None:
    heads: list[bytes] = []
    frames: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        frames.append(connection.recv(1 << 16))
        connection.sendall(bytes([0x80 | CLOSE, 0]))

    with serving(accepting(talk, heads)) as port, WebSocket("127.0.0.1", port, "/talk", limit=5) as opened:
        assert opened.status == 101
        opened.send(TEXT, b"x" * size)
        assert [frame.kind for frame in opened.frames()] == [CLOSE]
    assert heads[0].startswith(b"GET /talk HTTP/1.1\r\n")
    assert frames[0][0] == 0x81
    assert frames[0][1] & 0x80
    assert unmasked(frames[0]) == b"x" * size


def test_what_comes_is_told_frame_by_frame() -> None:
    def talk(connection: socket.socket) -> None:
        long = b"y" * 300
        connection.sendall(bytes([0x80 | PONG, 2]) + b"hi" + bytes([0x80 | BINARY, 126, 1, 44]) + long[:100])
        connection.sendall(long[100:] + bytes([0x80 | CLOSE, 2, 3, 232]) + b"after the end")

    with serving(accepting(talk, [])) as port, WebSocket("127.0.0.1", port, "/", limit=5) as opened:
        assert list(opened.frames()) == [
            Frame(PONG, b"hi"),
            Frame(BINARY, b"y" * 300),
            Frame(CLOSE, b"\x03\xe8"),
        ]


def test_a_connection_that_ends_ends_the_frames() -> None:
    with (
        serving(accepting(lambda connection: connection.sendall(bytes([0x81, 5]) + b"he"), [])) as port,
        WebSocket("127.0.0.1", port, "/", limit=5) as opened,
    ):
        assert list(opened.frames()) == []


def test_who_knows_no_websocket_says_so() -> None:
    def talk(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    with serving(talk) as port, WebSocket("127.0.0.1", port, "/", limit=5) as opened:
        assert opened.status == 404


def test_a_ping_without_a_pong_runs_out_of_time() -> None:
    def talk(connection: socket.socket) -> None:
        while connection.recv(100):
            pass

    with serving(accepting(talk, [])) as port, WebSocket("127.0.0.1", port, "/", limit=0.3) as opened:
        opened.send(PING, b"")
        with pytest.raises(TimeoutError):
            next(opened.frames())
