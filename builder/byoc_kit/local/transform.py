"""The work of a batch transform: files in, requests at most so many at a time, answers in order, files out.

::

    one generator reads and splits -> N threads ask -> one window puts answers in order -> NAME.out

Memory is bounded: at most so many requests and bytes are between reading and writing. A file with a bad
record leaves no output and fails the job, but the other files are transformed (as in the cloud).
"""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from byoc_kit.job.batches import BadInputError, Batch, batches, records
from byoc_kit.job.joining import BadOutputError, kind_of, output, selection
from byoc_kit.job.transform import Parameters, TransformJob
from byoc_kit.local.exchange import Body, Exchange, NoAnswerError, Peer, Reply
from byoc_kit.talk import Talk

__all__ = ["Input", "Transformed", "find_inputs", "transform"]

MOST_WAITING = 64  # answers for each thread that may wait for an earlier one
MOST_BYTES = 32 << 20  # of requests between reading and writing, beyond those under way
CHUNK = 1 << 20  # bytes of a piece of a file that is sent in chunks
TELL = 0.2  # seconds between two reports of progress


@dataclass(frozen=True, slots=True)
class Input:
    """A file to transform; *name* is its path below the folder that was given."""

    path: Path
    name: str
    size: int


@dataclass(slots=True)
class Transformed:
    """What became of one file."""

    name: str
    output: Path | None = None
    """None: it failed, and so left nothing."""
    records: int = 0
    requests: int = 0
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of the file with this number. Without batch and body: the file has been read to its end."""

    file: int
    batch: Batch | None = None
    body: Body | None = None
    read: int = 0
    """Bytes of the file that this request takes along."""
    fault: str = ""

    @property
    def size(self) -> int:
        """Bytes that it holds in memory."""
        return len(self.batch.body) if self.batch else 0


def find_inputs(source: Path) -> tuple[Input, ...]:
    """The file *source*, or the files below it by name; hidden ones are left out."""
    if source.is_file():
        return (Input(source, source.name, source.stat().st_size),)
    found = (path for path in sorted(source.rglob("*")) if path.is_file())
    named = ((path, path.relative_to(source)) for path in found)
    return tuple(
        Input(path, name.as_posix(), path.stat().st_size)
        for path, name in named
        if not any(part.startswith(".") for part in name.parts)
    )


def transform(
    job: TransformJob, agreed: Parameters, inputs: tuple[Input, ...], into: Path, server: Peer, talk: Talk
) -> tuple[Transformed, ...]:
    """Send *inputs* to *server* and write the answers below *into*; what became of each file, in order.

    Raises ByocError where the server ends; a file that fails is in the result.
    """
    writer = Writer(job, inputs, into, talk)
    with closing(writer):
        Pump(job, agreed, inputs, writer, server, talk).run()
    return tuple(writer.results)


class Writer:
    """Gets answers in the order of the input, and makes of them one file after the other."""

    def __init__(self, job: TransformJob, inputs: tuple[Input, ...], into: Path, talk: Talk) -> None:
        self._job, self._inputs, self._into, self._talk = job, inputs, into, talk
        self.results = [Transformed(each.name) for each in inputs]
        self._open: BinaryIO | None = None
        self._part = into
        self._before = self._current = 0  # bytes of the files that are done, and of the one that is not
        self._total = sum(each.size for each in inputs)
        self._told, self._shown = 0.0, 0

    def failed(self, number: int) -> bool:
        """Whether nothing more of this file is wanted."""
        return bool(self.results[number].failure)

    def put(self, ask: Ask, outcome: Iterator[bytes] | str) -> None:
        """Take an answer, or why there is none; an ask without a body ends its file."""
        result = self.results[ask.file]
        if isinstance(outcome, str):
            result.failure = result.failure or outcome
        elif ask.body is None:
            self._finish(ask.file)
        elif not result.failure:
            self._write(ask.file, outcome)
            result.requests += 1
            result.records += len(ask.batch.records) if ask.batch else 1
        self._current += ask.read
        self._tell()

    def _write(self, number: int, pieces: Iterator[bytes]) -> None:
        file = self._open or self._begin(number)
        last = b""
        for piece in pieces:
            file.write(piece)
            last = piece
        if self._job.assemble == "Line" and not last.endswith(b"\n"):
            file.write(b"\n")

    def _begin(self, number: int) -> BinaryIO:
        target = self._into / f"{self._inputs[number].name}.out"
        target.parent.mkdir(parents=True, exist_ok=True)
        self._part = target.with_name(f".{target.name}.part")
        self._open = self._part.open("wb")
        return self._open

    def _finish(self, number: int) -> None:
        result = self.results[number]
        self._before, self._current = self._before + self._inputs[number].size, 0
        if result.failure:
            self.close()
            return
        (self._open or self._begin(number)).close()
        self._open = None
        result.output = self._part.with_name(self._part.name.removeprefix(".").removesuffix(".part"))
        self._part.replace(result.output)

    def close(self) -> None:
        """Remove what has not become whole."""
        if self._open is not None:
            self._open.close()
            self._open = None
            self._part.unlink(missing_ok=True)

    def _tell(self) -> None:
        done = self._before + self._current
        late = time.monotonic() - self._told > TELL
        if done != self._shown and (done >= self._total or late):
            self._told, self._shown = time.monotonic(), done
            self._talk.progress("transform", done, self._total)


@dataclass(slots=True)
class Window:
    """Answers that wait for earlier ones; numbers are in the order of reading."""

    taken: int = 0
    written: int = 0
    held: int = 0
    """Bytes of requests taken and not yet written."""
    done: dict[int, tuple[Ask, Iterator[bytes] | str]] = field(default_factory=dict)

    def has_room(self, threads: int) -> bool:
        """Whether one more request may be read."""
        waiting = self.taken - self.written
        return waiting < threads or (waiting < MOST_WAITING * threads and self.held < MOST_BYTES)


class Pump:
    """Threads that take requests from the reader, ask, and hand answers to the writer in order."""

    def __init__(
        self,
        job: TransformJob,
        agreed: Parameters,
        inputs: tuple[Input, ...],
        writer: Writer,
        server: Peer,
        talk: Talk,
    ) -> None:
        self._job, self._threads, self._server, self._talk = job, agreed.max_concurrent, server, talk
        self._headers = {"Content-Type": job.content_type, **({"Accept": job.accept} if job.accept else {})}
        self._writer = writer
        self._asks = _asks(job, agreed, inputs, writer.failed)
        self._window = Window()
        self._changed = threading.Condition()
        self._stopping = False
        self._error: BaseException | None = None

    def run(self) -> None:
        """Until everything is read and written. Raises what no file can be blamed for."""
        threads = [threading.Thread(target=self._guarded, daemon=True) for _ in range(self._threads)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive() and self._error is None:
                    thread.join(0.2)  # in slices, so that a signal is seen
        finally:
            with self._changed:
                self._stopping = True
                self._changed.notify_all()
        if self._error is not None:
            raise self._error

    def _guarded(self) -> None:
        try:
            with self._server.exchange(self._job.timeout, self._job.retries) as exchange:
                while (found := self._take()) is not None:
                    number, ask = found
                    self._put(number, ask, self._outcome(exchange, ask))
        except BaseException as error:  # raised again by run, in the caller's thread
            self._error = self._error or error

    def _take(self) -> tuple[int, Ask] | None:
        with self._changed:
            while not self._stopping and not self._window.has_room(self._threads):
                self._changed.wait()
            ask = None if self._stopping else next(self._asks, None)
            if ask is None:
                return None
            self._window.taken += 1
            self._window.held += ask.size
            return self._window.taken - 1, ask

    def _put(self, number: int, ask: Ask, outcome: Iterator[bytes] | str) -> None:
        with self._changed:
            window = self._window
            window.done[number] = (ask, outcome)
            while window.written in window.done and not self._stopping:
                first, answer = window.done.pop(window.written)
                self._writer.put(first, answer)
                window.written += 1
                window.held -= first.size
            self._changed.notify_all()

    def _outcome(self, exchange: Exchange, ask: Ask) -> Iterator[bytes] | str:
        """The pieces to write, or why there are none."""
        if ask.fault or ask.body is None:
            return ask.fault or iter(())
        if self._writer.failed(ask.file):
            return iter(())
        try:
            reply = exchange.post("/invocations", ask.body, self._headers, self._retry)
            return iter((self._looked_into(ask.batch, reply),)) if self._looks(ask) else reply.pieces()
        except BadOutputError as error:
            return str(error)
        except NoAnswerError as error:
            self._server.check()
            return str(error)

    def _retry(self, problem: str) -> None:
        self._server.check()
        if not self._stopping:
            self._talk.note(f"asking again after {problem}")

    def _looks(self, ask: Ask) -> bool:
        return self._job.processing.needs_answers and ask.batch is not None

    def _looked_into(self, batch: Batch | None, reply: Reply) -> bytes:
        kind = kind_of(self._job.content_type)
        assert batch is not None and kind is not None, "check_transform has seen to it"  # noqa: PT018
        answer_kind = kind_of(reply.content_type or self._job.accept or "")
        return output(batch.records, kind, b"".join(reply.pieces()), answer_kind, self._job.processing)


def _asks(
    job: TransformJob, agreed: Parameters, inputs: tuple[Input, ...], failed: Callable[[int], bool]
) -> Iterator[Ask]:
    """All requests of the job, file after file, each file with its end."""
    in_chunks = agreed.limit is None and not job.processing.is_needed
    whole = in_chunks and (job.split == "None" or agreed.strategy == "MultiRecord")
    for number, each in enumerate(inputs):
        try:
            if whole and each.size:
                yield Ask(number, body=_chunks(job, each), read=each.size)
            elif not whole:
                yield from _split(job, agreed, number, each, failed)
        except (BadInputError, OSError, EOFError) as error:
            yield Ask(number, fault=str(error))
        yield Ask(number)


def _split(
    job: TransformJob, agreed: Parameters, number: int, each: Input, failed: Callable[[int], bool]
) -> Iterator[Ask]:
    kind = kind_of(job.content_type)
    select = selection(job.processing.input_filter, kind) if kind else None
    with ExitStack() as stack:
        raw = stack.enter_context(each.path.open("rb"))
        stream = stack.enter_context(_opened(job, raw))
        found = records(stream, job.split, agreed.limit)
        before = 0
        for batch in batches(
            found, split=job.split, strategy=agreed.strategy, limit=agreed.limit, select=select
        ):
            if failed(number):
                return
            place = raw.tell() if stream is not raw else before + sum(map(len, batch.records))
            yield Ask(number, batch, _body(batch.body, agreed), place - before)
            before = place


def _opened(job: TransformJob, raw: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if job.compression == "Gzip" else raw


def _body(body: bytes, agreed: Parameters) -> Body:
    return body if agreed.limit is not None else lambda: iter((body,))


def _chunks(job: TransformJob, each: Input) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        with each.path.open("rb") as raw, _opened(job, raw) as stream:
            while piece := stream.read(CHUNK):
                yield piece

    return pieces
