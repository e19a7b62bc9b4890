"""A conversation with one registry about one repository: requests that survive a bad line.

No message shows a secret, a token, or a query that the protocol does not define. A connection that moves less
than :data:`LEAST` bytes within a minute counts as lost.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import urllib3

from byoc_kit.errors import ByocError
from byoc_kit.images.answer import ERROR_LIMIT, Answer, read_answer, unreachable
from byoc_kit.images.http import CONNECT_SECONDS, READ_SECONDS, Backoff, pool
from byoc_kit.images.keychain import Credentials, docker_config
from byoc_kit.images.login import Login, refused
from byoc_kit.oci.reference import Repository, is_loopback

__all__ = ["Answer", "BrokenError", "Session"]

CHUNK: Final = 1 << 18  # bytes that are read at once
LEAST: Final = 64 << 10  # bytes that must move in a window of time, in either direction
STORE_SECONDS: Final = 300.0  # in which a registry puts a large blob into its own storage

Response = urllib3.BaseHTTPResponse


class BrokenError(Exception):
    """A transfer that did not come to its end, and may be tried again; *answer* if there was one."""

    def __init__(self, why: BaseException | str, answer: Answer | None = None) -> None:
        super().__init__(str(why))
        self.why, self.answer = why, answer


@dataclass(slots=True)
class Session:
    """Keeps connections and the login for one repository. For several threads."""

    repository: Repository
    keychain: Callable[[str], Credentials | None] = field(default_factory=docker_config)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    scheme: str | None = None
    """``http`` or ``https``; None: plain HTTP on this machine, HTTPS everywhere else."""
    actions: str = "pull,push"
    """What a token is asked for."""
    backoff: Backoff = field(default_factory=Backoff.standard, repr=False)
    clock: Callable[[], float] = time.monotonic
    window: float = READ_SECONDS
    """Seconds without a byte, or with too few, after which a connection counts as lost."""
    _http: urllib3.PoolManager | None = field(default=None, init=False, repr=False)
    _login: Login | None = field(default=None, init=False, repr=False)
    _making: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def host(self) -> str:
        """The registry, with its port."""
        assert self.repository.host is not None, "a repository without a registry cannot be asked"
        return self.repository.host

    @property
    def root(self) -> str:
        """``https://registry``."""
        return f"{self.scheme or ('http' if is_loopback(self.host) else 'https')}://{self.host}"

    @property
    def login(self) -> Login:
        """Who we are there."""
        with self._making:
            self._login = self._login or Login(
                self.repository, self.keychain, self.environ, self.actions, clock=self.clock
            )
            return self._login

    def url(self, path: str) -> str:
        """The whole URL of a path of the repository, of the registry (``/...``), or of a whole URL."""
        if path.startswith(("http://", "https://")):
            return path
        return self.root + (path if path.startswith("/") else f"/v2/{self.repository.path}/{path}")

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = ERROR_LIMIT,
    ) -> Answer:
        """One small request, tried again where the line or the registry has trouble that may pass.

        At most *limit* bytes of a good answer are read. Raises ByocError: BYOC-E502 not allowed, BYOC-E505
        not reached, BYOC-E507 an answer without end. Any other status is the caller's to judge.
        """
        url = self.url(path)

        def once(sent: str | None) -> Answer:
            return self._send(method, url, {**(headers or {}), **_authorization(sent)}, body, limit)

        return self._allowed(url, once)

    def get(self, path: str, headers: Mapping[str, str], accept: Callable[[Answer], None]) -> Iterator[bytes]:
        """The chunks of an answer's body, if *accept*, which sees its head, raises nothing.

        *accept* sees the body of what is neither 200 nor 206, too. Raises ByocError as :meth:`call`; the
        chunks raise :class:`BrokenError` where the line breaks.
        """
        url, found = self.url(path), list[Response]()

        def once(sent: str | None) -> Answer:
            response = self._begin("GET", url, {**headers, **_authorization(sent)})
            if response.status not in {200, 206}:
                return read_answer(response, ERROR_LIMIT)
            found.append(response)
            return Answer(url, response.status, response.headers, b"")

        try:
            accept(self._allowed(url, once))
        except BaseException:
            for response in found:
                response.close()
            raise
        return self._chunks(found[0]) if found else iter(())

    def send(self, url: str, chunks: Iterable[bytes], headers: Mapping[str, str]) -> Answer:
        """PATCH *chunks* to *url*, once: whoever has them decides whether to send them again.

        Raises BrokenError where the line breaks, and ByocError where we are not allowed to.
        """
        sent = self._header(url)
        try:
            response = self._pool().request(
                "PATCH",
                url,
                headers={**headers, **_authorization(sent)},
                body=_small(chunks),
                retries=False,
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=self.window, read=STORE_SECONDS),
            )
            answer = read_answer(response, ERROR_LIMIT)
        except urllib3.exceptions.HTTPError as error:
            raise BrokenError(error) from error
        if answer.status == 401 or answer.ends_login:
            self.login.challenged(answer, sent)
            raise BrokenError("the login ended", answer)
        return self._not_refused(answer)

    def close(self) -> None:
        """End all connections; a next request makes new ones."""
        with self._making:
            if self._http is not None:
                self._http.clear()
            self._http = None

    def lost(self, error: BaseException) -> ByocError:
        """What to say when it broke too often."""
        return unreachable(self.host, self.root, error)

    def unexpected(self, answer: Answer, doing: str) -> ByocError:
        """What to say of an answer that is not the one *doing* needs."""
        if answer.status == 404:
            return self.missing(doing, answer.codes)
        passes = answer.status in {429, *range(500, 600)}
        return ByocError(
            f"{self.repository}: {doing}: the registry answered {answer.codes}",
            why="it has trouble that did not pass" if passes else "it refused",
            fix="try again later; if it stays, show the line above to whoever runs the registry",
            id="BYOC-E506",
        )

    def missing(self, doing: str, answered: str) -> ByocError:
        """What to say of something that is not there."""
        return ByocError(
            f"{self.repository}: {doing}: it is not there",
            why=f"the registry answered {answered}",
            fix="check registry, repository and tag; was the image pushed?",
            id="BYOC-E503",
        )

    def _allowed(self, url: str, once: Callable[[str | None], Answer]) -> Answer:
        """What *once* answers; once more where the registry asks who we are."""
        sent = self._header(url)
        answer = once(sent)
        if (answer.status == 401 or answer.ends_login) and self._ours(url):
            self.login.challenged(answer, sent)
            answer = once(self._header(url))
        return self._not_refused(answer)

    def _not_refused(self, answer: Answer) -> Answer:
        if answer.status in {401, 403}:
            logged_in = self.keychain(self.host) is not None
            raise refused(self.repository, answer, logged_in=logged_in)
        return answer

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, limit: int
    ) -> Answer:
        """Send and read; again where the connection breaks, even within the body."""
        retries = self.backoff
        while True:
            try:
                response = self._begin(method, url, headers, body=body, retries=retries)
                return read_answer(response, limit)
            except urllib3.exceptions.HTTPError as error:
                try:
                    retries = retries.increment(method, url, error=error)
                except urllib3.exceptions.HTTPError:
                    raise unreachable(self.host, url, error) from error
                retries.sleep()

    def _begin(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        retries: Backoff | None = None,
    ) -> Response:
        try:
            return self._pool().request(
                method,
                url,
                headers=headers,
                body=body,
                retries=retries or self.backoff,
                preload_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=self.window),
            )
        except urllib3.exceptions.MaxRetryError as error:
            raise unreachable(self.host, url, error.reason or error) from error

    def _chunks(self, response: Response) -> Iterator[bytes]:
        """The body as it travels, never decoded. Whoever stops early gives the connection up."""
        waited, moved = 0.0, 0
        try:
            while True:
                before = self.clock()
                chunk = _some(response)
                waited, moved = waited + self.clock() - before, moved + len(chunk)
                if not chunk:
                    response.release_conn()
                    return
                yield chunk
                if waited > self.window:
                    if moved < LEAST:
                        raise BrokenError(f"less than {LEAST >> 10} KiB in {self.window:.0f} seconds")
                    waited, moved = 0.0, 0
        except urllib3.exceptions.HTTPError as error:
            raise BrokenError(error) from error
        finally:
            if not response.closed:
                response.close()

    def _pool(self) -> urllib3.PoolManager:
        with self._making:
            self._http = self._http or pool(self.root, self.environ)
            return self._http

    def _ours(self, url: str) -> bool:
        """Whether *url* is of the registry itself: only there our login may go."""
        return _origin(self.root) == _origin(url)

    def _header(self, url: str) -> str | None:
        return self.login.header() if self._ours(url) else None


def _origin(url: str) -> tuple[str | None, str | None, int | None]:
    """Scheme, host and port, the port also where it is the usual one."""
    parsed = urllib3.util.parse_url(url)
    return parsed.scheme, parsed.host, parsed.port or {"https": 443, "http": 80}.get(parsed.scheme or "")


def _authorization(header: str | None) -> dict[str, str]:
    return {"Authorization": header} if header else {}


def _some(response: Response) -> bytes:
    """What has come by now, at most CHUNK bytes; empty at the end."""
    return response.read1(CHUNK, decode_content=False)


def _small(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """In pieces that must leave within the window: urllib3 applies its limit for connecting to each."""
    for chunk in chunks:
        yield from (chunk[at : at + LEAST] for at in range(0, len(chunk), LEAST))
