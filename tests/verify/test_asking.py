"""Who asks a server measures what it does, and gives up when it should."""

import hashlib
import socket
import time

import pytest

from byoc_kit.contract.evidence import Exchange
from byoc_kit.local.asking import Asker, Made, Question
from verify.servers import Talked, after, answered, head_of, serving, whole_body


def ask(talk: Talked, **question: object) -> Exchange:
    with serving(talk) as port:
        return asker(port).ask(Question(**{"limit": 10.0, **question}))  # type: ignore[arg-type]


def asker(port: int) -> Asker:
    begun = time.monotonic()
    return Asker("127.0.0.1", port, lambda: time.monotonic() - begun)


def test_an_answer_is_told_with_its_digest_and_lines() -> None:
    body = b"1\n2\n3"
    seen = ask(
        lambda connection: connection.sendall(
            answered(whole_body(connection)[::-1], "201 Created", "X-One: A")
        ),
        body=body[::-1],
    )
    assert (seen.status, seen.body, seen.size, seen.lines, seen.sent) == (201, "1\n2\n3", 5, 3, 5)
    assert seen.digest == hashlib.sha256(body).hexdigest()
    assert seen.headers["x-one"] == "A"
    assert seen.error == ""


def test_a_large_body_is_made_while_it_is_sent() -> None:
    size = 200 << 20
    seen: list[tuple[int, bytes]] = []

    def talk(connection: socket.socket) -> None:
        rest = len(head_of(connection).partition(b"\r\n\r\n")[2])
        last = b""
        while rest < size:
            last = connection.recv(1 << 20)
            rest += len(last)
        seen.append((rest, last[-5:]))
        connection.sendall(answered(b"ok"))

    found = ask(talk, body=Made(size, tail=b"[[1]]"), limit=60.0)
    assert (found.status, found.sent) == (200, size)
    assert seen == [(size, b"[[1]]")]


@pytest.mark.parametrize("size", [5, 6, 70_000])
def test_a_made_body_has_its_size_and_tail(size: int) -> None:
    whole = b"".join(Made(size, tail=b"hello").pieces())
    assert (len(whole), whole[-5:]) == (size, b"hello")


def test_a_body_in_chunks_tells_no_length() -> None:
    heads: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        text = head_of(connection)
        while not text.endswith(b"0\r\n\r\n"):
            text += connection.recv(1 << 16)
        heads.append(text)
        connection.sendall(answered(b""))

    assert ask(talk, body=b"hello!", chunked=True).status == 200
    head, _, body = heads[0].partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Length" not in head
    assert body == b"3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n"


def test_the_first_byte_is_timed() -> None:
    def talk(connection: socket.socket) -> None:
        whole_body(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        time.sleep(0.5)
        connection.sendall(b"1\r\nb\r\n0\r\n\r\n")

    seen = ask(talk)
    assert seen.body == "ab"
    assert seen.first_byte is not None
    assert seen.seconds - seen.first_byte > 0.1


def test_who_does_not_answer_is_given_up() -> None:
    begun = time.monotonic()
    seen = ask(after(30), limit=0.5)
    assert seen.status is None
    assert seen.error == "no whole answer within 0.5 s"
    assert time.monotonic() - begun < 10


def test_who_answers_drop_by_drop_is_given_up_too() -> None:
    def talk(connection: socket.socket) -> None:
        whole_body(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b".")
            time.sleep(0.1)

    seen = ask(talk, limit=1.0)
    assert (seen.status, seen.error) == (None, "no whole answer within 1 s")
    assert seen.seconds < 6


def test_who_never_reads_is_given_up() -> None:
    seen = ask(lambda _: time.sleep(30), body=Made(100 << 20), limit=1.0)
    assert (seen.status, seen.error) == (None, "no whole answer within 1 s")


def test_an_answer_that_breaks_off_is_none() -> None:
    def talk(connection: socket.socket) -> None:
        whole_body(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")

    seen = ask(talk)
    assert seen.status is None
    assert seen.error


def test_a_refusal_before_the_body_was_read_is_heard() -> None:
    def talk(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(answered(b"too large", "413 Content Too Large", "Connection: close"))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 20):
            pass

    seen = ask(talk, body=Made(50 << 20))
    assert (seen.status, seen.body) == (413, "too large")
    assert seen.sent < 50 << 20


def test_a_request_can_be_under_way_for_a_while() -> None:
    told: list[float] = []
    begun = time.monotonic()
    with serving(lambda connection: connection.sendall(answered(whole_body(connection)))) as port:
        question = Question(
            body=b"hello", pause=0.5, halfway=lambda: told.append(time.monotonic() - begun), limit=10
        )
        seen = asker(port).ask(question)
    assert seen.body == "hello"
    assert seen.seconds - told[0] >= 0.45


def test_a_slow_body_drips_so_that_nobody_takes_it_for_dead() -> None:
    waits: list[float] = []

    def talk(connection: socket.socket) -> None:
        connection.settimeout(0.5)
        text, last = head_of(connection), time.monotonic()
        while not text.endswith(b"c" * 50):
            text += connection.recv(1 << 16)
            waits.append(time.monotonic() - last)
            last = time.monotonic()
        connection.sendall(answered(b""))

    seen = ask(talk, body=b"a" * 25 + b"b" * 25 + b"c" * 50, pause=1.0)
    assert (seen.status, seen.sent) == (200, 100)
    assert len(waits) > 20


def test_a_ping_tells_when_the_connection_stood() -> None:
    with serving(after(0.3)) as port:
        ping = asker(port).ping(5)
    assert ping.status == 200
    assert ping.connect is not None
    assert ping.seconds - ping.connect > 0.2


def test_a_ping_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ping = asker(port).ping(5)
    assert (ping.status, ping.connect) == (None, None)


@pytest.mark.parametrize("junk", [b"", b"hello\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_junk_is_no_answer(junk: bytes) -> None:
    def talk(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(junk)

    seen = ask(talk)
    assert seen.status is None
    assert seen.error
