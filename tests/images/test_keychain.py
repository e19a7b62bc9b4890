"""Logins come from where `docker login` put them, and never show."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.images.keychain import Credentials, Keychain, docker_config

HOST = "a.example:5000"


def keychain(document: dict[str, Any], answer: str = "", code: int = 0) -> Keychain:
    def helper(arguments: list[str], stdin: str) -> "subprocess.CompletedProcess[str]":
        assert arguments == ["docker-credential-x", "get"]
        assert stdin == HOST
        return subprocess.CompletedProcess(arguments, code, stdout=answer)

    return Keychain(document, Path("config.json"), helper)


def test_nobody_is_logged_in() -> None:
    assert keychain({})(HOST) is None
    assert keychain({"auths": {HOST: {}}})(HOST) is None


@pytest.mark.parametrize("key", [HOST, f"https://{HOST}", f"https://{HOST}/v2/"])
def test_login_in_the_file(key: str) -> None:
    assert keychain({"auths": {key: {"auth": "YW5uOmh1bnRlcjI="}}})(HOST) == Credentials("ann", "hunter2")


def test_login_of_another_host_is_not_taken() -> None:
    document = {"auths": {f"{HOST}.evil.example": {"auth": "YW5uOmh1bnRlcjI="}}}
    assert keychain(document)(HOST) is None


@pytest.mark.parametrize("document", [{"credHelpers": {HOST: "x"}}, {"credsStore": "x"}])
def test_login_by_a_helper_program(document: dict[str, Any]) -> None:
    found = keychain(document, json.dumps({"Username": "ann", "Secret": "hunter2"}))(HOST)
    assert found == Credentials("ann", "hunter2")
    assert "hunter2" not in repr(found)


def test_a_helper_that_knows_nothing_is_no_error() -> None:
    assert keychain({"credsStore": "x"}, "credentials not found in native keychain", 1)(HOST) is None


@pytest.mark.parametrize(("answer", "code"), [("locked", 1), ("not json hunter2", 0), ("[]", 0)])
def test_a_helper_that_fails_is_named(answer: str, code: int) -> None:
    with pytest.raises(ByocError) as caught:
        keychain({"credsStore": "x"}, answer, code)(HOST)
    assert caught.value.id == "BYOC-E510"
    assert "docker-credential-x" in caught.value.what
    assert "hunter2" not in str(caught.value)


def test_a_helper_that_is_not_installed_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"credsStore": "not-there-at-all"}')
    with pytest.raises(ByocError, match="docker-credential-not-there-at-all gave no credentials"):
        docker_config({"DOCKER_CONFIG": str(tmp_path)})(HOST)


@pytest.mark.parametrize(
    "text", ['{"auths": hunter2', "[]", '{"auths": {"a.example:5000": {"auth": "%hunter2"}}}']
)
def test_a_damaged_file_is_named_and_not_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ByocError) as caught:
        docker_config({"DOCKER_CONFIG": str(tmp_path)})(HOST)
    assert str(tmp_path / "config.json") in caught.value.what
    assert "hunter2" not in str(caught.value)


def test_hosts_in_the_file() -> None:
    assert keychain({"auths": {"b": {}}, "credHelpers": {"a": "x"}}).hosts == ("a", "b")
