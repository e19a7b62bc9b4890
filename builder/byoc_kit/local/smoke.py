"""What a server is asked: the user's request, else made-up ones of which the first that it takes is used."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from byoc_kit.contract.evidence import Case, Exchange
from byoc_kit.local.asking import Made, Question

__all__ = ["Request", "first_taken", "lined", "requests_of"]

JSON, CSV = "application/json", "text/csv"
LINED = ("csv", "jsonl", "jsonlines", "ndjson")
"""Words in the names of content types whose records are lines."""
ROOM = 400  # blanks
ROW = "5.1,3.5,1.4,0.2"


@dataclass(frozen=True, slots=True)
class Request:
    """A body and what it is."""

    content_type: str
    body: bytes

    @property
    def is_lined(self) -> bool:
        """Whether each of its records is a line."""
        return any(word in self.content_type for word in LINED)

    @property
    def records(self) -> tuple[bytes, ...]:
        """Its lines, without their ends."""
        return tuple(line for line in self.body.splitlines() if line.strip())

    def lines(self, count: int) -> "Request":
        """The same kind of request with *count* records: its own, over and over."""
        own = self.records
        return Request(self.content_type, b"".join(own[at % len(own)] + b"\n" for at in range(count)))

    def padded(self, size: int) -> Made:
        """The same request in *size* bytes, where its type has room for what means nothing."""
        filler = b" " if "json" in self.content_type and not self.is_lined else b"\n"
        return Made(size, tail=self.body, filler=filler)

    def drawn_out(self) -> bytes:
        """The same request with room for what comes slowly, where blanks mean nothing in it."""
        return self.body if self.is_lined or "json" not in self.content_type else b" " * ROOM + self.body

    def question(self, limit: float, **changes: object) -> Question:
        """POST it to /invocations; *changes* are those of the question."""
        headers = {"Content-Type": self.content_type, "Accept": "*/*"}
        return Question(**{"limit": limit, "body": self.body, "headers": headers, **changes})  # type: ignore[arg-type]


MADE_UP = (
    Request(JSON, f"[[{ROW}]]".encode()),
    Request(CSV, f"{ROW}\n".encode()),
    Request(JSON, b"[[1.0]]"),
    Request(CSV, b"1.0\n"),
    Request(JSON, f'{{"instances": [[{ROW}]]}}'.encode()),
    Request(JSON, b'{"inputs": "hello"}'),
    Request("text/plain", b"hello"),
)
"""What servers of models often take."""


def requests_of(case: Case) -> tuple[Request, ...]:
    """What to try: the user's request alone, else those that are made up."""
    if case.request is None:
        return MADE_UP
    return (Request(case.content_type, Path(case.request).read_bytes()),)


def lined(case: Case) -> tuple[Request, ...]:
    """Those of them whose records are lines."""
    return tuple(request for request in requests_of(case) if request.is_lined)


def first_taken(
    candidates: tuple[Request, ...], ask: Callable[[Request], Exchange]
) -> tuple[Request, Exchange]:
    """The first of *candidates* that is answered with success, else the one that came nearest to it.

    A server that does not answer one of them is not asked the others.
    """
    tried = list[tuple[Request, Exchange]]()
    for candidate in candidates:
        exchange = ask(candidate)
        tried.append((candidate, exchange))
        if exchange.status is None or 200 <= exchange.status < 300:
            return tried[-1]
    return min(tried, key=lambda each: _distance(each[1].status or 0))


def _distance(status: int) -> int:
    """How far from success an answer is: a refusal of this body, of every body, a fault."""
    return 2 if status >= 500 else 1 if status in {404, 405} else 0
