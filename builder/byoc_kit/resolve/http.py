"""Requests to package indexes, with the user's proxy, certificates and logins."""

import os
import ssl
import threading
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout, make_headers

from byoc_kit.errors import ByocError
from byoc_kit.oci.reference import is_loopback
from byoc_kit.resolve.credentials import Credentials, Login
from byoc_kit.resolve.indexes import Indexes, ca_bundle

__all__ = ["Absent", "Broken", "Web"]

RETRIES: Final = Retry(
    total=4,
    connect=2,
    redirect=5,
    status_forcelist={408, 429, 500, 502, 503, 504},
    allowed_methods={"GET", "HEAD"},
    backoff_factor=0.3,
    raise_on_status=False,
)
TIMEOUT: Final = Timeout(connect=10.0, read=60.0)
CHUNK: Final = 1 << 20
SAME_TIME: Final = 8  # requests at once


class Absent(Exception):  # noqa: N818 - an answer that leads on to the next place
    """The file is not there, or the place cannot be reached; the text says which, without a secret."""


class Broken(Absent):
    """The body broke off: another try may bring all of it."""


class Web:
    """GET and HEAD for one resolution; may be used by several threads."""

    def __init__(self, indexes: Indexes, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._credentials: Credentials = indexes.credentials
        self._trusted = {host.partition(":")[0] for host in indexes.trusted}
        self._pools: dict[tuple[str | None, bool], urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def size(self, url: str) -> int | None:
        """Bytes of the file at *url*; None where the server does not say."""
        try:
            answer = self._ask("HEAD", url)
        except Absent:
            return None
        told = answer.headers.get("Content-Length", "")
        return int(told) if answer.status == 200 and told.isdigit() else None

    def text(self, url: str, accept: str) -> tuple[str, str]:
        """Content type and text of a page. Raises Absent, ByocError (BYOC-E908)."""
        answer = self._ask("GET", url, {"Accept": accept})
        self._check(answer, url)
        return answer.headers.get("Content-Type", ""), answer.data.decode("utf-8", "replace")

    def read(self, url: str) -> Iterator[bytes]:
        """The bytes of the file at *url*. Raises Absent, Broken, ByocError (BYOC-E908)."""
        answer = self._ask("GET", url, {"Accept-Encoding": "identity"}, preload=False)
        try:
            self._check(answer, url)
            yield from answer.stream(CHUNK, decode_content=False)
            answer.release_conn()
        except (HTTPError, OSError) as error:
            raise Broken(self._told(url, error)) from error
        finally:
            answer.close()

    def _ask(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, *, preload: bool = True
    ) -> urllib3.BaseHTTPResponse:
        login, plain = self._login(url), _plain(url)
        sent = {"User-Agent": "byoc", **(headers or {})}
        if login is not None:
            sent |= make_headers(basic_auth=f"{login.user}:{login.password}")
        try:
            return self._pool(plain).request(
                method, plain, headers=sent, preload_content=preload, retries=RETRIES
            )
        except (HTTPError, OSError, ValueError) as error:
            raise Absent(self._told(url, error)) from error

    def _login(self, url: str) -> Login | None:
        with self._lock:  # a program may be asked, once
            return self._credentials.login(url)

    def _check(self, answer: urllib3.BaseHTTPResponse, url: str) -> None:
        if answer.status in {401, 403}:
            raise ByocError(
                f"{urlsplit(url).hostname} does not let you in",
                why=f"it answered {answer.status} for {_plain(url)}",
                fix="put user and password for this host into ~/.netrc, or into the address in "
                "UV_DEFAULT_INDEX, UV_INDEX or PIP_INDEX_URL; a token may have ended",
                id="BYOC-E908",
            )
        if answer.status != 200:
            raise Absent(f"{_plain(url)} answered {answer.status}")

    def _told(self, url: str, error: Exception) -> str:
        cause = str(getattr(error, "reason", None) or error).split("\n", 1)[0]
        return self._credentials.hide(f"{_plain(url)}: {cause}")

    def _pool(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        proxy, trusted = _proxy(url, self._environ), parts.hostname in self._trusted
        with self._lock:
            if (proxy, trusted) not in self._pools:
                self._pools[proxy, trusted] = self._new_pool(proxy, trusted)
            return self._pools[proxy, trusted]

    def _new_pool(self, proxy: str | None, trusted: bool) -> urllib3.PoolManager:
        bundle = ca_bundle(self._environ)
        try:
            context = ssl.create_default_context(cafile=bundle)
        except OSError as error:
            raise ByocError(
                f"the CA bundle {bundle} cannot be used",
                why=error.strerror or "it holds no certificates",
                fix="correct or unset SSL_CERT_FILE and its like",
                id="BYOC-E907",
            ) from error
        if trusted:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if proxy is None:
            return urllib3.PoolManager(ssl_context=context, timeout=TIMEOUT, maxsize=SAME_TIME)
        parts = urlsplit(proxy)
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
        headers = make_headers(proxy_basic_auth=user) if user else None
        return urllib3.ProxyManager(
            _plain(proxy), ssl_context=context, timeout=TIMEOUT, maxsize=SAME_TIME, proxy_headers=headers
        )


def _plain(url: str) -> str:
    """*url* without user info and fragment."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()


def _proxy(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy for *url*; never for this machine itself."""
    parts = urlsplit(url)
    lower = {key.lower(): value for key, value in environ.items() if key.lower().endswith("_proxy") and value}
    found = lower.get(f"{parts.scheme}_proxy") or lower.get("all_proxy")
    if not found or is_loopback(parts.netloc):
        return None
    bypass = {"no": lower["no_proxy"]} if "no_proxy" in lower else None
    return None if bypass and proxy_bypass_environment(parts.netloc, bypass) else found
