"""Files through a server and back: order, concurrency, retries, failures, memory."""

import gzip
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.job.joining import DataProcessing
from byoc_kit.job.jsonpath import parse
from byoc_kit.job.transform import Parameters, TransformJob, parameters
from byoc_kit.local import exchange
from byoc_kit.local.exchange import Peer
from byoc_kit.local.transform import Transformed, find_inputs, transform
from byoc_kit.talk import Silence
from transform.stand_in import Say, StandIn, free_port, serving


def upper(body: bytes) -> Say:
    return 200, body.upper()


def run(
    peer: Peer, source: Path, into: Path, talk: Silence | None = None, **members: Any
) -> list[Transformed]:
    given: dict[str, Any] = {"name": "t", "source": PurePath(source), "content_type": "text/csv"}
    job = TransformJob(**given | {"split": "Line", "assemble": "Line", "retries": 0} | members)
    return list(transform(job, parameters(job, {}), find_inputs(source), into, peer, talk or Silence()))


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file of 500 short lines."""
    file = tmp_path / "rows.csv"
    file.write_text("".join(f"row {number}\n" for number in range(500)))
    return file


def test_answers_stand_in_the_order_of_records_whatever_comes_first(rows: Path, into: Path) -> None:
    def slow(body: bytes) -> Say:
        time.sleep(random.random() / 500)
        return upper(body)

    with serving(slow) as server:
        found = run(server, rows, into, strategy="SingleRecord", max_concurrent=8)
    assert (into / "rows.csv.out").read_bytes() == rows.read_bytes().upper()
    assert found == [Transformed("rows.csv", into / "rows.csv.out", records=500, requests=500)]
    assert 1 < server.most <= 8
    assert list(into.iterdir()) == [into / "rows.csv.out"]


def test_one_at_a_time_is_one_at_a_time(rows: Path, into: Path) -> None:
    with serving(upper) as server:
        run(server, rows, into, strategy="SingleRecord")
    assert server.most == 1
    assert server.bodies[:2] == [b"row 0\n", b"row 1\n"]
    assert {name: server.headers[0].get(name) for name in ("content-type", "accept", "content-length")} == {
        "content-type": "text/csv",
        "accept": None,
        "content-length": "6",
    }


def test_many_records_go_together(rows: Path, into: Path) -> None:
    with serving(upper) as server:
        found = run(server, rows, into, accept="text/csv")
    assert (server.bodies, server.headers[0]["accept"]) == ([rows.read_bytes()], "text/csv")
    assert (found[0].records, found[0].requests) == (500, 1)


def test_line_ends_are_added_only_where_they_are_missing(rows: Path, into: Path) -> None:
    with serving(lambda body: (200, b"[1]")) as server:
        run(server, rows, into, strategy="SingleRecord")
        assert (into / "rows.csv.out").read_bytes() == b"[1]\n" * 500
        run(server, rows, into, strategy="SingleRecord", assemble="None")
        assert (into / "rows.csv.out").read_bytes() == b"[1]" * 500


def test_a_folder_keeps_its_shape_and_hidden_files_stay_out(tmp_path: Path, into: Path) -> None:
    source = tmp_path / "in"
    (source / "deep").mkdir(parents=True)
    (source / ".hidden").mkdir()
    for name in ("b.csv", "deep/a.csv", "empty.csv", ".hidden/x", ".DS_Store"):
        (source / name).write_text("" if name == "empty.csv" else name)
    with serving(upper) as server:
        found = run(server, source, into, split="None", max_concurrent=4)
    assert [(each.name, each.requests) for each in found] == [
        ("b.csv", 1),
        ("deep/a.csv", 1),
        ("empty.csv", 0),
    ]
    outputs = {str(path.relative_to(into)): path.read_text() for path in into.rglob("*") if path.is_file()}
    assert outputs == {"b.csv.out": "B.CSV\n", "deep/a.csv.out": "DEEP/A.CSV\n", "empty.csv.out": ""}


def test_gzip_is_undone(tmp_path: Path, into: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"1\n2\n"))
    with serving(upper) as server:
        run(server, tmp_path / "a.csv.gz", into, compression="Gzip")
    assert server.bodies == [b"1\n2\n"]


def test_a_bad_record_costs_its_file_and_no_other(tmp_path: Path, into: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for name, content in [("a", "1\n2\n"), ("b", "1\nbad\n" + "3\n" * 1000), ("c", "5\n")]:
        (source / name).write_text(content)

    def picky(body: bytes) -> Say:
        return (400, b"cannot\n read that") if body == b"bad\n" else upper(body)

    with serving(picky) as server:
        found = run(server, source, into, strategy="SingleRecord", retries=3)
    assert [each.failure for each in found] == ["", "status 400: cannot read that", ""]
    assert sorted(path.name for path in into.iterdir()) == ["a.out", "c.out"]
    assert len(server.bodies) < 200, "what is left of a failed file is not sent"


def test_what_cannot_be_read_costs_its_file(tmp_path: Path, into: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "a").write_bytes(b"not gzip")
    (source / "b").write_bytes(gzip.compress(b"1\n"))
    with serving(upper) as server:
        found = run(server, source, into, compression="Gzip")
    assert "Not a gzipped file" in found[0].failure
    assert (into / "b.out").read_bytes() == b"1\n"


class Notes(Silence):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.done: list[tuple[int, int | None]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, task: str, done: int, total: int | None) -> None:
        self.done.append((done, total))


def failing(times: int, status: int = 503) -> Callable[[bytes], Say]:
    """Fails that often, then is good."""
    left = iter([status] * times)

    def answer(body: bytes) -> Say:
        problem = next(left, None)
        return (problem, b"not now") if problem else upper(body)

    return answer


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_error_is_tried_again(rows: Path, into: Path, status: int) -> None:
    """BAT-05."""
    talk = Notes()
    with serving(failing(1, status)) as server:
        found = run(server, rows, into, retries=1, talk=talk)
    assert found[0].failure == ""
    assert talk.notes == [f"asking again after status {status}: not now"]


def test_after_the_last_try_the_file_fails(rows: Path, into: Path) -> None:
    with serving(failing(2)) as server:
        assert run(server, rows, into, retries=1)[0].failure == "status 503: not now"
    assert len(server.bodies) == 2


def test_no_answer_in_time_fails(rows: Path, into: Path) -> None:
    def asleep(body: bytes) -> Say:
        time.sleep(1.5)
        return upper(body)

    with serving(asleep) as server:
        assert run(server, rows, into, timeout=1)[0].failure == "no answer: timed out"


def test_a_connection_that_the_server_closed_meanwhile_is_no_failure(rows: Path, into: Path) -> None:
    with serving(upper, hangs_up=True) as server:
        assert run(server, rows, into, strategy="SingleRecord")[0].requests == 500
    assert len(server.bodies) == 500


def test_a_server_that_is_gone_ends_the_job(rows: Path, into: Path) -> None:
    gone = StandIn(upper, port=free_port(), ended=True)
    with pytest.raises(ByocError, match="the server ended"):
        run(gone, rows, into, strategy="SingleRecord", max_concurrent=4)
    assert not list(into.glob("**/*"))


def test_payload_0_sends_in_chunks(rows: Path, into: Path) -> None:
    """BAT-04."""
    with serving(upper) as server:
        found = run(server, rows, into, max_payload=0)
        assert server.headers[0]["transfer-encoding"] == "chunked"
        assert server.bodies == [rows.read_bytes()]
        assert (into / "rows.csv.out").read_bytes() == rows.read_bytes().upper()
        assert found[0].requests == 1
        run(server, rows, into, max_payload=0, strategy="SingleRecord")
    assert server.bodies[1:3] == [b"row 0\n", b"row 1\n"]
    assert server.headers[1]["transfer-encoding"] == "chunked"


def test_a_large_answer_is_kept_on_disk_and_written_whole(rows: Path, into: Path) -> None:
    answer = random.randbytes(exchange.LARGE + 5)
    with serving(lambda body: (200, answer)) as server:
        run(server, rows, into, assemble="None")
    assert (into / "rows.csv.out").read_bytes() == answer


def test_reading_does_not_run_far_ahead_of_a_slow_answer(tmp_path: Path, into: Path) -> None:
    """What waits for the first answer is bounded."""
    file = tmp_path / "rows"
    file.write_text("".join(f"{number}\n" for number in range(2000)))
    release = threading.Event()

    def first_is_slow(body: bytes) -> Say:
        if body == b"0\n":
            release.wait(10)
        return upper(body)

    with serving(first_is_slow) as server:
        thread = threading.Thread(
            target=run, args=(server, file, into), kwargs={"strategy": "SingleRecord", "max_concurrent": 2}
        )
        thread.start()
        time.sleep(1.5)
        ahead = len(server.bodies)
        release.set()
        thread.join()
    assert ahead <= 2 * 64 + 2
    assert len((into / "rows.out").read_bytes().splitlines()) == 2000


def test_records_are_filtered_and_joined(tmp_path: Path, into: Path) -> None:
    (tmp_path / "a.csv").write_text("id1,x,y\nid2,p,q\n")
    asked = DataProcessing(
        input_filter=parse("$[1:]", option="-"), output_filter=parse("$[0,-1]", option="-"), join=True
    )
    with serving(upper) as server:
        run(server, tmp_path / "a.csv", into, processing=asked)
        assert server.bodies == [b"x,y\np,q\n"]
        assert (into / "a.csv.out").read_text() == "id1,Y\nid2,Q\n"
    with serving(lambda body: (200, b"one\n")) as server:
        failure = run(server, tmp_path / "a.csv", into, processing=asked)[0].failure
    assert failure == "2 records were sent and 1 answers came (BAT-03)"


def test_progress_ends_at_all_of_it_once(tmp_path: Path, into: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for name in "abc":
        (source / name).write_text("1\nbad\n" if name == "b" else "1\n")
    talk = Notes()
    with serving(lambda body: (400, b"") if b"bad" in body else upper(body)) as server:
        run(server, source, into, talk=talk, strategy="SingleRecord")
    assert [done for done in talk.done if done[0] == done[1]] == [(10, 10)]


def test_defaults_are_the_services() -> None:
    assert Parameters() == Parameters(max_concurrent=1, strategy="MultiRecord", max_payload=6)
