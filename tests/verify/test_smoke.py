"""What a server is asked where nobody has said it."""

from pathlib import Path

from byoc_kit.contract.evidence import Case, Exchange
from byoc_kit.local.smoke import Request, first_taken, lined, requests_of


def answered(statuses: dict[str, int | None], asked: list[str]) -> "object":
    def ask(request: Request) -> Exchange:
        asked.append(request.content_type)
        return Exchange(method="POST", path="/invocations", at=0, status=statuses[request.content_type])

    return ask


def chosen(statuses: dict[str, int | None]) -> tuple[str, list[str]]:
    asked: list[str] = []
    candidates = tuple(Request(kind, b"") for kind in statuses)
    taken, _ = first_taken(candidates, answered(statuses, asked))  # type: ignore[arg-type]
    return taken.content_type, asked


def test_the_first_that_is_taken_is_used() -> None:
    assert chosen({"a/a": 415, "b/b": 200, "c/c": 200}) == ("b/b", ["a/a", "b/b"])


def test_a_refusal_is_nearer_than_a_fault_or_no_such_path() -> None:
    assert chosen({"a/a": 500, "b/b": 404, "c/c": 415})[0] == "c/c"
    assert chosen({"a/a": 500, "b/b": 404})[0] == "b/b"


def test_who_does_not_answer_is_asked_no_more() -> None:
    assert chosen({"a/a": None, "b/b": 200}) == ("a/a", ["a/a"])


def test_a_request_of_the_user_is_the_only_one(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"1,2\n3,4\n\n")
    case = Case(request=str(tmp_path / "rows.csv"), content_type="text/csv")
    (request,) = requests_of(case)
    assert request == Request("text/csv", b"1,2\n3,4\n\n")
    assert lined(case) == (request,)
    assert request.lines(3).body == b"1,2\n3,4\n1,2\n"


def test_json_has_no_lines() -> None:
    assert not Request("application/json", b"[]").is_lined
    assert Request("application/jsonlines", b"{}\n").is_lined
    assert {request.content_type for request in lined(Case())} == {"text/csv"}


def test_padding_means_nothing_to_who_reads_it() -> None:
    import json

    request = Request("application/json", b"[[1, 2]]")
    body = b"".join(request.padded(1000).pieces())
    assert len(body) == 1000
    assert json.loads(body) == [[1, 2]]
    rows = b"".join(Request("text/csv", b"1,2\n").padded(1000).pieces())
    assert [line for line in rows.splitlines() if line] == [b"1,2"]
