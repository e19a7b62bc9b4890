"""What can go wrong with the registry of ``rig/ecr.py``: switches that a test turns, and nothing else.

What a fault is for is told by *match*, a regular expression that is searched in a request as one line:
``registry PUT /v2/team/app/manifests/1.0``, ``s3 GET /...`` or ``api POST ecr:PutImage``.
"""

import fnmatch
import re
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Cut", "Denial", "Fault", "Faults", "Form"]

HOURS = 12 * 3600.0  # ECR's longest life of a token
Form = Literal["identity", "explicit", "scp", "repository", "boundary"]
"""Why IAM says no: nothing allows it, a policy forbids it, the organisation does, or a boundary."""
WORDS: dict[Form, str] = {
    "identity": "because no identity-based policy allows the {action} action",
    "explicit": "with an explicit deny in an identity-based policy",
    "scp": "with an explicit deny in a service control policy",
    "repository": "because no resource-based policy allows the {action} action",
    "boundary": "because no permissions boundary allows the {action} action",
}


class Cut(Exception):  # noqa: N818 - what the line does, not what we did
    """The connection ends here, without a word."""


@dataclass
class Fault:
    """One kind of trouble, for a number of requests."""

    match: re.Pattern[str]
    times: int
    status: int | None = None
    """What to answer; None: the connection is cut."""
    after: int = 0
    """Bytes of the body, in either direction, that pass before it is cut."""

    def give_back(self) -> None:
        """It was not met after all: the body was shorter."""
        self.times += 1


@dataclass
class Denial:
    """An action that IAM does not allow."""

    action: str
    form: Form
    resource: str = "*"


@dataclass
class Bucket:
    """Gives bytes out at a rate, to all that take from it together."""

    rate: float | None = None
    _at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, count: int) -> None:
        """Wait until *count* bytes may pass."""
        rate = self.rate
        if rate is None:
            return
        with self._lock:
            self._at = max(self._at, time.monotonic() - 0.05) + count / rate
            wait = self._at - time.monotonic()
        if wait > 0:
            time.sleep(wait)


@dataclass
class Faults:
    """The switches; :meth:`clear` turns all of them off."""

    token_seconds: float = HOURS
    """Life of the tokens that are given out from now on."""
    missing: Literal["name", "cut"] = "name"
    """How a push into a repository that does not exist ends."""
    strict_immutable: bool = False
    """Whether a tag that must not move is refused for the image, too, that it means already."""
    quirks: bool = True
    """ECR's ways with uploads: 201 for a PATCH, a Range that stands still, no GET, parts of 5 MiB."""
    s3: bool = True
    """Whether blobs are given by an S3 host, to which the registry sends on."""
    page: int = 100
    """Entries of a page where the caller asks for no number."""
    mounting: bool | None = None
    """True and False go before the account's setting."""
    down: set[str] = field(default_factory=set)
    denials: list[Denial] = field(default_factory=list)
    only: frozenset[str] | None = None
    bucket: Bucket = field(default_factory=Bucket)
    expired_at: float = 0.0
    """Tokens given out before this moment (seconds since the epoch) are at their end."""
    sessions_end: float = 0.0
    """The same for AWS credentials."""
    _faults: list[Fault] = field(default_factory=list)
    _calls: list[tuple[re.Pattern[str], Callable[[], object], int]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        """As it was at first."""
        fresh = Faults()
        for name in self.__dataclass_fields__:
            if not name.startswith("_") and name != "bucket":
                setattr(self, name, getattr(fresh, name))
        self.slow(None)
        with self._lock:
            self._faults.clear()
            self._calls.clear()

    def throttle(self, match: str = "", times: int = 3) -> None:
        """The next *times* requests come too fast: ThrottlingException, or 429 of the registry."""
        self.fail(429, times, match)

    def fail(self, status: int = 503, times: int = 1, match: str = "") -> None:
        """The next *times* requests are answered with *status*, and have no effect."""
        self._add(Fault(re.compile(match), times, status=status))

    def cut(self, after_bytes: int = 0, times: int = 1, match: str = "") -> None:
        """The connections of the next *times* requests whose body is longer end after so many bytes."""
        self._add(Fault(re.compile(match), times, after=after_bytes))

    def when(self, match: str, call: Callable[[], object], at: int = 1) -> None:
        """Call *call* once, before the request that matches for the *at*-th time is looked at."""
        with self._lock:
            self._calls.append((re.compile(match), call, at))

    def slow(self, bytes_per_second: float | None) -> None:
        """All bodies together pass at this rate, in both directions; None: as fast as can be."""
        self.bucket.rate = bytes_per_second

    def expire_tokens(self) -> None:
        """Every login that was given out ends now."""
        self.expired_at = time.time()

    def expire_credentials(self) -> None:
        """Every session of AWS that was given out ends now."""
        self.sessions_end = time.time()

    def deny(self, action: str, form: Form = "identity", resource: str = "*") -> None:
        """IAM no longer allows *action*, e.g. ``ecr:PutImage`` or ``ecr:*``, on what matches *resource*."""
        self.denials.append(Denial(action, form, resource))

    def allow_only(self, actions: Collection[str] | None) -> None:
        """IAM allows these actions of ECR, and no others; None: all."""
        self.only = None if actions is None else frozenset(actions)

    def region_down(self, region: str, down: bool = True) -> None:
        """No request for *region* gets an answer."""
        (self.down.add if down else self.down.discard)(region)

    def mount(self, enabled: bool | None) -> None:
        """Whether blobs are mounted; None: as the account's setting says."""
        self.mounting = enabled

    def upload_quirks(self, on: bool = True) -> None:
        """Whether uploads are ECR's or those of the specification."""
        self.quirks = on

    def meet(self, line: str) -> Fault | None:
        """The fault that the request *line* meets; it is used up by it."""
        for call in self._due(line):
            call()
        with self._lock:
            for each in self._faults:
                if each.times > 0 and each.match.search(line):
                    each.times -= 1
                    return each
        return None

    def denied(self, action: str, principal: str, resource: str) -> str | None:
        """ECR's words where IAM does not allow *action*; None: it does."""
        for each in self.denials:
            if fnmatch.fnmatch(action, each.action) and fnmatch.fnmatch(resource, each.resource):
                return refusal(action, principal, resource, each.form)
        if self.only is None or not action.startswith("ecr:"):
            return None
        if any(fnmatch.fnmatch(action, allowed) for allowed in self.only):
            return None
        return refusal(action, principal, resource, "identity")

    def _due(self, line: str) -> list[Callable[[], object]]:
        due = []
        with self._lock:
            for place, (match, call, at) in reversed(list(enumerate(self._calls))):
                if not match.search(line):
                    continue
                if at > 1:
                    self._calls[place] = (match, call, at - 1)
                else:
                    due.append(call)
                    del self._calls[place]
        return due

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)


def refusal(action: str, principal: str, resource: str, form: Form) -> str:
    """The sentence in which AWS says no."""
    why = WORDS[form].format(action=action)
    return f"User: {principal} is not authorized to perform: {action} on resource: {resource} {why}"
