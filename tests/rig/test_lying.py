"""The lying registry is honest until it is told otherwise, and then misbehaves as told."""

import http.client
import json
import time

import pytest

from images.remote import push_image
from rig.faults import answer, cut, drip, garbage, hang_up, lose, silence, wrong_length
from rig.lying import Lying, lying


def get(registry: Lying, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(registry.host, timeout=10)
    try:
        connection.request(method, path)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def blob(registry: Lying) -> str:
    registry.blobs["a/b", "sha256:1234"] = b"0123456789"
    return "/v2/a/b/blobs/sha256:1234"


def test_what_was_pushed_is_there() -> None:
    with lying() as registry:
        digest = push_image(f"http://{registry.host}/v2/t/a", "1")
        assert registry.tags() == {"t/a:1": digest}
        assert registry.whole()
        status, body = get(registry, "/v2/t/a/manifests/1")
        assert (status, json.loads(body)["schemaVersion"]) == (200, 2)
        registry.blobs.clear()
        assert not registry.whole()


def test_a_fault_is_met_once_and_by_its_request_only() -> None:
    with lying() as registry:
        path = blob(registry)
        registry.on("GET", "/blobs/", answer(503))
        assert get(registry, path, "HEAD")[0] == 200
        assert [get(registry, path)[0] for _ in range(2)] == [503, 200]


def test_faults() -> None:
    with lying() as registry:
        path = blob(registry)
        registry.on("GET", "/blobs/", garbage)
        assert get(registry, path)[1] == bytes(0xFF ^ each for each in b"0123456789")
        registry.on("GET", "/blobs/", cut(4))
        with pytest.raises(http.client.IncompleteRead):
            get(registry, path)
        registry.on("GET", "/blobs/", wrong_length(1))
        with pytest.raises(http.client.IncompleteRead):
            get(registry, path)
        registry.on("GET", "/blobs/", hang_up)
        with pytest.raises(http.client.RemoteDisconnected):
            get(registry, path)
        registry.on("GET", "/blobs/", silence(0.2))
        with pytest.raises(http.client.RemoteDisconnected):
            get(registry, path)
        registry.on("GET", "/blobs/", drip(0.02))
        before = time.monotonic()
        assert get(registry, path)[1] == b"0123456789"
        assert time.monotonic() - before > 0.15


def test_an_answer_can_get_lost_after_the_deed() -> None:
    with lying() as registry:
        registry.on("POST", "/uploads/", lose)
        with pytest.raises(http.client.RemoteDisconnected):
            get(registry, "/v2/a/b/blobs/uploads/", "POST")
        assert len(registry.uploads) == 1


def test_each_third_request_is_too_much() -> None:
    with lying() as registry:
        path = blob(registry)
        registry.busy_every = 3
        assert [get(registry, path)[0] for _ in range(6)] == [200, 200, 503, 200, 200, 503]


def test_without_a_login_nothing_is_told() -> None:
    with lying() as registry:
        path = blob(registry)
        registry.login = "Bearer"
        assert get(registry, path)[0] == 401
        assert get(registry, "/token")[0] == 200
