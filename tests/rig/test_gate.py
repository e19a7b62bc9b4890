"""The gate passes everything on as it is, counts, and cuts where it is told to."""

import hashlib
import http.client
import os
import threading
import time
from collections.abc import Iterator

import pytest

from rig.gate import Cut, Moment, gate

BLOB = os.urandom(300_000)
DIGEST = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"


def ask(
    host: str, method: str, path: str, body: bytes | Iterator[bytes] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request(method, path, body=body)
    answer = connection.getresponse()
    found = answer.status, answer.headers, answer.read()
    connection.close()
    return found


def upload(host: str, body: bytes | Iterator[bytes]) -> int:
    _, headers, _ = ask(host, "POST", "/v2/gate/blobs/uploads/")
    location = headers["Location"]
    assert host in location, "the client must come back through the gate"
    path = location.partition(host)[2]
    _, headers, _ = ask(host, "PATCH", path, body)
    path = headers["Location"].partition(host)[2]
    return ask(host, "PUT", f"{path}&digest={DIGEST}")[0]


@pytest.mark.parametrize("chunked", [False, True])
def test_blobs_go_through_whole(registry: str, chunked: bool) -> None:
    with gate(registry) as passing:
        assert upload(passing.host, iter([BLOB[:70_000], BLOB[70_000:]]) if chunked else BLOB) == 201
        assert ask(passing.host, "HEAD", f"/v2/gate/blobs/{DIGEST}")[1]["Content-Length"] == str(len(BLOB))
        assert ask(passing.host, "GET", f"/v2/gate/blobs/{DIGEST}")[2] == BLOB
        assert [line.split()[0] for line in passing.seen] == ["POST", "PATCH", "PUT", "HEAD", "GET"]


def test_it_cuts_before_and_after(registry: str) -> None:
    def cut(moment: Moment) -> None:
        moments.append(moment)
        if (moment.number, moment.after) in {(1, False), (2, True)}:
            raise Cut

    moments: list[Moment] = []
    with gate(registry, cut) as passing:
        for _ in range(2):
            with pytest.raises(http.client.RemoteDisconnected):
                ask(passing.host, "POST", "/v2/gate-cut/blobs/uploads/")
        assert ask(passing.host, "GET", "/v2/")[0] == 200
    assert [(moment.number, moment.after) for moment in moments] == [
        (1, False),
        (2, False),
        (2, True),
        (3, False),
        (3, True),
    ]


def test_it_knows_when_a_client_that_is_gone_has_been_served(registry: str) -> None:
    held = threading.Event()
    done: list[Moment] = []

    def slowly(moment: Moment) -> None:
        held.set()
        time.sleep(0.3)
        done.append(moment)

    with gate(registry, slowly) as passing:
        connection = http.client.HTTPConnection(passing.host, timeout=10)
        connection.request("GET", "/v2/")
        assert held.wait(10)
        connection.close()
        passing.settle()
        assert [moment.after for moment in done] == [False, True]
