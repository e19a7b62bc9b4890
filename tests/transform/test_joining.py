"""Filters and joins of batch transform, by the examples of the service's own pages."""

import json

import pytest

from byoc_kit.job.batches import BadInputError
from byoc_kit.job.joining import BadOutputError, DataProcessing, Kind, kind_of, output, selection
from byoc_kit.job.jsonpath import WHOLE, parse


def joined(record: bytes, answer: bytes, kind: Kind = "json", output_filter: str = "$") -> bytes:
    asked = DataProcessing(join=True, output_filter=parse(output_filter, option="--output-filter"))
    return output([record], kind, answer, kind, asked)


@pytest.mark.parametrize(
    ("text", "record", "kind", "sent"),
    [
        ("$[1:]", b"id,5.1,3.5\n", "csv", b"5.1,3.5\n"),
        ("$[1]", b"id,5.1,3.5", "csv", b"5.1"),
        ("$[1:]", b'id,"a, b",3\n', "csv", b'"a, b",3\n'),
        ("$.features", b'{"id": 1, "features": [1, 2]}\n', "jsonlines", b"[1, 2]\n"),
        ("$.features", b'{"id": 1, "features": [1, 2]}', "json", b"[1, 2]"),
        ("$.t", '{"t": "é"}'.encode(), "json", '"é"'.encode()),
        ("$[0]", b"1,2\n3,4\n", "csv", b"1\n3\n"),
    ],
)
def test_the_input_filter_chooses_what_is_sent(text: str, record: bytes, kind: Kind, sent: bytes) -> None:
    select = selection(parse(text, option="--input-filter"), kind)
    assert select is not None
    assert select(record) == sent


def test_no_filter_costs_nothing() -> None:
    assert selection(WHOLE, "csv") is None


@pytest.mark.parametrize(
    ("text", "record", "kind"),
    [
        ("$[9]", b"1,2\n", "csv"),
        ("$.x", b"[1]", "json"),
        ("$.x", b"{oops", "json"),
        ("$[0]", b"\xff\n", "csv"),
    ],
)
def test_a_record_that_the_filter_does_not_fit_is_told(text: str, record: bytes, kind: Kind) -> None:
    select = selection(parse(text, option="--input-filter"), kind)
    assert select is not None
    with pytest.raises(BadInputError, match="the input filter"):
        select(record)


def test_answers_join_at_the_end_of_rows() -> None:
    assert joined(b"1,2\n", b"0.9\n", "csv") == b"1,2,0.9\n"
    assert joined(b"1,2\n", b"0.9\n", "csv", "$[0,-1]") == b"1,0.9\n"


def test_answers_join_objects_as_a_member() -> None:
    assert json.loads(joined(b'{"id": 1}\n', b"[0.9]", "jsonlines")) == {"id": 1, "SageMakerOutput": [0.9]}
    assert json.loads(joined(b"[1, 2]", b"0.9")) == {"SageMakerInput": [1, 2], "SageMakerOutput": 0.9}
    chosen = joined(b'{"id": 1, "x": 2}', b"0.9", output_filter="$['id','SageMakerOutput']")
    assert chosen == b'{"id": 1, "SageMakerOutput": 0.9}\n'


def test_a_batch_joins_record_by_record() -> None:
    asked = DataProcessing(join=True)
    assert output([b"1\n", b"2\n"], "csv", b"a\nb\n", "csv", asked) == b"1,a\n2,b\n"
    lines = output([b'{"a":1}\n', b'{"a":2}\n'], "jsonlines", b"1\n2\n", "json", asked)
    assert [json.loads(line)["SageMakerOutput"] for line in lines.splitlines()] == [1, 2]


def test_the_output_filter_works_without_a_join() -> None:
    asked = DataProcessing(output_filter=parse("$.score", option="--output-filter"))
    assert output([], "json", b'{"score": 0.5, "label": "x"}', "json", asked) == b"0.5\n"


@pytest.mark.parametrize(
    ("records", "answer", "kinds", "why"),
    [
        ([b"1\n", b"2\n"], b"a\n", ("csv", "csv"), r"2 records were sent and 1 answers came \(BAT-03\)"),
        ([b"{}\n", b"{}\n"], b"[1, 2]", ("jsonlines", "json"), "2 records were sent and 1 answers"),
        ([b"1\n"], b"[1]", ("csv", "json"), "both be text/csv"),
        ([b"1\n"], b"a", ("csv", None), "both be text/csv"),
        ([b"{}"], b"oops", ("json", "json"), "the answer is not json"),
    ],
)
def test_an_answer_that_does_not_fit_is_told(
    records: list[bytes], answer: bytes, kinds: tuple[Kind, Kind | None], why: str
) -> None:
    with pytest.raises(BadOutputError, match=why):
        output(records, kinds[0], answer, kinds[1], DataProcessing(join=True))


def test_an_output_filter_that_does_not_fit_is_told() -> None:
    with pytest.raises(BadOutputError, match=r"the output filter \$\.x fails: .* no member 'x'"):
        joined(b'{"id": 1}', b"1", output_filter="$.x")


def test_kinds_go_by_the_content_type() -> None:
    kinds = [kind_of(text) for text in ("text/csv; charset=utf-8", "Application/JSONLines", "image/png", "")]
    assert kinds == ["csv", "jsonlines", None, None]
