"""A token of CodeArtifact: asked for by the caller's credentials, for CodeArtifact's own hosts only."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from byoc_kit.aws.codeartifact import codeartifact_login

HOST = "team-123456789012.d.codeartifact.eu-west-1.amazonaws.com"


class Service:
    """A stand-in for AWS that answers one operation."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.status = 200


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    stand_in = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            stand_in.seen.append(self.path)
            body = json.dumps({"authorizationToken": "token", "expiration": 1}).encode()
            self.send_response(stand_in.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "key",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_ENDPOINT_URL_CODEARTIFACT": f"http://127.0.0.1:{server.server_port}",
    }.items():
        monkeypatch.setenv(name, value)
    yield stand_in
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_callers_credentials_get_a_token(service: Service) -> None:
    assert codeartifact_login(HOST, {}) == ("aws", "token")
    (asked,) = service.seen
    assert asked.startswith("/v1/authorization-token?")
    assert "domain=team" in asked
    assert "domain-owner=123456789012" in asked


@pytest.mark.parametrize(
    "host",
    [
        "index.example",
        f"{HOST}.evil.example",
        f"evil.example/{HOST}",
        HOST.replace("123456789012", "12345"),
        HOST.replace(".d.codeartifact.", ".codeartifact."),
    ],
)
def test_nobody_else_gets_one(service: Service, host: str) -> None:
    assert codeartifact_login(host, {}) is None
    assert not service.seen


def test_without_a_right_to_it_there_is_none(service: Service) -> None:
    service.status = 403
    assert codeartifact_login(HOST, {}) is None
