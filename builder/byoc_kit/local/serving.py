"""One endpoint's container: started, pinged with the service's timings, asked, stopped (HAR, INF)."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from byoc_kit.errors import ByocError
from byoc_kit.job.container import ContainerPlan
from byoc_kit.job.outcome import ContainerError, Exit
from byoc_kit.local.containers import Running, Session, opened_log, stop_all
from byoc_kit.local.exchange import Exchange
from byoc_kit.local.journal import opened_journal
from byoc_kit.talk import Talk

if TYPE_CHECKING:
    import docker
    import urllib3

__all__ = ["GRACE", "PING", "STARTUP", "Answer", "Body", "Served", "Server", "Take", "serving", "several"]

GRACE = 30.0  # seconds between SIGTERM and SIGKILL (INF-13)
STARTUP = 480.0  # seconds until /ping must answer 200 (INF-04)
PING = 2.0  # seconds one ping may take (INF-02)
PAUSE = 0.1  # seconds between two pings while the server starts
INVOCATION = 60.0  # seconds one answer may take (INF-07)
QUOTED = 2000  # characters of a refusal's body that an error shows
PIECE = 64 << 10  # bytes of an answer that are read at a time

NONE: Mapping[str, str] = MappingProxyType({})

Body = bytes | Path
"""A request's body, or the file that holds it, which is then read while it is sent."""
Take = Callable[[bytes], None]
"""Is given each piece of an answer as soon as it has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What /invocations answered."""

    status: int
    content_type: str
    body: bytes
    seconds: float
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case."""
    first_byte: float = 0.0
    """Seconds from the request to the first byte of the body."""


class Served(Protocol):
    """What answers invocations: one server, or several behind each other."""

    @property
    def url(self) -> str:
        """Where it can be reached from this machine."""

    @property
    def seconds(self) -> float:
        """From the start of the containers to the last first good ping."""

    def invoke(
        self, body: Body, *, content_type: str, accept: str | None = None, model: str | None = None
    ) -> Answer:
        """Send *body*, of a multi-model endpoint to *model*. Raises ByocError for no good answer."""

    def wait(self, seconds: float | None = None) -> None:
        """Wait for *seconds*; raise ByocError if a server ends in the meantime."""


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
        self.invocation = INVOCATION
        """Seconds one answer may take."""
        self.take: Take | None = None
        """Who hears the pieces of answers while they come."""

    def invoke(
        self, body: Body, *, content_type: str, accept: str | None = None, model: str | None = None
    ) -> Answer:
        """POST *body* to /invocations. Raises ByocError for a refusal (INF-09) or no answer (INF-07)."""
        headers = {"Content-Type": content_type, **({"Accept": accept} if accept else {})}
        return self.good("POST", "/invocations", body, headers)

    def good(self, method: str, path: str, body: Body = b"", headers: Mapping[str, str] = NONE) -> Answer:
        """What *path* answers. Raises ByocError unless it is good."""
        answer = self.ask(method, path, body, headers, seconds=self.invocation)
        if not 200 <= answer.status < 300:
            raise _refusal(answer)
        return answer

    def ask(
        self, method: str, path: str, body: Body, headers: Mapping[str, str], *, seconds: float
    ) -> Answer:
        """What *path* answers within *seconds*, whatever the status. Raises ByocError for no answer."""
        import urllib3

        begun = time.monotonic()
        length = {"Content-Length": str(body.stat().st_size)} if isinstance(body, Path) else {}
        try:
            with body.open("rb") if isinstance(body, Path) else nullcontext(body) as sent:
                response = self._pool.request(
                    method,
                    f"{self.base}{path}",
                    body=sent,
                    headers={**headers, **length},
                    timeout=seconds,
                    retries=False,
                    preload_content=False,
                )
            return self._answer(response, begun)
        except urllib3.exceptions.HTTPError as error:
            raise self._no_answer(error, seconds) from error

    def _answer(self, response: "urllib3.BaseHTTPResponse", begun: float) -> Answer:
        pieces, first = list[bytes](), 0.0
        for piece in response.stream(PIECE):
            first = first or time.monotonic() - begun
            pieces.append(piece)
            if self.take and 200 <= response.status < 300:
                self.take(piece)
        return Answer(
            status=response.status,
            content_type=response.headers.get("Content-Type", ""),
            body=b"".join(pieces),
            seconds=time.monotonic() - begun,
            headers={name.lower(): value for name, value in response.headers.items()},
            first_byte=first,
        )

    def exchange(self, timeout: float, retries: int) -> Exchange:
        """A connection of its own, for one thread that asks very often."""
        return Exchange(self._at.host, self._at.port, timeout=timeout, retries=retries)

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
    with several((plan,), session, logs=(log,), timeout=timeout, talk=talk) as (server,):
        yield server


@contextmanager
def several(
    plans: Sequence[ContainerPlan],
    session: Session,
    *,
    logs: Sequence[Path],
    timeout: float,
    talk: Talk,
) -> Iterator[tuple[Server, ...]]:
    """A server for each of *plans*; the second and later ones may be beside the first (``plan.beside``)."""
    import urllib3

    with session, urllib3.PoolManager() as pool, ExitStack() as stack:
        begun = time.monotonic()
        names = [plan.alias for plan in plans]
        whole = logs[0].with_name("serve.log")
        journal = stack.enter_context(opened_journal(whole, names, talk.output, None))
        opened = [
            stack.enter_context(opened_log(path, journal.of(plan.alias)))
            for plan, path in zip(plans, logs, strict=True)
        ]
        runnings = list[Running]()
        stack.callback(lambda: stop_all(runnings, GRACE, talk))  # before the logs are closed
        for plan, log in zip(plans, opened, strict=True):
            runnings.append(session.start(plan, log))
        servers = tuple(
            Server(running, _address(session.client, running, runnings[0]), pool) for running in runnings
        )
        for server, running in zip(servers, runnings, strict=True):
            _await_ping(server, running, pool, begun + timeout)
            server.seconds = time.monotonic() - begun
        yield servers


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is asked from here, and its port on this machine's loopback."""

    host: str
    port: int
    published: int


def _address(client: "docker.DockerClient", running: Running, first: Running) -> Address:
    """Where to ask from here, and what to tell a person; *first* has the network of those beside it.

    On Linux the container's own address is asked: what listens on 127.0.0.1 only must fail here too (INF-01),
    and Docker's proxy on a published port accepts connections before the server does (INF-03).
    """
    port, place = running.plan.ports[0].container, first if running.plan.beside else running
    published = place.published(port) or 0
    rootless = any("rootless" in option for option in client.info().get("SecurityOptions") or ())
    if sys.platform == "linux" and not rootless and (address := place.address):
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
