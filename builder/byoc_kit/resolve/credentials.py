"""Users and passwords of package indexes: found where people keep them, told to nobody else.

Looked for in the addresses that the environment and the tools' settings hold, in netrc, in what the caller
knows (a token service), and in the program ``keyring``. None reaches a lock, a log or a message.
"""

import json
import netrc
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from byoc_kit.oci.reference import is_loopback

__all__ = ["Credentials", "Login", "Tokens", "hide", "nobody"]

USER_INFO = re.compile(r"(?<=://)[^/@\s'\"]+@")
ASK_SECONDS = 20.0  # for the program keyring, which may wait for a person who is not there


@dataclass(frozen=True, slots=True)
class Login:
    """User and password for one host."""

    user: str
    password: str = field(repr=False)


Tokens = Callable[[str], Login | None]
"""Somebody who may have a login for a host name, e.g. a token of a cloud's index."""


def nobody(host: str) -> Login | None:
    """Has no login for any host."""
    return None


@dataclass(slots=True)
class Credentials:
    """Logins by origin (scheme, host, port), each looked for once."""

    environ: Mapping[str, str] = field(repr=False)
    known: Iterable[str] = field(default=(), repr=False)
    """Addresses that may hold user info: indexes of the environment and of pip's and uv's settings."""
    tokens: Tokens = nobody
    _found: dict[str, Login | None] = field(default_factory=dict)

    def login(self, url: str) -> Login | None:
        """The login for *url*; None: none is known. Never for an address without TLS, but loopback's."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            return None
        own = _of_url(url)
        origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        if own is None and parts.scheme == "http" and not is_loopback(parts.netloc.rpartition("@")[2]):
            return None
        if own is not None:
            self._found[origin] = own
        elif origin not in self._found:
            self._found[origin] = self._look(origin, parts.hostname, unquote(parts.username or ""))
        return self._found[origin]

    def apply(self, url: str) -> str:
        """*url* with its login in it: for a child process, never for a message."""
        login = self.login(url)
        if login is None:
            return url
        parts = urlsplit(url)
        user = f"{quote(login.user, safe='')}:{quote(login.password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}"))

    def hide(self, text: str) -> str:
        """*text* without user info of URLs and without any password that was found."""
        secrets = [login.password for login in self._found.values() if login and len(login.password) > 3]
        return hide(text, secrets)

    def _look(self, origin: str, host: str, user: str) -> Login | None:
        for url in self.known:
            parts = urlsplit(url)
            if f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" == origin and (found := _of_url(url)):
                return found
        return self._netrc(host) or self.tokens(host) or self._keyring(origin, user)

    def _netrc(self, host: str) -> Login | None:
        told = self.environ.get("NETRC")
        path = Path(told) if told else Path(self.environ.get("HOME") or Path.home()) / ".netrc"
        try:
            entry = netrc.netrc(str(path)).authenticators(host) if path.is_file() else None
        except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
            return None
        return Login(entry[0], entry[2]) if entry and entry[2] else None

    def _keyring(self, origin: str, user: str) -> Login | None:
        program = shutil.which("keyring", path=self.environ.get("PATH"))
        if program is None or self.environ.get("UV_KEYRING_PROVIDER") == "disabled":
            return None
        words = ["get", origin, user] if user else ["--mode", "creds", "--output", "json", "get", origin]
        try:
            done = subprocess.run(
                [program, *words],
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=ASK_SECONDS,
                check=True,
            )
            if user:
                return Login(user, done.stdout.strip()) if done.stdout.strip() else None
            told = json.loads(done.stdout)
            return Login(told["username"], told["password"])
        except (subprocess.SubprocessError, OSError, ValueError, KeyError, TypeError):
            return None


def hide(text: str, secrets: Iterable[str] = ()) -> str:
    """*text* with ``***`` for the user info of URLs and for each of *secrets*, also percent-encoded."""
    for secret in secrets:
        for form in {secret, quote(secret, safe="")}:
            text = text.replace(form, "***")
    return USER_INFO.sub("***@", text)


def _of_url(url: str) -> Login | None:
    parts = urlsplit(url)
    return Login(unquote(parts.username or ""), unquote(parts.password)) if parts.password else None
