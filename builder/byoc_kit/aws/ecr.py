"""Logins for Amazon ECR: a token for the caller's AWS identity, valid for hours at most.

A token is asked for once for each identity and registry, and again a while before it ends, or when a registry
does not accept it any more: it dies early with the session of a role that asked for it.
"""

import base64
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from byoc_kit.aws.session import AwsSettings, aws_errors, client
from byoc_kit.errors import ByocError
from byoc_kit.oci.ecr import EcrRegistry

__all__ = ["TOKENS", "Token", "Tokens", "ended"]

LIFE: Final = 12 * 3600.0
"""Seconds that a token lives at most (ECR, "Registry authentication"); what is believed where the service's
date makes no sense: with a wrong clock every token would seem to have ended."""
LATEST: Final = 0.9
"""The part of its life after which a token is asked for anew."""


@dataclass(frozen=True, slots=True)
class Token:
    """A login for one registry. The password does not show in ``repr``."""

    user: str
    password: str = field(repr=False)
    registry: EcrRegistry | None
    """Whose it is, as the service tells."""
    renew_at: float
    """Of the clock that :class:`Tokens` has."""


def ended(password: str, now: float) -> bool:
    """Whether *password* is a token of ECR that tells its end (seconds since the epoch), and that is past."""
    try:
        document = json.loads(base64.b64decode(password, validate=True))
        return float(document["expiration"]) <= now
    except (ValueError, TypeError, LookupError):
        return False


@dataclass(slots=True)
class Tokens:
    """All tokens of this process. For several threads."""

    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _kept: dict[tuple[Any, str | None], Token] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def of(self, settings: AwsSettings, region: str, account: str | None = None) -> Token:
        """The token for the registry of *account* (None: the caller's own) in *region*.

        Raises ByocError as ``aws_errors``: no credentials, not allowed, not reached.
        """
        ecr = client(settings, "ecr", region)  # one for each identity and region
        key = (ecr, account)
        with self._lock:
            found = self._kept.get(key)
            if found is None or self.clock() >= found.renew_at:
                found = self._kept[key] = self._ask(ecr, account, settings)
                if account is None and found.registry is not None:
                    self._kept[ecr, found.registry.account] = found
            return found

    def forget(self, password: str) -> None:
        """Never give *password* again: a registry has refused it."""
        with self._lock:
            self._kept = {key: each for key, each in self._kept.items() if each.password != password}

    def _ask(self, ecr: Any, account: str | None, settings: AwsSettings) -> Token:
        doing = f"asking for a login of ECR in {ecr.meta.region_name}"
        with aws_errors(doing, settings):
            answer = ecr.get_authorization_token(**({"registryIds": [account]} if account else {}))
        try:
            return self._token(answer["authorizationData"][0])
        except (LookupError, ValueError, TypeError) as error:
            raise ByocError(
                f"{doing}: the answer holds no token",
                why="something else than AWS answers at that address",
                fix="check [publish] endpoint-url, AWS_ENDPOINT_URL, and the proxy of this machine",
                id="BYOC-E821",
            ) from error

    def _token(self, data: dict[str, Any]) -> Token:
        user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        if not password:
            raise ValueError
        told = data.get("expiresAt")
        left = (told - self.now()).total_seconds() if told else LIFE
        seconds = left if 0 < left <= LIFE else LIFE
        host = str(data.get("proxyEndpoint", "")).removeprefix("https://")
        return Token(user, password, EcrRegistry.of_host(host), self.clock() + seconds * LATEST)


TOKENS: Final = Tokens()
"""Those of this process."""
