"""A container's words: whole in a file, line by line to a person."""

import io

from byoc_kit.local.containers import TAIL, Log


def test_lines_are_told_when_they_are_complete() -> None:
    told: list[str] = []
    file = io.BytesIO()
    log = Log(file, told.append)
    log.feed(b"one\ntw")
    assert told == ["one"]
    log.feed("o é\nthr".encode())
    assert told == ["one", "two é"]
    log.finish()
    assert told == ["one", "two é", "thr"]
    assert file.getvalue() == "one\ntwo é\nthr".encode()


def test_a_letter_may_come_in_two_pieces() -> None:
    told: list[str] = []
    log = Log(io.BytesIO(), told.append)
    first, second = b"caf\xc3", b"\xa9\n"
    log.feed(first)
    log.feed(second)
    assert told == ["café"]


def test_of_a_progress_bar_the_last_state_is_told() -> None:
    """TRN-14."""
    told: list[str] = []
    file = io.BytesIO()
    Log(file, told.append).feed(b"1%\r50%\r100%\r\n")
    assert told == ["100%"]
    assert file.getvalue() == b"1%\r50%\r100%\r\n"


def test_an_error_can_quote_the_end() -> None:
    log = Log(io.BytesIO(), lambda text: None)
    log.feed(b"".join(b"%d\n" % number for number in range(100)))
    assert list(log.tail) == [str(number) for number in range(100 - TAIL, 100)]
