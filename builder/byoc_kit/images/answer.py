"""What a registry answered to one request, read to its end and within limits."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import urllib3

from byoc_kit.errors import ByocError
from byoc_kit.images.http import redact

__all__ = ["ERROR_LIMIT", "Answer", "read_answer", "reason", "token_ended", "unreachable"]

ERROR_LIMIT: Final = 64 << 10  # bytes of an error's body that are worth reading
CHUNK: Final = 1 << 16  # bytes
TOKEN_ENDED: Final = re.compile(
    r"authori[sz]ation token (?:has expired|is invalid|is expired)", re.IGNORECASE
)


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
    def ends_login(self) -> bool:
        """Whether our token may not hold any more: ECR says so with a 403, and to a HEAD says no more."""
        return self.status == 403 and (not self.body or token_ended(self.body.decode("utf-8", "replace")))

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


def token_ended(said: str) -> bool:
    """Whether *said* are the words in which ECR tells that a token does not hold any more."""
    return TOKEN_ENDED.search(said) is not None


def read_answer(response: urllib3.BaseHTTPResponse, limit: int) -> Answer:
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


def unreachable(host: str, url: str, error: BaseException) -> ByocError:
    """What to say when no connection to *host* came about, or each one broke."""
    return ByocError(
        f"{host} cannot be reached",
        why=f"{redact(url)}: {reason(error)}",
        fix="check that it runs and the name is right; proxy and CA bundle come from the environment",
        id="BYOC-E505",
    )


def reason(error: BaseException) -> str:
    """What the socket or the certificate check said, without the names of objects in memory."""
    if isinstance(error, urllib3.exceptions.ProxyError):
        return f"{reason(error.original_error)} (through the proxy)"
    text = str(error)
    found = re.search(r"\[(?:Errno -?\d+|SSL: \w+)\] ?(.*)", text)
    said = re.sub(r" \(_ssl\.c:\d+\)?", "", found[1] if found else text.rpartition(": ")[2])
    return said.strip("()'\" ") or type(error).__name__


def _endless(url: str, limit: int) -> ByocError:
    return ByocError(
        f"{redact(url)} sends more than {limit >> 10} KiB",
        why="manifests, configs and tag lists are small; this is something else",
        fix="check registry, repository and tag",
        id="BYOC-E507",
    )
