"""Who we are to one registry: the header that its challenge asks for, renewed before and when it ends.

Credentials go only to the registry itself and to the token service that it names, and never over plain HTTP
to another machine.
"""

import ipaddress
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import urllib3

from byoc_kit.errors import ByocError
from byoc_kit.images.answer import Answer, read_answer, unreachable
from byoc_kit.images.http import pool, redact
from byoc_kit.images.keychain import Credentials
from byoc_kit.oci.reference import Repository, is_ecr, is_loopback
from byoc_kit.plan.iam import Denied

__all__ = ["Login", "refused"]

TOKEN_LIMIT: Final = 1 << 20  # bytes
TOKEN_SECONDS: Final = 60.0  # a token's life where the service does not tell (distribution's token spec)
EARLY: Final = 0.25  # the last part of a token's life in which it is renewed before it is used
LAYERS: Final = re.compile(r"https://((prod-[a-z0-9-]+-starport-layer-bucket)\.s3[^/]*)/")
"""Where ECR keeps layers (Amazon ECR user guide, "Amazon S3 gateway endpoint")."""
CHALLENGE: Final = re.compile(r'(\w+)="([^"]*)"')


@dataclass(slots=True)
class Login:
    """The ``Authorization`` header for one repository. For several threads."""

    repository: Repository
    keychain: Callable[[str], Credentials | None]
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    actions: str = "pull,push"
    """What a token is asked for."""
    reads: tuple[str, ...] = ()
    """Further repositories of the same registry that a token must let us read: a mount's source."""
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _challenge: Mapping[str, str] | None = field(default=None, init=False, repr=False)
    _header: str | None = field(default=None, init=False, repr=False)
    _held: Credentials | None = field(default=None, init=False, repr=False)
    """What *_header* shows, where that is no token of a challenge."""
    _renew_at: float = field(default=0.0, init=False, repr=False)

    @property
    def host(self) -> str:
        """The registry, with its port."""
        assert self.repository.host is not None, "a repository without a registry cannot be asked"
        return self.repository.host

    def header(self) -> str | None:
        """What to send now; None: nobody asked who we are. Raises ByocError where a token cannot be had."""
        with self._lock:
            if self._held is None and self._header is None and is_ecr(self.host):
                self._held = self.keychain(self.host)  # ECR lets nobody in without, so it need not ask first
                self._header = self._held.basic if self._held else None
            if self._challenge is not None and self.clock() >= self._renew_at:
                self._header = self._token(self._challenge)
            elif self._held is not None and self._held.renew is not None:
                self._held = self._held.renew(False)
                self._header = self._held.basic
            return self._header

    def may_read(self, paths: tuple[str, ...]) -> None:
        """From now on ask for tokens that let us read *paths*, too."""
        with self._lock:
            if paths != self.reads:
                self.reads, self._renew_at = paths, self.clock()

    def challenged(self, answer: Answer, sent: str | None) -> None:
        """Do what a 401 asks for, or a 403 that says that our token has ended (Amazon ECR).

        *sent*: the header that was refused; another thread may have a new one.

        Raises ByocError (BYOC-E502) where we have nothing to show.
        """
        with self._lock:
            if self._header == sent:
                self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        challenge = answer.headers.get("WWW-Authenticate") or self._header or ""
        scheme = challenge.partition(" ")[0].lower()
        if scheme == "bearer":
            self._challenge = dict(CHALLENGE.findall(challenge)) or self._challenge or {}
            self._header = self._token(self._challenge)
            return
        before, self._held = self._held, self._credentials()
        if scheme != "basic" or self._held is None or (before and self._held.basic == before.basic):
            raise refused(self.repository, answer, logged_in=self._held is not None)
        self._header = self._held.basic

    def _credentials(self) -> Credentials | None:
        """Those of the keychain; in the place of those that were refused, others where there are any."""
        if self._held is not None and self._held.renew is not None:
            return self._held.renew(True)
        return self.keychain(self.host)

    def _token(self, challenge: Mapping[str, str]) -> str:
        """A token from the service that the registry names. Its answer is never shown."""
        realm, credentials = challenge.get("realm", ""), self.keychain(self.host)
        if not (is_loopback(self.host) or _safe(realm)):
            raise self._refused_realm(realm)
        reads = [f"repository:{path}:pull" for path in self.reads]
        scopes = [f"repository:{self.repository.path}:{self.actions}", *reads]
        try:
            with pool(realm, self.environ) as http:
                response = http.request(
                    "GET",
                    realm,
                    fields=[("service", challenge.get("service", "")), *(("scope", each) for each in scopes)],
                    headers={"Authorization": credentials.basic} if credentials else {},
                    preload_content=False,
                )
                answer = read_answer(response, TOKEN_LIMIT)
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(self.host, realm, error) from error
        if answer.status != 200:
            raise refused(self.repository, answer, logged_in=credentials is not None)
        document = answer.document()
        self._renew_at = self.clock() + _seconds(document.get("expires_in")) * (1 - EARLY)
        return f"Bearer {document.get('token') or document.get('access_token') or ''}"

    def _refused_realm(self, realm: str) -> ByocError:
        return ByocError(
            f"{self.host} wants a login at {redact(realm) or 'nowhere'}",
            why="a token service must be reached by https, and not at an address inside this machine",
            fix="ask who runs the registry to correct its WWW-Authenticate header",
            id="BYOC-E502",
        )


def refused(repository: Repository, answer: Answer, *, logged_in: bool) -> ByocError:
    """What to say when a registry does not let us do something."""
    what = f"{repository.host} refuses access to {repository.path}: {answer.codes}"
    if is_ecr(str(repository.host)):
        why, fix = _of_aws(answer, logged_in)
        return ByocError(what, why=why, fix=fix, id="BYOC-E502")
    why = "the stored login was not accepted" if logged_in else "nobody is logged in there"
    fix = f"`docker login {repository.host}` as a user who may read and write {repository.path}"
    return ByocError(what, why=why, fix=fix, id="BYOC-E502")


def _of_aws(answer: Answer, logged_in: bool) -> tuple[str, str]:
    """Why ECR refuses, and what helps: it names the action, though not in answer to a HEAD."""
    if bucket := LAYERS.match(answer.url):
        return f"it sent us on to {bucket[1]}, where its layers are, and that refuses", (
            f"in a VPC the policy of its S3 endpoint must allow s3:GetObject on arn:aws:s3:::{bucket[2]}/*"
        )
    doctor = "`byoc doctor` tries what a publish needs and prints the policy that is missing"
    if denied := Denied.parse(answer.body.decode("utf-8", "replace")):
        more = f"; {doctor}" if denied.cause.mendable else ""
        return f"{denied.cause}: {denied.action} on {denied.resource}", denied.fix + more
    if not logged_in:
        return "there is no AWS identity", doctor
    asked = "BatchCheckLayerAvailability" if "/blobs/" in answer.url else "BatchGetImage"
    needs = f": it needs ecr:{asked}" if not answer.body else ""
    return f"the AWS identity may not do this there{needs}", doctor


def _seconds(told: object) -> float:
    return float(told) if isinstance(told, int | float) and told > 0 else TOKEN_SECONDS


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
