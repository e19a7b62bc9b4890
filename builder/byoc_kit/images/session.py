"""A conversation with one registry about one repository: who we are, and requests that survive a bad line.

Credentials go only to the registry itself and to the token service that it names, and never over plain HTTP
to another machine. No message shows a secret, a token, or a query that the protocol does not define.
"""

import ipaddress
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import urllib3

from byoc_kit.errors import ByocError
from byoc_kit.images.http import Backoff, pool, redact
from byoc_kit.images.keychain import Credentials, docker_config
from byoc_kit.oci.reference import Repository, is_loopback

__all__ = ["Answer", "Session"]

ERROR_LIMIT: Final = 64 << 10  # bytes of an error's body that are worth reading
TOKEN_LIMIT: Final = 1 << 20  # bytes
CHUNK: Final = 1 << 16  # bytes
CHALLENGE: Final = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read to its end."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> Mapping[str, Any]:
        """The body as a JSON object. Raises ByocError (BYOC-E507)."""
        try:
            document = json.loads(self.body)
        except ValueError:
            document = None
        if isinstance(document, dict):
            return document
        raise ByocError(
            f"{redact(self.url)} did not answer with JSON",
            why="a registry was expected; a proxy or a login page may stand in its place",
            fix="check the registry's name and the proxy settings of this machine",
            id="BYOC-E507",
        )

    @property
    def codes(self) -> str:
        """Status and the registry's own error codes, e.g. ``404 NAME_UNKNOWN``; never its free text."""
        try:
            found = {str(error["code"]) for error in json.loads(self.body)["errors"]}
        except (ValueError, KeyError, TypeError):
            found = set()
        return " ".join(
            [str(self.status), *sorted(code for code in found if re.fullmatch("[A-Z_]{1,40}", code))]
        )


@dataclass(slots=True)
class Session:
    """Keeps connections and the token for one repository. Not for several threads."""

    repository: Repository
    keychain: Callable[[str], Credentials | None] = field(default_factory=docker_config)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    scheme: str | None = None
    """``http`` or ``https``; None: plain HTTP on this machine, HTTPS everywhere else."""
    actions: str = "pull,push"
    """What a token is asked for."""
    backoff: Backoff = field(default_factory=Backoff.standard, repr=False)
    _http: urllib3.PoolManager | None = field(default=None, init=False, repr=False)
    _authorization: str | None = field(default=None, init=False, repr=False)

    @property
    def host(self) -> str:
        """The registry, with its port."""
        assert self.repository.host is not None, "a repository without a registry cannot be asked"
        return self.repository.host

    @property
    def root(self) -> str:
        """``https://registry``."""
        return f"{self.scheme or ('http' if is_loopback(self.host) else 'https')}://{self.host}"

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = ERROR_LIMIT,
    ) -> Answer:
        """One request for *path* of the repository; once more where the registry asks who we are.

        At most *limit* bytes of a good answer are read. Raises ByocError: BYOC-E502 not allowed, BYOC-E505
        not reached, BYOC-E507 an answer without end. Any other status is the caller's to judge.
        """
        url = path if path.startswith("/v2/") else f"/v2/{self.repository.path}/{path}"
        answer = self._send(method, f"{self.root}{url}", headers or {}, body, limit)
        if answer.status == 401:
            self._authorization = self._answer_challenge(answer)
            answer = self._send(method, f"{self.root}{url}", headers or {}, body, limit)
        if answer.status in {401, 403}:
            raise self._refused(answer)
        return answer

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, limit: int
    ) -> Answer:
        """Send and read; again where the connection breaks, even within the body."""
        self._http = self._http or pool(self.root, self.environ)
        ours = {"Authorization": self._authorization} if self._authorization else {}
        retries = self.backoff
        while True:
            try:
                response = self._http.request(
                    method,
                    url,
                    headers={**headers, **ours},
                    body=body,
                    retries=retries,
                    preload_content=False,
                )
                return _read(response, limit)
            except urllib3.exceptions.MaxRetryError as error:
                raise self._unreachable(url, error.reason or error) from error
            except urllib3.exceptions.HTTPError as error:
                try:
                    retries = retries.increment(method, url, error=error)
                except urllib3.exceptions.HTTPError:
                    raise self._unreachable(url, error) from error
                retries.sleep()

    def _answer_challenge(self, answer: Answer) -> str:
        challenge = answer.headers.get("WWW-Authenticate", "")
        scheme = challenge.partition(" ")[0].lower()
        credentials = self.keychain(self.host)
        if scheme == "bearer":
            return f"Bearer {self._token(dict(CHALLENGE.findall(challenge)), credentials)}"
        if scheme == "basic" and credentials:
            return credentials.basic
        raise self._refused(answer)

    def _token(self, challenge: Mapping[str, str], credentials: Credentials | None) -> str:
        """A token from the service that the registry names. Its answer is never shown."""
        realm = challenge.get("realm", "")
        if not (is_loopback(self.host) or _safe(realm)):
            raise self._refused_realm(realm)
        scope = f"repository:{self.repository.path}:{self.actions}"
        try:
            response = pool(realm, self.environ).request(
                "GET",
                realm,
                fields={"service": challenge.get("service", ""), "scope": scope},
                headers={"Authorization": credentials.basic} if credentials else {},
                preload_content=False,
            )
            answer = _read(response, TOKEN_LIMIT)
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(realm, error) from error
        if answer.status != 200:
            raise self._refused(answer)
        document = answer.document()
        return str(document.get("token") or document.get("access_token") or "")

    def _refused(self, answer: Answer) -> ByocError:
        logged_in = self.keychain(self.host) is not None
        return ByocError(
            f"{self.host} refuses access to {self.repository.path}: {answer.codes}",
            why="the stored login was not accepted" if logged_in else "nobody is logged in there",
            fix=f"`docker login {self.host}` as a user who may read and write {self.repository.path}",
            id="BYOC-E502",
        )

    def _refused_realm(self, realm: str) -> ByocError:
        return ByocError(
            f"{self.host} wants a login at {redact(realm) or 'nowhere'}",
            why="a token service must be reached by https, and not at an address inside this machine",
            fix="ask who runs the registry to correct its WWW-Authenticate header",
            id="BYOC-E502",
        )

    def _unreachable(self, url: str, error: BaseException) -> ByocError:
        return ByocError(
            f"{self.host} cannot be reached",
            why=f"{redact(url)}: {_reason(error)}",
            fix="check that it runs and the name is right; proxy and CA bundle come from the environment",
            id="BYOC-E505",
        )


def _safe(realm: str) -> bool:
    """Whether credentials may go to *realm*: by https, and not to an address inside this machine."""
    parsed = urllib3.util.parse_url(realm)
    if parsed.scheme != "https" or not parsed.host or parsed.host == "localhost":
        return False
    try:
        address = ipaddress.ip_address(parsed.host.strip("[]"))
    except ValueError:
        return True
    return not (address.is_loopback or address.is_link_local or address.is_unspecified)


def _read(response: urllib3.BaseHTTPResponse, limit: int) -> Answer:
    """Raises urllib3's HTTPError for a body that breaks off, and ByocError for one that does not end."""
    limit = limit if response.status < 300 else ERROR_LIMIT
    body, url = bytearray(), response.geturl() or ""
    try:
        for chunk in response.stream(CHUNK):
            body += chunk
            if len(body) > limit:
                raise _endless(url, limit)
    except ByocError:
        response.close()
        raise
    response.release_conn()
    return Answer(url, response.status, response.headers, bytes(body))


def _endless(url: str, limit: int) -> ByocError:
    return ByocError(
        f"{redact(url)} sends more than {limit >> 10} KiB",
        why="manifests, configs and tag lists are small; this is something else",
        fix="check registry, repository and tag",
        id="BYOC-E507",
    )


def _reason(error: BaseException) -> str:
    """What the socket or the certificate check said, without the names of objects in memory."""
    text = str(error)
    found = re.search(r"\[(?:Errno -?\d+|SSL: \w+)\] ?(.*)", text)
    return (found[1] if found else text.rpartition(": ")[2]).strip("()'\" ") or type(error).__name__
