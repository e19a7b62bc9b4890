"""Logins for registries of Amazon ECR, from a stand-in for AWS on loopback."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.work.logins import logins
from rig.lying import Lying, Reply, Request, lying

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Lying]:
    """A stand-in for AWS on loopback, which boto3 asks as it would ask AWS."""
    with lying() as service:
        for name in [each for each in os.environ if each.startswith("AWS_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{service.host}")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        yield service


def identify(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-example")


def token(registry: Lying, request: Request, honest: Callable[[], Reply]) -> Reply:
    assert json.loads(request.body) == {"registryIds": ["123456789012"]}
    given = base64.b64encode(b"AWS:hunter2").decode()
    document = {"authorizationData": [{"authorizationToken": given, "proxyEndpoint": f"https://{ECR}"}]}
    return Reply(200, json.dumps(document).encode(), {"Content-Type": "application/x-amz-json-1.1"})


def test_ecr_is_entered_with_the_aws_identity(aws: Lying, monkeypatch: pytest.MonkeyPatch) -> None:
    keychain = logins({"DOCKER_CONFIG": "/nowhere"})
    assert keychain(ECR) is None  # no identity
    identify(monkeypatch)
    aws.on("POST", "/", token, times=9)
    found = keychain(ECR)
    assert found is not None
    assert (found.user, found.secret) == ("AWS", "hunter2")
    assert aws.asked[0].headers["x-amz-target"].endswith("GetAuthorizationToken")


@pytest.mark.parametrize("host", ["a.example", f"{ECR}.evil.example", f"{ECR}:443", "localhost:5000"])
def test_what_looks_like_ecr_gets_nothing(aws: Lying, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    identify(monkeypatch)
    assert logins({"DOCKER_CONFIG": "/nowhere"})(host) is None
    assert aws.asked == []


def test_a_refusal_of_aws_is_told(aws: Lying, monkeypatch: pytest.MonkeyPatch) -> None:
    identify(monkeypatch)
    body = b'{"__type": "AccessDeniedException", "message": "not allowed"}'
    aws.on("POST", "/", lambda *_: Reply(400, body), times=9)
    with pytest.raises(ByocError) as caught:
        logins({"DOCKER_CONFIG": "/nowhere"})(ECR)
    assert caught.value.id == "BYOC-E818"
    assert "not allowed" in caught.value.why


def test_a_stored_login_wins(aws: Lying, tmp_path: Path) -> None:
    auth = base64.b64encode(b"ann:mine").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {ECR: {"auth": auth}}}))
    found = logins({"DOCKER_CONFIG": str(tmp_path)})(ECR)
    assert found is not None
    assert found.user == "ann"
    assert aws.asked == []
