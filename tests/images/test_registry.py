"""The client against a real registry: what it reads is checked, what it writes is there, failures say why."""

import base64
import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.images.http import Backoff
from byoc_kit.images.keychain import Keychain, docker_config
from byoc_kit.images.registry import RemoteRepository, read_image
from byoc_kit.images.registry_source import hub
from byoc_kit.images.session import Session
from byoc_kit.oci.config import Platform
from byoc_kit.oci.digest import measure
from byoc_kit.oci.manifest import (
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Manifest,
    to_docker,
)
from byoc_kit.oci.reference import Named, Repository, parse_location
from images.remote import image_document, push_image, put_manifest

NOBODY: Mapping[str, str] = {"DOCKER_CONFIG": "/nowhere"}


def opened(host: str, path: str = "team/churn", environ: Mapping[str, str] = NOBODY) -> RemoteRepository:
    session = Session(
        Repository(host, path),
        keychain=docker_config(environ),
        environ=environ,
        backoff=Backoff.standard(0.001),
    )
    return RemoteRepository(session)


def failing(remote: RemoteRepository, target: str = "1") -> ByocError:
    with pytest.raises(ByocError) as caught:
        read_image(remote, target)
    return caught.value


# --- against the real registry ---------------------------------------------------------------------


def test_an_image_is_read_back_by_tag_and_by_digest(registry: str) -> None:
    remote = opened(registry, "t/readback")
    digest = push_image(f"http://{registry}/v2/t/readback", "1")
    found = read_image(remote, "1")
    assert found.top is found.manifest
    assert found.manifest.digest == digest
    assert found.manifest.media_type == DOCKER_MANIFEST
    assert found.config.entrypoint == ("/opt/hello",)
    assert str(found.reference) == f"{registry}/t/readback@{digest}"
    assert read_image(remote, digest) == found


def test_a_tag_is_put_without_a_blob_moving_and_listed(registry: str) -> None:
    remote = opened(registry, "t/tags")
    digest = push_image(f"http://{registry}/v2/t/tags", "1")
    manifest = remote.manifest("1")
    assert isinstance(manifest, Manifest)
    remote.put_manifest("latest", manifest)
    latest = remote.manifest("latest")
    assert latest is not None
    assert latest.digest == digest
    assert remote.tags() == {"1", "latest"}


def test_many_tags_come_in_pages(registry: str) -> None:
    remote = opened(registry, "t/pages")
    push_image(f"http://{registry}/v2/t/pages", "0")
    manifest = remote.manifest("0")
    assert isinstance(manifest, Manifest)
    names = {str(number) for number in range(130)}
    for name in names:
        remote.put_manifest(name, manifest)
    assert remote.tags() == names


def test_an_oci_manifest_becomes_dockers_in_place(registry: str) -> None:
    base = f"http://{registry}/v2/t/convert"
    remote = opened(registry, "t/convert")
    put_manifest(base, "1", image_document(base, (OCI_MANIFEST, OCI_CONFIG, OCI_LAYER)))
    before = read_image(remote, "1")
    assert before.manifest.media_type == OCI_MANIFEST
    docker = to_docker(before.manifest)
    remote.put_manifest(docker.digest, docker)
    remote.put_manifest("1", docker)
    after = read_image(remote, "1")
    assert after.manifest.media_type == DOCKER_MANIFEST
    assert after.config == before.config


def test_of_an_index_the_platform_is_chosen(registry: str) -> None:
    base = f"http://{registry}/v2/t/index"
    remote = opened(registry, "t/index")
    manifest = image_document(base, (OCI_MANIFEST, OCI_CONFIG, OCI_LAYER))
    digest = put_manifest(base, "one", manifest)
    entry = {
        "mediaType": OCI_MANIFEST,
        "digest": digest,
        "size": len(json.dumps(manifest)),
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    put_manifest(base, "1", {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]})
    found = read_image(remote, "1")
    assert found.top.media_type == OCI_INDEX
    assert found.manifest.digest == digest
    with pytest.raises(ByocError) as caught:
        read_image(remote, "1", Platform("linux", "arm64"))
    assert caught.value.id == "BYOC-E508"
    assert "linux/amd64" in caught.value.why


def test_what_is_not_there_is_said(registry: str) -> None:
    assert opened(registry, "t/nowhere").tags() == frozenset()
    assert opened(registry, "t/nowhere").manifest("1") is None
    error = failing(opened(registry, "t/nowhere"))
    assert error.id == "BYOC-E503"
    assert error.what == f"{registry}/t/nowhere: reading 1: it is not there"


def test_a_manifest_whose_blobs_are_missing_is_refused_by_the_registry(registry: str) -> None:
    base = f"http://{registry}/v2/t/whole"
    push_image(base, "1")
    manifest = opened(registry, "t/whole").manifest("1")
    assert isinstance(manifest, Manifest)
    with pytest.raises(ByocError) as caught:
        opened(registry, "t/empty").put_manifest("1", manifest)
    assert caught.value.id == "BYOC-E506"
    assert "MANIFEST_BLOB_UNKNOWN" in caught.value.what


def test_a_config_that_was_changed_on_the_registrys_disk_is_noticed(
    registry: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    remote = opened(registry, "t/tampered")
    push_image(f"http://{registry}/v2/t/tampered", "1")
    manifest = remote.manifest("1")
    assert isinstance(manifest, Manifest)
    name = manifest.config.digest.removeprefix("sha256:")
    stored = next(tmp_path_factory.getbasetemp().glob(f"registry*/data/**/{name}/data"))
    content = stored.read_bytes()
    stored.write_bytes(content.replace(b"amd64", b"arm64"))
    try:
        error = failing(remote)
    finally:
        stored.write_bytes(content)
    assert error.id == "BYOC-E504"
    assert manifest.config.digest in error.why


# --- against servers that lie, break, or ask for a login -------------------------------------------


@dataclass
class Front:
    """A server that answers from a list, last answer for ever, and remembers what it was asked."""

    answers: list[tuple[int, dict[str, str], bytes]]
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    host: str = ""


@contextlib.contextmanager
def front(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[Front]:
    seen = Front(list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            seen.asked.append((self.command, self.path, self.headers.get("Authorization")))
            status, headers, body = seen.answers.pop(0) if len(seen.answers) > 1 else seen.answers[0]
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            if int(headers.get("Content-Length", len(body))) > len(body):
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    seen.host = f"127.0.0.1:{server.server_address[1]}"
    try:
        yield seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


CONFIG = json.dumps({"os": "linux", "architecture": "amd64", "config": {}}).encode()
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": measure([CONFIG])[0], "size": len(CONFIG)},
        "layers": [],
    }
).encode()
GOOD: tuple[int, dict[str, str], bytes] = (200, {"Content-Type": OCI_MANIFEST}, MANIFEST)
BUSY: tuple[int, dict[str, str], bytes] = (503, {"Retry-After": "0"}, b"")


def test_a_busy_registry_is_asked_again() -> None:
    with front(BUSY, (429, {"Retry-After": "0"}, b""), GOOD) as server:
        manifest = opened(server.host).manifest("1")
    assert manifest is not None
    assert manifest.raw == MANIFEST
    assert len(server.asked) == 3


def test_a_body_that_breaks_off_is_fetched_again() -> None:
    cut = (200, {"Content-Type": OCI_MANIFEST, "Content-Length": "9999"}, MANIFEST[:20])
    with front(cut, GOOD) as server:
        manifest = opened(server.host).manifest("1")
    assert manifest is not None
    assert manifest.raw == MANIFEST


def test_a_registry_that_stays_busy_is_given_up() -> None:
    with front(BUSY) as server:
        error = failing(opened(server.host))
    assert error.id == "BYOC-E506"
    assert "503" in error.what
    assert len(server.asked) == 6


def test_the_registrys_own_digest_is_checked_for_a_tag() -> None:
    lie = {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": "sha256:" + "0" * 64}
    with front((200, lie, MANIFEST)) as server:
        assert failing(opened(server.host)).id == "BYOC-E504"


@pytest.mark.parametrize(
    "body", [b"<html>please log in</html>", b"{}", b"x" * (5 << 20)], ids=["html", "json", "big"]
)
def test_what_is_no_manifest_is_not_taken_for_one(body: bytes) -> None:
    with front((200, {"Content-Type": "text/html"}, body)) as server:
        error = failing(opened(server.host))
    assert error.id == "BYOC-E507"
    assert "please log in" not in str(error)


def test_nobody_listens() -> None:
    with front(GOOD) as server:
        host = server.host
    error = failing(opened(host))
    assert error.id == "BYOC-E505"
    assert error.what == f"{host} cannot be reached"
    assert "refused" in error.why


def login(tmp_path: Path, host: str, secret: str = "hunter2") -> Mapping[str, str]:
    auth = base64.b64encode(f"ann:{secret}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    return {"DOCKER_CONFIG": str(tmp_path)}


def test_basic_login_is_used_when_asked_for(tmp_path: Path) -> None:
    with front((401, {"WWW-Authenticate": 'Basic realm="here"'}, b""), GOOD) as server:
        environ = login(tmp_path, server.host)
        assert opened(server.host, environ=environ).manifest("1") is not None
    sent = "Basic " + base64.b64encode(b"ann:hunter2").decode()
    assert [authorization for _, _, authorization in server.asked] == [None, sent]


def test_a_token_is_fetched_where_the_registry_says(tmp_path: Path) -> None:
    with front((401, {}, b""), (200, {}, b'{"token": "secret-token"}'), GOOD) as server:
        realm = f'Bearer realm="http://{server.host}/token",service="here"'
        server.answers[0] = (401, {"WWW-Authenticate": realm}, b"")
        environ = login(tmp_path, server.host)
        assert opened(server.host, environ=environ).manifest("1") is not None
    assert server.asked[1][1] == "/token?service=here&scope=repository%3Ateam%2Fchurn%3Apull%2Cpush"
    assert server.asked[2][2] == "Bearer secret-token"


def test_a_login_that_is_not_accepted_says_so_without_the_secret(tmp_path: Path) -> None:
    refusal = b'{"errors": [{"code": "UNAUTHORIZED", "message": "bad hunter2"}]}'
    with front((401, {"WWW-Authenticate": 'Basic realm="here"'}, refusal)) as server:
        error = failing(opened(server.host, environ=login(tmp_path, server.host)))
    assert error.id == "BYOC-E502"
    assert "UNAUTHORIZED" in error.what
    assert error.why == "the stored login was not accepted"
    assert "hunter2" not in str(error)


def test_without_a_login_the_way_to_one_is_said() -> None:
    with front((401, {"WWW-Authenticate": 'Basic realm="here"'}, b"")) as server:
        error = failing(opened(server.host))
    assert (error.id, error.why) == ("BYOC-E502", "nobody is logged in there")
    assert error.fix.startswith(f"`docker login {server.host}`")


def test_another_host_that_a_page_of_tags_names_is_not_asked() -> None:
    first = (
        200,
        {"Link": '<http://203.0.113.9/v2/team/churn/tags/list?last=1>; rel="next"'},
        b'{"tags": ["1"]}',
    )
    with front(first, (200, {}, b'{"tags": ["2"]}')) as server:
        assert opened(server.host).tags() == {"1", "2"}
    assert server.asked[1][1] == "/v2/team/churn/tags/list?last=1"


def test_a_redirect_to_another_server_does_not_take_the_login_along(tmp_path: Path) -> None:
    with front(GOOD) as other, front((401, {"WWW-Authenticate": 'Basic realm="here"'}, b""), BUSY) as server:
        server.answers[1] = (307, {"Location": f"http://{other.host}/elsewhere"}, b"")
        assert opened(server.host, environ=login(tmp_path, server.host)).manifest("1") is not None
    assert other.asked == [("GET", "/elsewhere", None)]


def test_keychain_is_empty_without_a_file() -> None:
    keychain = docker_config(NOBODY)
    assert isinstance(keychain, Keychain)
    assert keychain("a.example") is None


@pytest.mark.parametrize(
    ("name", "host", "path"),
    [
        ("python:3.12-slim", "registry-1.docker.io", "library/python"),
        ("team/churn", "registry-1.docker.io", "team/churn"),
        ("docker.io/team/churn:1", "registry-1.docker.io", "team/churn"),
        ("a.example/churn", "a.example", "churn"),
    ],
)
def test_names_of_docker_hub_are_those_of_the_docker_command(name: str, host: str, path: str) -> None:
    named = parse_location(name)
    assert isinstance(named, Named)
    assert hub(named.repository) == Repository(host, path)
