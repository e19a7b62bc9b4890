"""What batch transform does with records around the container: filter, join, filter (api:DataProcessing).

The input filter chooses what of a record is sent; joining puts the answer beside the record as it was; the
output filter chooses what of that is written. Records are CSV, JSON or JSON Lines, answers of the same kind.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from byoc_kit.job.batches import BadInputError
from byoc_kit.job.jsonpath import WHOLE, JsonPath

__all__ = ["BadOutputError", "DataProcessing", "kind_of", "output", "selection"]

Kind = Literal["csv", "json", "jsonlines"]
KINDS: dict[str, Kind] = {
    "text/csv": "csv",
    "application/json": "json",
    "application/jsonlines": "jsonlines",
    "application/x-jsonlines": "jsonlines",
    "application/x-ndjson": "jsonlines",
}
OUTPUT, INPUT = "SageMakerOutput", "SageMakerInput"  # members of a joined object


class BadOutputError(Exception):
    """An answer cannot be filtered or joined; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataProcessing:
    """CreateTransformJob's member of that name."""

    input_filter: JsonPath = WHOLE
    output_filter: JsonPath = WHOLE
    join: bool = False
    """JoinSource is Input."""

    @property
    def needs_answers(self) -> bool:
        """Whether answers are looked into before they are written."""
        return self.join or self.output_filter != WHOLE

    @property
    def is_needed(self) -> bool:
        """Whether records or answers are looked into at all."""
        return self.needs_answers or self.input_filter != WHOLE


def kind_of(content_type: str) -> Kind | None:
    """How a body of *content_type* is read; None: it cannot be looked into."""
    return KINDS.get(content_type.partition(";")[0].strip().lower())


def selection(path: JsonPath, kind: Kind) -> Callable[[bytes], bytes] | None:
    """What makes of a record what is sent of it; None: all is sent. It raises BadInputError."""
    if path == WHOLE:
        return None

    def select(record: bytes) -> bytes:
        try:
            return _written([path.select(value) for value in _values(record, kind)], kind, like=record)
        except (ValueError, LookupError) as error:
            raise BadInputError(f"the input filter {path.text} fails on a record: {error}") from error

    return select


def output(
    records: Iterable[bytes], kind: Kind, answer: bytes, answer_kind: Kind | None, asked: DataProcessing
) -> bytes:
    """What is written for *records*, of *kind*, that were answered with *answer*: one line for each.

    Raises BadOutputError where there is not one answer for each record (BAT-03).
    """
    if answer_kind is None or (asked.join and (answer_kind == "csv") != (kind == "csv")):
        raise BadOutputError("input and answer must both be text/csv, or both JSON or JSON Lines")
    try:
        answers = _values(answer, answer_kind)
        if asked.join:
            given = [value for record in records for value in _values(record, kind)]
            answers = _joined(given, answers)
        return _written([asked.output_filter.select(each) for each in answers], answer_kind, like=b"\n")
    except LookupError as error:
        raise BadOutputError(f"the output filter {asked.output_filter.text} fails: {error}") from error
    except ValueError as error:
        raise BadOutputError(f"the answer is not {answer_kind}: {error}") from error


def _joined(given: list[Any], answers: list[Any]) -> list[Any]:
    if len(given) != len(answers):
        raise BadOutputError(f"{len(given)} records were sent and {len(answers)} answers came (BAT-03)")
    return [_pair(value, answer) for value, answer in zip(given, answers, strict=True)]


def _pair(value: Any, answer: Any) -> Any:
    if isinstance(value, _Row):
        return _Row([*value, *answer])
    if isinstance(value, dict):
        return {**value, OUTPUT: answer}
    return {INPUT: value, OUTPUT: answer}


class _Row(list[str]):
    """A row of CSV, which joins otherwise than an array of JSON."""


def _values(body: bytes, kind: Kind) -> list[Any]:
    text = body.decode()
    if kind == "csv":
        return [_Row(row) for row in csv.reader(io.StringIO(text, newline="")) if row]
    if kind == "json" and (whole := _document(text)) is not None:
        return [whole]
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def _document(text: str) -> Any:
    """The value of *text*; None where it is several lines of JSON, as many containers answer a batch."""
    try:
        return json.loads(text)
    except ValueError:
        if "\n" in text.strip():
            return None
        raise


def _written(values: list[Any], kind: Kind, *, like: bytes) -> bytes:
    """*values* as lines; the last ends as *like* does."""
    if kind == "csv":
        lines = io.StringIO(newline="")
        csv.writer(lines, lineterminator="\n").writerows(
            value if isinstance(value, list) else [value] for value in values
        )
        text = lines.getvalue()
    else:
        text = "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)
    return (text if like.endswith(b"\n") else text.removesuffix("\n")).encode()
