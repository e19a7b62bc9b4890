"""What a request may be, and what is answered (INF-02, 07 to 12, 21, 22; STK-05, 07, 13)."""

import contextlib
import http.client
import io
import json
import pickle
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from serving.driver import ECHO, Layout, Running, ask, until

JSON, CSV, LINES = "application/json", "text/csv", "application/jsonlines"
NPY, NPZ = "application/x-npy", "application/x-npz"
MIB = 1 << 20


def npy(value: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(value), allow_pickle=True)
    return stream.getvalue()


MANY = 1000  # rows that are read in another way than a few


def npz(a: object, b: object = 0) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.asarray(a), b=np.asarray(b))
    return stream.getvalue()


DESCRIBE = """
import numpy as np

def model_fn(model_dir):
    return None

def predict_fn(data, model):
    if isinstance(data, np.ndarray):
        return [str(data.dtype), list(data.shape), data.tolist()]
    return [type(data).__name__, repr(data)]
"""


@pytest.fixture(scope="module")
def describe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that tells what its input was decoded to."""
    layout = Layout(tmp_path_factory.mktemp("describe"))
    layout.program(DESCRIBE)
    with layout.start() as running:
        yield running


# --- bodies -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "body", "decoded"),
    [
        (JSON, b"[[1, 2], [3, 4]]", ["int64", [2, 2], [[1, 2], [3, 4]]]),
        (JSON, b"[1.5, 2]", ["float64", [2], [1.5, 2.0]]),
        (JSON, b"[[1], [2, 3]]", ["list", "[[1], [2, 3]]"]),
        (JSON, b'["a"]', ["list", "['a']"]),
        (JSON, b'{"a": [1]}', ["dict", "{'a': [1]}"]),
        ("application/json; charset=utf-8", b'\xef\xbb\xbf{"a": 1}', ["dict", "{'a': 1}"]),
        (CSV, b"1,2.5\n3,4\n", ["float64", [2, 2], [[1.0, 2.5], [3.0, 4.0]]]),
        (CSV, b"1,2", ["float64", [1, 2], [[1.0, 2.0]]]),
        (CSV, b'a,"b, c"\r\nd,e\r\n', ["<U4", [2, 2], [["a", "b, c"], ["d", "e"]]]),
        ("text/csv; charset=latin-1", b"\xe4,1", ["<U1", [1, 2], [["ä", "1"]]]),
        (LINES, b'{"a": 1}\n\n[2]\n', ["list", "[{'a': 1}, [2]]"]),
        ("application/x-ndjson", b"1", ["list", "[1]"]),
        (NPY, npy([[1, 2]]), ["int64", [1, 2], [[1, 2]]]),
        (NPZ, npz(a=[1], b=[2.5]), ["dict", "{'a': array([1]), 'b': array([2.5])}"]),
    ],
)
def test_a_body_is_decoded_by_its_type(
    describe: Running, content_type: str, body: bytes, decoded: object
) -> None:
    answer = describe.predict(body, content_type)
    assert answer.status == 200, answer.body
    assert json.loads(answer.body) == decoded


@pytest.mark.parametrize(
    ("row", "end", "kind", "value"),
    [
        (b"1,2.5", b"\n", "float64", [1.0, 2.5]),
        (b'"1", -2e3', b"\r\n", "float64", [1.0, -2000.0]),
        (b"#1,a", b"\n", "<U2", ["#1", "a"]),
        (b'"b, c",1', b"\n", "<U4", ["b, c", "1"]),
    ],
)
@pytest.mark.parametrize("count", [2, MANY])
def test_many_rows_of_csv_are_what_a_few_are(
    describe: Running, row: bytes, end: bytes, kind: str, value: object, count: int
) -> None:
    body = b"".join([row, end] * count)
    found = json.loads(describe.predict(body, CSV).body)
    assert found == [kind, [count, 2], [value] * count]


@pytest.mark.parametrize("count", [2, MANY])
def test_an_empty_cell_is_not_a_number_among_a_few_rows_and_many(echo: Running, count: int) -> None:
    answer = echo.predict(b"1,\n" * count, CSV, accept=CSV)
    assert answer.body == b"1.0,nan\n" * count


@pytest.mark.parametrize(
    ("content_type", "body", "status", "words"),
    [
        (CSV, b"\n" * 5000, 400, "the body has no rows"),
        (CSV, b"1,2\n" * 5000 + b"3", 400, "the rows of the CSV body differ in length"),
        (JSON, b"{", 400, "the body is not application/json"),
        (JSON, b"", 400, "the body is empty"),
        (JSON, b"\xff", 400, "the body is not utf-8"),
        (CSV, b"1,2\n3", 400, "the rows of the CSV body differ in length"),
        (CSV, b"\n\n", 400, "the body has no rows"),
        ("text/csv; charset=klingon", b"1", 400, "the body is not klingon"),
        (LINES, b"{}\n{", 400, "the body is not application/jsonlines"),
        (NPY, b"1", 400, "the body is not application/x-npy"),
        (NPZ, b"PK", 400, "the body is not application/x-npz"),
        ("text/xml", b"<a/>", 415, "content type text/xml has no decoder: send one of application/json"),
        ("", b"1", 415, "content type application/octet-stream has no decoder"),
    ],
)
def test_a_body_that_cannot_be_decoded_is_the_clients_fault(
    describe: Running, content_type: str, body: bytes, status: int, words: str
) -> None:
    answer = describe.predict(body, content_type)
    assert answer.status == status
    assert answer.error.startswith(words)
    assert answer.headers["content-type"] == JSON


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", [NPY, NPZ])
def test_nothing_is_unpickled(describe: Running, tmp_path: Path, kind: str) -> None:
    trap = np.array([Trap(tmp_path / "sprung")], dtype=object)
    body = npy(trap) if kind == NPY else npz(a=trap)
    pickle.loads(pickle.dumps(trap))
    assert (tmp_path / "sprung").exists()
    (tmp_path / "sprung").unlink()
    assert describe.predict(body, kind).status == 400
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("size", [6 * MIB - 1, 25 * MIB, 60 * MIB])
def test_large_bodies_are_taken(echo: Running, size: int) -> None:
    answer = echo.predict(b'"' + b"x" * (size - 2) + b'"')
    assert (answer.status, len(answer.body)) == (200, size)


def test_chunked_bodies_are_taken(echo: Running) -> None:
    assert echo.predict(iter([b"[1,", b" 2", b"]"])).body == b"[1, 2]"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused(layout: Layout, chunked: bool) -> None:
    layout.program(ECHO)
    body = b" " * MIB
    with layout.start(env={"SAGEMAKER_MAX_PAYLOAD_IN_MB": "30"}) as running:
        assert running.predict(body * 29 + b"1").status == 200
        with contextlib.closing(running.connect()) as connection:
            connection.putrequest("POST", "/invocations")
            connection.putheader("content-type", JSON)
            connection.putheader(
                *(("transfer-encoding", "chunked") if chunked else ("content-length", str(31 * MIB)))
            )
            connection.endheaders()
            for _ in range(31 if chunked else 0):
                connection.send(b"%x\r\n%s\r\n" % (len(body), body))
            response = connection.getresponse()
            assert response.status == 413
            assert b"over 30 MB" in response.read()


def test_the_limit_is_never_below_what_clients_may_send(layout: Layout) -> None:
    layout.program(ECHO)
    with layout.start(env={"SAGEMAKER_MAX_PAYLOAD_IN_MB": "6"}) as running:
        assert running.predict(b" " * (24 * MIB) + b"1").status == 200


# --- answers ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "kind", "body"),
    [
        (None, JSON, b"[[1, 2], [3, 4]]"),
        ("*/*", JSON, b"[[1, 2], [3, 4]]"),
        (CSV, CSV, b"1,2\n3,4\n"),
        ("application/x-jsonlines", LINES, b"[1, 2]\n[3, 4]\n"),
        (NPY, NPY, npy([[1, 2], [3, 4]])),
        ("image/png, text/csv;q=0.5, application/jsonlines;q=0.6", LINES, b"[1, 2]\n[3, 4]\n"),
        ("text/csv;q=0", JSON, b"[[1, 2], [3, 4]]"),
        ("text/csv;q=0, */*;q=0.1", JSON, b"[[1, 2], [3, 4]]"),
        ("text/*", CSV, b"1,2\n3,4\n"),
        ("text/csv; q=wrong", CSV, b"1,2\n3,4\n"),
    ],
)
def test_the_answer_has_the_type_that_was_asked_for(
    echo: Running, accept: str | None, kind: str, body: bytes
) -> None:
    answer = echo.predict(b"[[1, 2], [3, 4]]", JSON, **({"accept": accept} if accept else {}))
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, kind, body)
    assert answer.headers["content-length"] == str(len(body))


def test_a_type_that_cannot_be_made_is_refused(echo: Running) -> None:
    answer = echo.predict(b"1", accept="image/png")
    assert answer.status == 406
    assert answer.error.startswith("cannot answer with image/png: ask for one of application/json, text/csv")


def test_the_default_type_can_be_set_by_variable(layout: Layout) -> None:
    layout.program(ECHO)
    with layout.start(env={"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": CSV}) as running:
        assert running.predict(b"[1, 2]").body == b"1\n2\n"
        assert running.predict(b"[1, 2]", accept="*/*").headers["content-type"] == CSV
        assert running.predict(b"[1, 2]", accept=JSON).body == b"[1, 2]"


@pytest.mark.parametrize(
    ("value", "json_text", "csv_text"),
    [
        ("np.float32(0.5)", b"0.5", b"0.5\n"),
        ("np.array(['a', 'b'])", b'["a", "b"]', b"a\nb\n"),
        ("{'a': np.array([1])}", b'{"a": [1]}', b"1\n"),
        ("'text'", b'"text"', b"text"),
        ("(1, 2)", b"[1, 2]", b"1\n2\n"),
        ("b'raw'", b"raw", b"raw"),
    ],
)
def test_predictions_of_many_kinds_are_encoded(
    layout: Layout, value: str, json_text: bytes, csv_text: bytes
) -> None:
    layout.program(f"import numpy as np\ndef model_fn(d): return 1\ndef predict_fn(d, m): return {value}")
    with layout.start() as running:
        assert running.predict(b"1").body == json_text
        assert running.predict(b"1", accept=CSV).body == csv_text


def test_a_prediction_that_cannot_be_encoded_is_explained(layout: Layout) -> None:
    layout.program("def model_fn(d): return 1\ndef predict_fn(d, m): return object()")
    with layout.start() as running:
        answer = running.predict(b"1")
    assert answer.status == 500
    assert answer.error == (
        "TypeError: a object cannot be encoded: return lists, numbers or arrays, or write output_fn"
    )


# --- paths and methods --------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/execution-parameters", "/models", "/ping/", "/invocations/x"])
def test_other_paths_are_not_found_at_once(echo: Running, path: str) -> None:
    begun = time.monotonic()
    assert [echo.ask(method, path).status for method in ("GET", "POST")] == [404, 404]
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/invocations", "POST"), ("PUT", "/invocations", "POST"), ("POST", "/ping", "GET, HEAD")],
)
def test_wrong_methods_are_told_the_right_one(echo: Running, method: str, path: str, allowed: str) -> None:
    answer = echo.ask(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, allowed)


def test_ping_has_no_body_and_leaves_no_line(echo: Running) -> None:
    before = echo.stderr
    answer = echo.ask("GET", "/ping", headers={"User-Agent": "AHC/2.0", "X-Amzn-Unknown": "1"})
    assert (answer.status, answer.body) == (200, b"")
    assert echo.ask("HEAD", "/ping").status == 200
    assert echo.predict(b"[1]").status == 200
    assert echo.stderr == before


def test_one_connection_serves_many_requests(echo: Running) -> None:
    with contextlib.closing(echo.connect()) as connection:
        for number in range(20):
            answer = ask(connection, "POST", "/invocations", b"%d" % number, {"content-type": JSON})
            assert answer.body == b"%d" % number
            assert ask(connection, "GET", "/ping").status == 200
            assert ask(connection, "GET", "/nothing").status == 404


# --- the user's functions -----------------------------------------------------


def test_an_exception_is_one_line_for_the_client_and_one_traceback_in_the_log(layout: Layout) -> None:
    layout.program("""
        def model_fn(d): return 1
        def predict_fn(d, m): raise ValueError("seven\\nlives")
    """)
    with layout.start() as running:
        answer = running.predict(b"1")
        assert (answer.status, answer.error) == (500, "ValueError: seven lives")
        assert running.stderr.count("Traceback") == 1
        assert running.stderr.count("ValueError: seven") == 1
        assert 'inference.py", line 3, in predict_fn' in running.stderr
        assert "byoc_serving" not in running.stderr
        assert running.predict(b"2").status == 500
        assert running.ping() == 200


def test_an_exception_may_choose_its_status(layout: Layout) -> None:
    layout.program("""
        class TooOld(Exception):
            status_code = 422
        def model_fn(d): return 1
        def input_fn(body, content_type): raise TooOld("send a newer one")
        def predict_fn(d, m): return 1
    """)
    with layout.start() as running:
        answer = running.predict(b"1")
        assert (answer.status, answer.error) == (422, "TooOld: send a newer one")
        assert "Traceback" not in running.stderr


def test_all_functions_are_called_in_order_with_the_toolkits_arguments(layout: Layout) -> None:
    layout.program("""
        calls = []
        def pre_model_fn(model_dir): calls.append(["pre", model_dir])
        def model_fn(model_dir): calls.append(["model", model_dir]); return "M"
        def model_warmup_fn(model_dir, model): calls.append(["warmup", model_dir, model])
        def input_fn(body, content_type): calls.append(["input", body, content_type]); return "I"
        def predict_fn(data, model): calls.append(["predict", data, model]); return "P"
        def output_fn(prediction, accept):
            import json
            calls.append(["output", prediction, accept]); return json.dumps(calls), "application/x-mine"
    """)
    folder = str(layout.model)
    with layout.start() as running:
        answer = running.predict("1,ä".encode(), "text/csv; charset=utf-8", accept="a/b;q=0.4, c/d;v=1;q=0.9")
    assert answer.headers["content-type"] == "application/x-mine"
    assert json.loads(answer.body) == [
        ["pre", folder],
        ["model", folder],
        ["warmup", folder, "M"],
        ["input", "1,ä", "text/csv; charset=utf-8"],
        ["predict", "I", "M"],
        ["output", "P", "c/d; v=1"],
    ]


def test_transform_fn_takes_the_place_of_three(layout: Layout) -> None:
    layout.program("""
        def model_fn(model_dir): return "M"
        def transform_fn(model, data, content_type, accept):
            return repr([model, data, content_type, accept])
    """)
    with layout.start() as running:
        answer = running.predict(b"\x00", "application/x-image", accept="text/plain")
        assert (answer.status, answer.headers["content-type"]) == (200, "text/plain")
        assert answer.body == b"['M', b'\\x00', 'application/x-image', 'text/plain']"
        assert running.predict(b"").body == b"['M', '', 'application/json', 'application/json']"


def test_a_user_input_fn_gets_an_empty_body_and_an_absent_type(layout: Layout) -> None:
    layout.program("""
        def model_fn(d): return 1
        def input_fn(body, content_type): return [repr(body), content_type]
        def predict_fn(d, m): return d
    """)
    with layout.start() as running:
        assert running.ask("POST", "/invocations").body == b'["b\'\'", "application/octet-stream"]'


def test_models_that_predict_or_can_be_called_need_no_predict_fn(layout: Layout) -> None:
    layout.program("""
        class Model:
            def predict(self, data): return (data * 2).tolist()
        def model_fn(d): return Model()
    """)
    with layout.start() as running:
        assert running.predict(b"[1]").body == b"[2]"
    layout.program("def model_fn(d): return lambda data: data.sum()")
    with layout.start() as running:
        assert running.predict(b"[1, 2]").body == b"3"


def test_the_context_carries_headers_in_and_out(layout: Layout) -> None:
    layout.program("""
        def model_fn(model_dir, context):
            return context.system_properties["model_dir"] == model_dir
        def predict_fn(data, model, context):
            said = context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes")
            context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", said + "\\r\\nEvil: 1")
            context.set_response_status(201)
            return [model, context.get_request_id(), dict(context.get_all_request_header(0))["content-type"]]
    """)
    with layout.start() as running:
        headers = {"x-amzn-sagemaker-custom-attributes": "trace=1", "x-amzn-sagemaker-inference-id": "i-1"}
        answer = running.predict(b"1", **headers)
    assert (answer.status, json.loads(answer.body)) == (201, [True, "i-1", JSON])
    assert answer.headers["x-amzn-sagemaker-custom-attributes"] == "trace=1  Evil: 1"
    assert "evil" not in answer.headers


def test_an_optional_argument_of_the_users_own_is_left_alone(layout: Layout) -> None:
    layout.program("""
        def model_fn(model_dir, strict=True): return strict
        def predict_fn(data, model, threshold=0.5): return [model, threshold]
    """)
    with layout.start() as running:
        assert running.predict(b"1").body == b"[true, 0.5]"


def test_everything_of_the_users_runs_in_one_thread(layout: Layout) -> None:
    layout.program("""
        import threading
        HERE = threading.get_ident()
        def model_fn(model_dir): return threading.get_ident()
        def predict_fn(data, model): return HERE == model == threading.get_ident()
    """)
    with layout.start() as running:
        assert [running.predict(b"1").body for _ in range(3)] == [b"true"] * 3


def test_logging_and_prints_appear_at_once(layout: Layout) -> None:
    layout.program("""
        import logging
        def model_fn(d): return 1
        def predict_fn(d, m):
            print("printed")
            logging.getLogger("mine").info("logged")
            return 1
    """)
    with layout.start() as running:
        assert running.predict(b"1").status == 200
        assert running.stdout == "printed\n"
        assert "INFO mine: logged" in running.stderr
        assert "uvicorn" not in running.stderr


# --- many at once -------------------------------------------------------------

BLOCKED = """
import pathlib, time

def model_fn(model_dir):
    return pathlib.Path(model_dir)

def predict_fn(data, model):
    with (model / "seen").open("a") as seen:
        seen.write(f"{data}\\n")
    while not (model / "go").exists():
        time.sleep(0.01)
    return data
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ping_answers_while_every_worker_is_busy(layout: Layout, workers: str) -> None:
    layout.program(BLOCKED)
    with layout.start("--workers", workers) as running, ThreadPoolExecutor(6) as pool:
        busy = [pool.submit(running.predict, b"1") for _ in range(6)]
        until((layout.model / "seen").exists)
        assert [running.ping() for _ in range(20)] == [200] * 20
        (layout.model / "go").touch()
        assert [future.result().status for future in busy] == [200] * 6


def test_a_flood_is_answered_with_503_at_once_and_the_rest_in_turn(layout: Layout) -> None:
    layout.program(BLOCKED)
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: 1\r\n\r\n"
    with layout.start() as running, contextlib.ExitStack() as stack:
        crowd = [
            stack.enter_context(socket.create_connection(("127.0.0.1", running.port))) for _ in range(100)
        ]
        for sock in crowd:
            sock.sendall(head + b"1")
        until(lambda: running.predict(b"2").status == 503)
        begun = time.monotonic()
        refused = running.predict(b"2")
        assert time.monotonic() - begun < 4
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert refused.error.startswith("overloaded")
        assert running.ping() == 200
        (layout.model / "go").touch()
        for sock in crowd:
            sock.settimeout(20)
            assert sock.recv(15) == b"HTTP/1.1 200 OK"


def test_a_request_whose_client_gave_up_is_left_out(layout: Layout) -> None:
    layout.program(BLOCKED)
    with layout.start() as running, ThreadPoolExecutor(1) as pool:
        first = pool.submit(running.predict, b'"first"')
        until((layout.model / "seen").exists)
        with contextlib.closing(running.connect()) as connection:
            connection.request("POST", "/invocations", b'"impatient"', {"content-type": JSON})
            time.sleep(0.2)
        time.sleep(0.2)
        (layout.model / "go").touch()
        assert first.result().status == 200
        assert running.predict(b'"last"').status == 200
        assert (layout.model / "seen").read_text().split() == ["first", "last"]


# --- streams ------------------------------------------------------------------

STREAMS = """
import pathlib, threading, time

def model_fn(model_dir):
    return pathlib.Path(model_dir)

def pieces(name, model, home):
    try:
        for number in range(3):
            if name == "slow" and number:
                while not (model / f"go-{number}").exists():
                    time.sleep(0.01)
            if name == "broken" and number:
                raise RuntimeError("halfway")
            yield f"piece {number};" if name == "text" else {"n": number}
    finally:
        (model / "closed").write_text(str(threading.get_ident() == home))

def predict_fn(name, model):
    if name == "never":
        return (1 / 0 for _ in range(3))
    return pieces(name, model, threading.get_ident())
"""


@pytest.fixture
def streaming(layout: Layout) -> Iterator[Running]:
    layout.program(STREAMS)
    with layout.start() as running:
        yield running


@pytest.mark.parametrize(
    ("name", "accept", "kind", "body"),
    [
        ("json", None, LINES, b'{"n": 0}\n{"n": 1}\n{"n": 2}\n'),
        ("json", JSON, JSON, b'[{"n": 0},{"n": 1},{"n": 2}]'),
        ("json", CSV, CSV, b"0\n1\n2\n"),
        ("text", None, "text/plain; charset=utf-8", b"piece 0;piece 1;piece 2;"),
        ("text", "text/event-stream", "text/event-stream", b"piece 0;piece 1;piece 2;"),
    ],
)
def test_an_iterator_is_sent_in_chunks(
    streaming: Running, name: str, accept: str | None, kind: str, body: bytes
) -> None:
    answer = streaming.predict(json.dumps(name).encode(), **({"accept": accept} if accept else {}))
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, kind, body)
    assert answer.headers["transfer-encoding"] == "chunked"


def test_each_piece_is_sent_when_it_is_there(streaming: Running, layout: Layout) -> None:
    with contextlib.closing(streaming.connect()) as connection:
        connection.request("POST", "/invocations", b'"slow"', {"content-type": JSON})
        response = connection.getresponse()
        for number in range(3):
            assert response.readline() == b'{"n": %d}\n' % number
            (layout.model / f"go-{number + 1}").touch()
        assert response.read() == b""


def test_other_requests_are_served_between_two_pieces(streaming: Running, layout: Layout) -> None:
    layout_go = [layout.model / f"go-{number}" for number in (1, 2)]
    with contextlib.closing(streaming.connect()) as connection:
        connection.request("POST", "/invocations", b'"slow"', {"content-type": JSON})
        assert connection.getresponse().readline() == b'{"n": 0}\n'
        assert streaming.ping() == 200
        for path in layout_go:
            path.touch()
        assert streaming.predict(b'"json"').status == 200


def test_a_generator_is_closed_when_its_client_goes(streaming: Running, layout: Layout) -> None:
    with contextlib.closing(streaming.connect()) as connection:
        connection.request("POST", "/invocations", b'"slow"', {"content-type": JSON})
        assert connection.getresponse().readline() == b'{"n": 0}\n'
        assert not (layout.model / "closed").exists()
    time.sleep(0.1)
    (layout.model / "go-1").touch()
    until(lambda: (layout.model / "closed").exists() and (layout.model / "closed").read_text() == "True")
    assert not (layout.model / "go-2").exists()


def test_a_stream_that_breaks_is_cut_short_and_logged_once(streaming: Running) -> None:
    with pytest.raises(http.client.IncompleteRead):
        streaming.predict(b'"broken"')
    until(lambda: "halfway" in streaming.stderr)
    assert streaming.stderr.count("Traceback") == 1
    assert streaming.ping() == 200


def test_a_stream_that_fails_before_its_first_piece_is_a_plain_500(streaming: Running) -> None:
    answer = streaming.predict(b'"never"')
    assert (answer.status, answer.error) == (500, "ZeroDivisionError: division by zero")


def test_transform_fn_may_stream_bytes_with_a_type_of_its_own(layout: Layout) -> None:
    layout.program("""
        def model_fn(d): return 1
        def transform_fn(model, data, content_type, accept):
            return iter([b"data: 1\\n\\n", b"", b"data: 2\\n\\n"]), "text/event-stream"
    """)
    with layout.start() as running:
        answer = running.predict(b"1")
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.body == b"data: 1\n\ndata: 2\n\n"


def test_an_empty_stream_is_an_empty_body(layout: Layout) -> None:
    layout.program("def model_fn(d): return 1\ndef predict_fn(d, m): return iter([])")
    with layout.start() as running:
        assert running.predict(b"1").body == b""
