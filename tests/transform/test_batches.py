"""Files into records, records into batches."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc_kit.job.batches import BadInputError, Split, Strategy, batches, records

MB = 1 << 20
LINES = st.lists(st.binary(max_size=20).map(lambda text: text.replace(b"\n", b"") + b"\n"), max_size=30)


def sent(
    content: bytes, split: Split, strategy: Strategy = "SingleRecord", limit: int | None = 6 * MB
) -> list[bytes]:
    found = records(io.BytesIO(content), split, limit)
    return [batch.body for batch in batches(found, split=split, strategy=strategy, limit=limit)]


def recordio(*contents: bytes) -> bytes:
    heads = (struct.pack("<II", 0xCED7230A, len(content)) for content in contents)
    padded = (content + bytes(-len(content) % 4) for content in contents)
    return b"".join(head + content for head, content in zip(heads, padded, strict=True))


def tfrecord(*contents: bytes) -> bytes:
    return b"".join(struct.pack("<QI", len(each), 1) + each + bytes(4) for each in contents)


def test_a_whole_file_is_one_body() -> None:
    assert sent(b"1\n2\n", "None", "MultiRecord") == [b"1\n2\n"]


def test_single_records_go_one_by_one() -> None:
    assert sent(b"1\n2\n3", "Line") == [b"1\n", b"2\n", b"3"]


def test_a_line_end_at_the_end_is_no_record() -> None:
    """BAT-07."""
    assert len(sent(b"1\n2\n", "Line")) == 2


@given(LINES, st.integers(25, 100))
def test_batches_are_full_and_lose_nothing(lines: list[bytes], limit: int) -> None:
    """BAT-03."""
    bodies = sent(b"".join(lines), "Line", "MultiRecord", limit)
    assert b"".join(bodies) == b"".join(lines)
    assert all(len(body) <= limit for body in bodies)
    firsts = [body[: body.index(b"\n") + 1] for body in bodies[1:]]
    assert all(len(body) + len(first) > limit for body, first in zip(bodies[:-1], firsts, strict=True))


@pytest.mark.parametrize(("split", "made"), [("RecordIO", recordio), ("TFRecord", tfrecord)])
def test_binary_records_lose_their_framing_alone_and_keep_it_together(split: Split, made: object) -> None:
    """api:TransformInput, SplitType."""
    assert callable(made)
    content = made(b"abc", b"", b"12345678")
    assert sent(content, split) == [b"abc", b"", b"12345678"]
    assert sent(content, split, "MultiRecord") == [content]


def test_an_empty_file_has_no_records() -> None:
    kinds: list[Split] = ["None", "Line", "RecordIO", "TFRecord"]
    assert [sent(b"", kind) for kind in kinds] == [[], [], [], []]


@pytest.mark.parametrize(
    ("content", "split", "why"),
    [
        (bytes(MB + 1), "None", "larger than MaxPayloadInMB, 1 MB, and is not split"),
        (bytes(MB + 1), "Line", "a record is larger than MaxPayloadInMB, 1 MB"),
        (recordio(bytes(MB + 1)), "RecordIO", "a record is larger"),
        (tfrecord(bytes(MB + 1)), "TFRecord", "a record is larger"),
        (b"1,2,3,4\n", "RecordIO", "not RecordIO"),
        (recordio(b"abcd")[:-1], "RecordIO", "ends in the middle"),
        (tfrecord(b"abcd")[:5], "TFRecord", "ends in the middle"),
    ],
)
def test_what_cannot_be_split_is_told(content: bytes, split: Split, why: str) -> None:
    with pytest.raises(BadInputError, match=why):
        sent(content, split, limit=MB)


def test_without_a_limit_all_goes_together() -> None:
    """MaxPayloadInMB 0 (BAT-04)."""
    assert sent(b"1\n2\n" * MB, "Line", "MultiRecord", None) == [b"1\n2\n" * MB]


def test_a_filter_decides_what_is_sent_and_the_record_is_kept() -> None:
    found = records(io.BytesIO(b"a1\nb2\n"), "Line", 100)
    made = batches(found, split="Line", strategy="MultiRecord", limit=4, select=lambda line: line[1:])
    assert [(batch.body, batch.records) for batch in made] == [(b"1\n2\n", (b"a1\n", b"b2\n"))]
