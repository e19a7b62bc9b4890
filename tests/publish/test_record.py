"""The record: its form, and snippets that run."""

import ast
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.plan.record import Proof, Record, Validity
from byoc_kit.plan.snippets import snippets
from byoc_kit.work.record import read_record

RECORD = Record(
    repository="111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker/churn_model",
    digest="sha256:" + "1" * 64,
    media_type="application/vnd.docker.distribution.manifest.v2+json",
    size=1000,
    platform="linux/amd64",
    uris={"eu-west-1": ("a@sha256:1", "a:1.4")},
    tags=("c-1", "1.4"),
    targets={name: Validity(True, "fine") for name in ("training", "processing", "hosting")},
    base_reference="python:3.12",
    base_digest=None,
    content_key="ab",
    verify=Proof(depth="static", result="pass", counts={"pass": 3}, report_digest="sha256:2"),
    commit=None,
    dirty=False,
    tool="byoc-kit 0",
)


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(RECORD.to_bytes())
    assert read_record(path) == RECORD
    assert read_record(path).to_bytes() == RECORD.to_bytes()


def test_what_a_newer_version_adds_is_ignored() -> None:
    document = {**RECORD.to_json(), "of_tomorrow": "later"}
    document["image"] = {**document["image"], "more": 1}
    assert Record.from_json(document) == RECORD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"schema": "byoc/record/2"}',
        '{"schema": "byoc/record/1"}',
        json.dumps({**RECORD.to_json(), "image": None}),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(ByocError) as caught:
        read_record(path)
    assert caught.value.id == "BYOC-E516"


def test_no_record_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ByocError) as caught:
        read_record(tmp_path / "record.json")
    assert caught.value.fix.startswith("run `byoc publish`")


def test_there_is_a_snippet_for_each_use_and_library() -> None:
    libraries = ("sdk-v2", "sdk-v3", "boto3")
    assert set(snippets(RECORD)) == {
        (use, library) for use in ("train", "process", "serve") for library in libraries
    }
    no_hosting = replace(RECORD, targets={**RECORD.targets, "hosting": Validity(False, "breaks IMG-11")})
    assert {use for use, _ in snippets(no_hosting)} == {"train", "process"}


@pytest.mark.parametrize("key", sorted(snippets(RECORD)))
def test_a_snippet_is_python_and_names_the_image_by_digest(key: tuple[str, str]) -> None:
    text = snippets(RECORD)[key]
    constants = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    assert RECORD.reference in constants
    assert max(map(len, text.splitlines())) < 160


def test_graviton_images_get_graviton_instances() -> None:
    assert "ml.m7g." in snippets(replace(RECORD, platform="linux/arm64"))["serve", "boto3"]


@contextmanager
def service() -> Iterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    """Answers every operation of the API with success, and remembers what it was asked."""
    asked: list[tuple[str, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.headers["X-Amz-Target"].partition(".")[2], json.loads(body)))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("use", "operations"),
    [
        ("train", ["CreateTrainingJob"]),
        ("process", ["CreateProcessingJob"]),
        ("serve", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"]),
    ],
)
def test_the_snippets_for_boto3_send_what_the_api_takes(use: str, operations: list[str]) -> None:
    """boto3 checks each parameter against the API's model before it sends anything."""
    with service() as (url, asked):
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }
        code = snippets(RECORD)[use, "boto3"]
        subprocess.run([sys.executable, "-c", code], env=environ, check=True, timeout=60)
    assert [operation for operation, _ in asked] == operations
    assert RECORD.reference in json.dumps(asked[0][1])
