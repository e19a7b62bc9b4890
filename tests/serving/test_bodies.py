"""Bodies too large for memory, as an asynchronous endpoint sends them (ASY-01)."""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serving.driver import SERVING, Layout, Running, first_word, until

pytestmark = pytest.mark.long

MIB = 1 << 20

STREAMS = """
import hashlib, pathlib, tempfile, time

def model_fn(model_dir):
    return pathlib.Path(model_dir)

def input_stream_fn(stream, content_type):
    found, size = hashlib.sha256(), 0
    for piece in iter(lambda: stream.read(1 << 20), b""):
        found.update(piece)
        size += len(piece)
    return {"sha256": found.hexdigest(), "size": size, "type": content_type, "seekable": stream.seekable()}

def predict_fn(data, model):
    while (model / "wait").exists():
        time.sleep(0.01)
    return data
"""


def peak(running: Running) -> int:
    """The most resident bytes the process ever had."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def pieces(count: int) -> Iterator[bytes]:
    return (bytes([n % 256]) * MIB for n in range(count))


def told(running: Running, count: int) -> dict[str, object]:
    answer = running.predict(pieces(count), "application/octet-stream")
    assert answer.status == 200, answer.body
    found: dict[str, object] = json.loads(answer.body)
    return found


def test_a_body_larger_than_memory_allows_is_read_as_a_file(layout: Layout) -> None:
    layout.program(STREAMS)
    with layout.start("--targets", "async") as running:
        assert told(running, 0)["size"] == 0
        before = peak(running)
        answer = told(running, 300)
        assert peak(running) - before < 60 * MIB
    expected = hashlib.sha256()
    for piece in pieces(300):
        expected.update(piece)
    assert (answer["size"], answer["sha256"]) == (300 * MIB, expected.hexdigest())
    assert (answer["type"], answer["seekable"]) == ("application/octet-stream", True)


def test_a_large_answer_is_made_from_a_large_body_bit_by_bit(layout: Layout) -> None:
    layout.program("""
        def model_fn(model_dir): return 2
        def input_stream_fn(stream, content_type): return stream
        def predict_fn(stream, model): return (b"%04000d\\n" % (int(line) * model) for line in stream)
    """)
    with layout.start("--targets", "async") as running:
        assert int(running.predict(b"21\n").body) == 42
        before = peak(running)
        answer = running.predict(b"%04000d\n" % n for n in range(5000))
        assert list(map(int, answer.body.split())) == list(range(0, 10_000, 2))
        assert peak(running) - before < 20 * MIB


@pytest.mark.parametrize("size", [0, 1, 8 * MIB, 8 * MIB + 1, 11 * MIB])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_is_the_same_wherever_it_was_kept(layout: Layout, size: int, chunked: bool) -> None:
    layout.program("""
        def model_fn(d): return 1
        def input_fn(body, content_type): return body
        def predict_fn(d, m): return d
    """)
    body = os.urandom(size)
    with layout.start() as running:
        sent = iter([body[:5], body[5:]]) if chunked else body
        answer = running.predict(sent, "application/octet-stream", accept="*/*")
        assert answer.status == 200
        assert answer.body == body


def test_bodies_that_wait_for_their_turn_wait_on_disk(layout: Layout) -> None:
    layout.program(STREAMS)
    (layout.model / "wait").touch()
    with layout.start("--targets", "async") as running, ThreadPoolExecutor(5) as pool:
        before = peak(running)
        waiting = [pool.submit(told, running, 40) for _ in range(5)]
        until(lambda: open_files(running) >= 4)
        time.sleep(0.5)
        assert running.ping() == 200
        (layout.model / "wait").unlink()
        assert [answer.result()["size"] for answer in waiting] == [40 * MIB] * 5
        assert peak(running) - before < 90 * MIB
        until(lambda: open_files(running) == 0)


def opened(running: Running) -> list[str]:
    """What the process has open."""
    found = []
    for link in Path(f"/proc/{running.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.append(str(link.readlink()))
    return found


def open_files(running: Running) -> int:
    """Files without a name."""
    return sum(name.endswith("(deleted)") for name in opened(running))


def connections(running: Running) -> int:
    return sum(name.startswith("socket:") for name in opened(running))


def test_an_image_for_async_takes_1_gb_and_others_100_mb(layout: Layout) -> None:
    layout.program(STREAMS)
    for targets, status in (("async", 100), ("hosting", 413)):
        with layout.start("--targets", targets) as running:
            assert first_word(running, 10**9) == status


def test_an_image_for_async_holds_more_requests_than_others(layout: Layout) -> None:
    layout.program(STREAMS)
    (layout.model / "wait").touch()
    with layout.start("--targets", "async") as running, ThreadPoolExecutor(150) as pool:
        asked = [pool.submit(running.predict, b"1") for _ in range(150)]
        until(lambda: connections(running) >= 150)
        time.sleep(0.3)
        assert not any(answer.done() for answer in asked)
        (layout.model / "wait").unlink()
        assert {answer.result().status for answer in asked} == {200}


def test_a_disk_without_room_is_said(layout: Layout) -> None:
    layout.program(STREAMS)
    starter = layout.folder / "limited.py"
    starter.write_text(f"""
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({4 * MIB}, {4 * MIB}))
os.execv(sys.executable, [sys.executable, {str(SERVING)!r}, *sys.argv[1:]])
""")
    with layout.start(starter=starter) as running:
        answer = running.predict(b"x" * (9 * MIB), "application/octet-stream")
        assert answer.status == 507
        assert answer.error.startswith("the body finds no place on disk")
        assert running.predict(b"x", "application/octet-stream").status == 200


def test_a_program_with_both_ways_of_reading_and_transform_fn_is_refused(layout: Layout) -> None:
    layout.program("""
        def model_fn(d): return 1
        def transform_fn(a, b, c, d): ...
        def input_stream_fn(a, b): ...
    """)
    assert "has transform_fn and others beside it" in layout.fail().stderr
