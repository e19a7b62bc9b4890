"""Batch transform: what the service asks for, and one record out for each record in (BAT-01 to BAT-07)."""

import json
from collections.abc import Iterator

import pytest

from serving.driver import ECHO, Layout, Running

COUNTS = """
def model_fn(model_dir):
    return 10

def predict_fn(data, model):
    return [sum(row) for row in data]
"""


def parameters(running: Running) -> object:
    answer = running.ask("GET", "/execution-parameters")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    return json.loads(answer.body)


def told(concurrent: int, payload: int = 6, strategy: str = "MULTI_RECORD") -> dict[str, object]:
    return {"MaxConcurrentTransforms": concurrent, "BatchStrategy": strategy, "MaxPayloadInMB": payload}


def test_a_server_for_hosting_only_has_no_execution_parameters(echo: Running) -> None:
    assert echo.ask("GET", "/execution-parameters").status == 404


@pytest.mark.parametrize(
    ("arguments", "env", "expected"),
    [
        (["--targets", "batch"], {}, told(2)),
        (["--targets", "hosting"], {"SAGEMAKER_BATCH": "true"}, told(2)),
        (["--workers", "2"], {"SAGEMAKER_BATCH": "true"}, told(4)),
        ([], {"SAGEMAKER_BATCH": "true", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "60"}, told(1, 60)),
        (["--workers", "3"], {"SAGEMAKER_BATCH": "true", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "0"}, told(6, 0)),
        (
            [],
            {
                "SAGEMAKER_BATCH": "true",
                "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
                "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "7",
            },
            told(7, strategy="SINGLE_RECORD"),
        ),
    ],
)
def test_execution_parameters_follow_workers_and_the_job(
    layout: Layout, arguments: list[str], env: dict[str, str], expected: object
) -> None:
    layout.program(ECHO)
    with layout.start(*arguments, env=env) as running:
        assert parameters(running) == expected
        assert running.ask("POST", "/execution-parameters").status == 405


@pytest.mark.parametrize(
    ("name", "value"),
    [("SAGEMAKER_BATCH_STRATEGY", "BIG"), ("SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", "0")],
)
def test_a_variable_that_makes_no_sense_stops_the_start(layout: Layout, name: str, value: str) -> None:
    layout.program(ECHO)
    ended = layout.fail(env={"SAGEMAKER_BATCH": "true", name: value})
    assert f"error: {name} is '{value}'" in ended.stderr


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    layout = Layout(tmp_path_factory.mktemp("batch"))
    layout.program(COUNTS)
    with layout.start(env={"SAGEMAKER_BATCH": "true"}) as running:
        yield running


@pytest.mark.parametrize("count", [1, 10, 1000])
@pytest.mark.parametrize("tail", ["", "\n", "\n\n", "\r\n"])
@pytest.mark.parametrize("accept", ["text/csv", "*/*", None])
def test_each_record_of_a_request_gets_one_of_the_answer_in_order(
    batch: Running, count: int, tail: str, accept: str | None
) -> None:
    lines = "\n".join(f"{n},1" for n in range(count)) + tail
    answer = batch.predict(lines.encode(), "text/csv", **({"accept": accept} if accept else {}))
    assert answer.headers["content-type"] == "text/csv"
    assert answer.body.decode().splitlines() == [f"{n + 1}.0" for n in range(count)]


def test_json_lines_are_answered_with_json_lines(batch: Running) -> None:
    answer = batch.predict(b"[1, 2]\n[3, 4]\n", "application/jsonlines")
    assert (answer.headers["content-type"], answer.body) == ("application/jsonlines", b"3\n7\n")
    assert batch.predict(b"[[1, 2]]").body == b"[3]"


def test_the_same_body_in_chunks_twice_gets_the_same_answer(batch: Running) -> None:
    body = [b"1,2\n3", b",4\n"] * 500
    once, again = (batch.predict(iter(body), "text/csv").body for _ in range(2))
    assert once == again == b"3.0\n7.0\n" * 500


def test_a_type_that_the_image_or_the_program_chose_stays(layout: Layout) -> None:
    env = {"SAGEMAKER_BATCH": "true"}
    layout.program(COUNTS)
    with layout.start(env=env | {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "application/json"}) as running:
        assert running.predict(b"1,2\n", "text/csv").body == b"[3.0]"
    layout.program(COUNTS + "\ndef output_fn(prediction, accept): return accept")
    with layout.start(env=env) as running:
        assert running.predict(b"1,2\n", "text/csv").body == b"application/json"
