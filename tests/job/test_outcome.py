"""Exit codes and failure texts in words."""

import json
from pathlib import PurePath

import pytest

from byoc_kit.job.media import content_type
from byoc_kit.job.outcome import ContainerError, Exit, explain, failure_reason


@pytest.mark.parametrize(
    ("ended", "word"),
    [
        (Exit(7), "exit code 7: the program inside"),
        (Exit(126), "may not be executed"),
        (Exit(127), "was not found"),
        (Exit(132), "SIGILL"),
        (Exit(137), "killed it from outside"),
        (Exit(137, out_of_memory=True), "more memory than it may have"),
        (Exit(1, out_of_memory=True), "exit code 1, OOMKilled"),
        (Exit(139), "SIGSEGV"),
        (Exit(143), "asked to stop"),
        (Exit(130), "signal 2"),
        (Exit(0), "ended by itself"),
        (Exit(0, out_of_memory=True), "ended by itself"),
        (Exit(255), "exit code 255: the program inside"),
    ],
)
def test_exit_codes_are_explained(ended: Exit, word: str) -> None:
    assert word in explain(ended).why
    assert explain(ended).fix


def test_the_failure_reason_is_1024_characters_not_bytes() -> None:
    """OUT-03."""
    assert failure_reason(("é" * 2000).encode()) == "é" * 1024
    assert failure_reason(b"\xff no text") == "\N{REPLACEMENT CHARACTER} no text"


def test_the_error_keeps_the_containers_own_code_for_machines() -> None:
    error = ContainerError("training failed", ended=Exit(7), id="BYOC-E401", failure="sour", details=["sour"])
    document = json.loads(json.dumps(error.to_json()))
    assert document["exit_code"] == 1
    assert document["container_exit_code"] == 7
    assert document["failure"] == "sour"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sample.csv", "text/csv"),
        ("a.JSON", "application/json"),
        ("a.jsonl", "application/jsonlines"),
        ("a.npy", "application/x-npy"),
        ("a.npz", "application/x-npz"),
        ("a.txt", "text/plain"),
        ("cat.jpg", "image/jpeg"),
        ("a.html", "text/html"),
        ("noname", "application/octet-stream"),
    ],
)
def test_the_content_type_follows_the_files_name(name: str, kind: str) -> None:
    assert content_type(PurePath(name)) == kind
