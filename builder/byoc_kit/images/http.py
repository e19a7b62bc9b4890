"""Requests to registries: which connection, which proxy, which certificates, how often to try again."""

import os
import random
import re
import ssl
from collections.abc import Mapping
from typing import Final

import urllib3
from urllib3.util import Retry, Timeout, make_headers

from byoc_kit.errors import ByocError
from byoc_kit.oci.reference import is_loopback

__all__ = ["Backoff", "ca_bundle", "pool", "redact"]

RETRY_STATUS: Final = frozenset({408, 429, 500, 502, 503, 504})
TRIES: Final = 5
CONNECT_TRIES: Final = 3  # where nobody listens, waiting long seldom helps
LONGEST_WAIT: Final = 30.0  # seconds between two tries, also where the registry asks for more
CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 60.0  # without a single byte
CONNECTIONS: Final = 16  # to one host that are kept for the next request
BUNDLES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")
PROTOCOL_KEYS: Final = {"digest", "mount", "from", "n", "last", "service", "scope"}
"""The query keys that the distribution and token specifications define; all others may hold secrets."""


class Backoff(Retry):
    """Tries again after 0, 0.5, 1, 2, 4 s, shortened at random, or when the registry says, within limits.

    Only for requests that may be repeated: reading, opening an upload, ending one, writing a manifest.
    """

    @classmethod
    def standard(cls, factor: float = 0.25) -> "Backoff":
        """The rule for every request of this package; *factor* in seconds, half of the second wait."""
        return cls(
            total=TRIES,
            connect=CONNECT_TRIES,
            status_forcelist=RETRY_STATUS,
            allowed_methods=frozenset({"GET", "HEAD", "PUT", "POST", "DELETE"}),
            backoff_factor=factor,
            redirect=5,
            raise_on_status=False,
        )

    def get_backoff_time(self) -> float:
        """Seconds to wait: doubled each time, and never the same for two clients that failed together."""
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 - no secret depends on it
        return min(LONGEST_WAIT, float(super().get_backoff_time())) * jitter

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
        """Seconds that the registry asks for, at most :data:`LONGEST_WAIT`."""
        asked = super().get_retry_after(response)
        return None if asked is None else min(asked, LONGEST_WAIT)


def pool(url: str, environ: Mapping[str, str] = os.environ) -> urllib3.PoolManager:
    """Connections for *url*, through the proxy and with the CA bundle that the environment names."""
    context = _context(environ) if url.startswith("https:") else None
    timeout = Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    proxy = _proxy(url, environ)
    if proxy is None:
        return urllib3.PoolManager(
            maxsize=CONNECTIONS, ssl_context=context, timeout=timeout, retries=Backoff.standard()
        )
    user = urllib3.util.parse_url(proxy).auth
    return urllib3.ProxyManager(
        proxy,
        maxsize=CONNECTIONS,
        ssl_context=context,
        timeout=timeout,
        retries=Backoff.standard(),
        proxy_headers=make_headers(proxy_basic_auth=user) if user else None,
    )


def ca_bundle(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Variable and path of the CA bundle in use; None: that of the system."""
    return next(((name, environ[name]) for name in BUNDLES if environ.get(name)), None)


def redact(url: str) -> str:
    """*url* fit for a message: no user, and no query value but those the protocol defines."""
    parsed = urllib3.util.parse_url(url)
    pairs = (pair.partition("=") for pair in (parsed.query or "").split("&") if pair)
    query = "&".join(f"{key}={value if key in PROTOCOL_KEYS else '***'}" for key, _, value in pairs)
    return parsed._replace(auth=None, query=query or None, fragment=None).url


def _context(environ: Mapping[str, str]) -> ssl.SSLContext:
    found = ca_bundle(environ)
    try:
        return ssl.create_default_context(cafile=found[1] if found else None)
    except OSError as error:
        assert found is not None
        raise ByocError(
            f"the CA bundle {found[1]} cannot be used",
            why=f"{found[0]} names it: {error.strerror or 'it holds no certificates'}",
            fix=f"correct or unset {found[0]}",
            id="BYOC-E511",
        ) from error


def _proxy(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy for *url*; ``NO_PROXY`` as everywhere, and never for this machine itself."""
    parsed = urllib3.util.parse_url(url)
    host = parsed.netloc or ""
    name = f"{parsed.scheme}_proxy"
    found = environ.get(name) or environ.get(name.upper())
    if not found or is_loopback(host) or _bypassed(host, environ.get("no_proxy") or environ.get("NO_PROXY")):
        return None
    return found


def _bypassed(host: str, no_proxy: str | None) -> bool:
    """Whether *no_proxy* names *host*, with or without port, or a domain it belongs to; ``*`` names all."""
    names = {name.strip().lstrip(".").lower() for name in (no_proxy or "").split(",") if name.strip()}
    bare = host.rpartition(":")[0] if re.search(r":[0-9]+$", host) else host
    domains = {bare.lower().split(".", cut)[-1] for cut in range(bare.count(".") + 1)}
    return bool(names & {"*", host.lower(), *domains})
