"""An input file as the bodies of invocations: split into records, gathered into batches (BAT-03, BAT-07).

A record keeps its framing (the end of its line, the head of RecordIO or TFRecord): several records are sent
with it, a single binary record without (api:TransformInput, SplitType).
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Literal

from byoc_kit.job import recordio

__all__ = ["BadInputError", "Batch", "Split", "Strategy", "batches", "records"]

Split = Literal["None", "Line", "RecordIO", "TFRecord"]
Strategy = Literal["SingleRecord", "MultiRecord"]

TFRECORD_HEAD = struct.Struct("<QI")  # length; checksum of the length
TFRECORD_TAIL = 4  # bytes: the checksum of the content


class BadInputError(Exception):
    """The file cannot be split as it was asked for; the text says why, without the file's name."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one invocation is about."""

    body: bytes
    records: tuple[bytes, ...]
    """The records in it as they were in the file, before any filter."""


def records(stream: BinaryIO, split: Split, limit: int | None) -> Iterator[bytes]:
    """The records of *stream*, one at a time; with *limit*, the most bytes one may have.

    Raises BadInputError for a record over the limit, or framing that is not what *split* says.
    """
    return _READERS[split](stream, limit)


def batches(
    found: Iterable[bytes],
    *,
    split: Split,
    strategy: Strategy,
    limit: int | None,
    select: Callable[[bytes], bytes] | None = None,
) -> Iterator[Batch]:
    """The records *found* as batches of at most *limit* bytes; *select* makes of a record what is sent of it.

    Raises BadInputError for a record that is over the limit after *select*.
    """
    if strategy == "SingleRecord" or split == "None":
        bare = _CONTENTS.get(split)
        for record in found:
            body = bare(record) if bare else record
            yield Batch(_within(select(body) if select else body, limit), (record,))
        return
    yield from _full(found, limit, select)


def _full(
    found: Iterable[bytes], limit: int | None, select: Callable[[bytes], bytes] | None
) -> Iterator[Batch]:
    """As many records together as fit."""
    bodies, kept, size = list[bytes](), list[bytes](), 0
    for record in found:
        body = _within(select(record) if select else record, limit)
        if bodies and limit is not None and size + len(body) > limit:
            yield Batch(_together(bodies), tuple(kept))
            bodies, kept, size = [], [], 0
        bodies.append(body)
        kept.append(record)
        size += len(body)
    if bodies:
        yield Batch(_together(bodies), tuple(kept))


def _together(bodies: list[bytes]) -> bytes:
    return b"".join(bodies)


def _within(body: bytes, limit: int | None) -> bytes:
    if limit is not None and len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> BadInputError:
    return BadInputError(f"a record is larger than MaxPayloadInMB, {limit >> 20} MB")


def _whole(stream: BinaryIO, limit: int | None) -> Iterator[bytes]:
    content = stream.read() if limit is None else stream.read(limit + 1)
    if limit is not None and len(content) > limit:
        raise BadInputError(f"it is larger than MaxPayloadInMB, {limit >> 20} MB, and is not split")
    if content:
        yield content


def _lines(stream: BinaryIO, limit: int | None) -> Iterator[bytes]:
    if limit is None:
        yield from stream
        return
    while line := stream.readline(limit + 1):
        if len(line) > limit:
            raise _too_large(limit)
        yield line


def _recordio(stream: BinaryIO, limit: int | None) -> Iterator[bytes]:
    while head := stream.read(recordio.HEAD.size):
        magic, word = recordio.HEAD.unpack(_whole_of(head, recordio.HEAD.size))
        if magic != recordio.MAGIC:
            raise BadInputError("it is not RecordIO: a record does not start with the format's magic number")
        length = word & recordio.MOST
        yield head + _rest(stream, length + -length % 4, limit)


def _tfrecord(stream: BinaryIO, limit: int | None) -> Iterator[bytes]:
    while head := stream.read(TFRECORD_HEAD.size):
        length, _ = TFRECORD_HEAD.unpack(_whole_of(head, TFRECORD_HEAD.size))
        yield head + _rest(stream, length + TFRECORD_TAIL, limit)


def _rest(stream: BinaryIO, size: int, limit: int | None) -> bytes:
    if limit is not None and size > limit:
        raise _too_large(limit)
    return _whole_of(stream.read(size), size)


def _whole_of(piece: bytes, size: int) -> bytes:
    if len(piece) < size:
        raise BadInputError("it ends in the middle of a record")
    return piece


def _recordio_content(record: bytes) -> bytes:
    _, word = recordio.HEAD.unpack_from(record)
    return record[recordio.HEAD.size :][: word & recordio.MOST]


def _tfrecord_content(record: bytes) -> bytes:
    return record[TFRECORD_HEAD.size : -TFRECORD_TAIL]


_READERS: Mapping[Split, Callable[[BinaryIO, int | None], Iterator[bytes]]] = {
    "None": _whole,
    "Line": _lines,
    "RecordIO": _recordio,
    "TFRecord": _tfrecord,
}
_CONTENTS: Mapping[Split, Callable[[bytes], bytes]] = {
    "RecordIO": _recordio_content,
    "TFRecord": _tfrecord_content,
}
