"""One endpoint's container: started, pinged with the service's timings, asked, stopped (HAR, INF)."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from byoc_kit.errors import ByocError
from byoc_kit.job.container import ContainerPlan
from byoc_kit.job.outcome import ContainerError, Exit
from byoc_kit.local.containers import Running, Session, opened_log
from byoc_kit.local.exchange import Exchange
from byoc_kit.talk import Talk

if TYPE_CHECKING:
    import docker
    import urllib3

__all__ = ["GRACE", "STARTUP", "Answer", "Server", "serving"]

GRACE = 30.0  # seconds between SIGTERM and SIGKILL (INF-13)
STARTUP = 480.0  # seconds until /ping must answer 200 (INF-04)
PING = 2.0  # seconds one ping may take (INF-02)
PAUSE = 0.1  # seconds between two pings while the server starts
INVOCATION = 60.0  # seconds one answer may take (INF-07)
LARGEST = 6_291_456  # bytes of a body that the runtime API takes (INF-10)
QUOTED = 2000  # characters of a refusal's body that an error shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What /invocations answered."""

    status: int
    content_type: str
    body: bytes
    seconds: float
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case."""


class Server:
    """A server that answers its pings. Made by :func:`serving`."""

    def __init__(self, running: Running, at: "Address", pool: "urllib3.PoolManager") -> None:
        self._running, self._pool, self._at = running, pool, at
        self.base = f"http://{at.host}:{at.port}"
        """Where this process asks."""
        self.url = f"http://127.0.0.1:{at.published}"
        """Where it can be reached from this machine, e.g. ``http://127.0.0.1:8080``."""
        self.seconds = 0.0
        """From the start of the container to the first good ping."""

    def invoke(
        self, body: bytes, *, content_type: str, accept: str | None = None, timeout: float = INVOCATION
    ) -> Answer:
        """POST *body* to /invocations. Raises ByocError for a refusal (INF-09) or no answer (INF-07)."""
        import urllib3

        headers = {"Content-Type": content_type, **({"Accept": accept} if accept else {})}
        begun = time.monotonic()
        try:
            response = self._pool.request(
                "POST", f"{self.base}/invocations", body=body, headers=headers, timeout=timeout, retries=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise self._no_answer(error, timeout) from error
        answer = _answer(response, begun)
        if not 200 <= answer.status < 300:
            raise _refusal(answer)
        return answer

    def exchange(self, timeout: float, retries: int) -> Exchange:
        """A connection of its own, for one thread that asks very often."""
        return Exchange(self._at.host, self._at.port, timeout=timeout, retries=retries)

    def get(self, path: str) -> Answer:
        """GET *path*, whatever the status. Raises ByocError for no answer."""
        import urllib3

        begun = time.monotonic()
        try:
            response = self._pool.request("GET", f"{self.base}{path}", timeout=PING, retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise self._no_answer(error, PING) from error
        return _answer(response, begun)

    def check(self) -> None:
        """Raise ByocError if the server has ended."""
        self.wait(0.5)

    def wait(self, seconds: float | None = None) -> None:
        """Wait for *seconds*; raise ByocError if the server ends in the meantime (INF-20)."""
        ended = self._running.wait(seconds)
        if ended is not None:
            raise _ended("the server ended while it should serve", ended, self._running)

    def _no_answer(self, error: Exception, timeout: float) -> ByocError:
        if (ended := self._running.wait(0.5)) is not None:
            return _ended("the server ended instead of answering", ended, self._running)
        return ByocError(
            "the server did not answer the invocation",
            why=f"{error}; the service waits {timeout:.0f} s (INF-07)",
            fix="read the server's log above; make predict_fn quicker, or send less at once",
            id="BYOC-E420",
            details=[f"log: {line}" for line in list(self._running.log.tail)[-5:]],
        )


def _answer(response: "urllib3.BaseHTTPResponse", begun: float) -> Answer:
    return Answer(
        status=response.status,
        content_type=response.headers.get("Content-Type", ""),
        body=response.data,
        seconds=time.monotonic() - begun,
        headers={name.lower(): value for name, value in response.headers.items()},
    )


def _refusal(answer: Answer) -> ByocError:
    text = answer.body.decode(errors="replace")[:QUOTED]
    client = answer.status < 500
    return ByocError(
        f"the server answered {answer.status}",
        why="it refuses this request" if client else "its own code failed on this request; the log has more",
        fix=(
            "send what the model's input_fn reads: see --content-type and --accept"
            if client
            else "mend the function named above, then `byoc build`, or try it at once with --live"
        ),
        id="BYOC-E415",
        details=text.splitlines()[:20],
    )


def _ended(what: str, ended: Exit, running: Running) -> ContainerError:
    tail = list(running.log.tail)[-15:]
    return ContainerError(what, ended=ended, id="BYOC-E413", details=[f"log: {line}" for line in tail])


@contextmanager
def serving(
    plan: ContainerPlan, session: Session, *, log: Path, timeout: float, talk: Talk
) -> Iterator[Server]:
    """A server started from *plan* that answers its pings; stopped and removed at the end of the context.

    Raises ByocError if it ends, or does not answer 200 within *timeout* seconds.
    """
    import urllib3

    with session, opened_log(log, talk.output) as opened, urllib3.PoolManager() as pool:
        begun = time.monotonic()
        running = session.start(plan, opened)
        try:
            server = Server(running, _address(session.client, running), pool)
            _await_ping(server, running, pool, begun + timeout)
            server.seconds = time.monotonic() - begun
            yield server
        finally:
            running.stop(GRACE, talk)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is asked from here, and its port on this machine's loopback."""

    host: str
    port: int
    published: int


def _address(client: "docker.DockerClient", running: Running) -> Address:
    """Where to ask from here, and what to tell a person.

    On Linux the container's own address is asked: what listens on 127.0.0.1 only must fail here too (INF-01),
    and Docker's proxy on a published port accepts connections before the server does (INF-03).
    """
    port = running.plan.ports[0].container
    published = running.published(port) or 0
    rootless = any("rootless" in option for option in client.info().get("SecurityOptions") or ())
    if sys.platform == "linux" and not rootless and (address := running.address):
        return Address(address, port, published)
    return Address("127.0.0.1", published, published)


def _await_ping(server: Server, running: Running, pool: "urllib3.PoolManager", deadline: float) -> None:
    last, port = "nothing answers", running.plan.ports[0].container
    while (ended := running.wait(PAUSE)) is None:
        last = _ping(server, pool) or ""
        if not last:
            return
        if time.monotonic() > deadline:
            raise ByocError(
                "the server did not become healthy in time",
                why=f"GET /ping must answer 200 within {PING:.0f} s (INF-02, INF-04); last: {last}",
                fix=f"let it listen on 0.0.0.0:{port} and answer once its model is loaded",
                id="BYOC-E414",
                details=[f"log: {line}" for line in list(running.log.tail)[-15:]],
            )
    raise _ended("the server ended before it answered a ping", ended, running)


def _ping(server: Server, pool: "urllib3.PoolManager") -> str | None:
    """None when the ping is answered as it must be; else what happened."""
    import urllib3

    try:
        answer = pool.request("GET", f"{server.base}/ping", timeout=PING, retries=False)
    except urllib3.exceptions.HTTPError as error:
        return str(error)
    return None if answer.status == 200 else f"status {answer.status}"
