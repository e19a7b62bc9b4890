"""Credentials for registries, from where ``docker login`` keeps them: config.json and its helper programs."""

import base64
import binascii
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from byoc_kit.errors import ByocError

__all__ = ["Credentials", "Keychain", "Runner", "docker_config"]

HELPER_SECONDS = 30.0
"""How long a credential helper may take: some ask a cloud service first."""
HUB_KEY = "https://index.docker.io/v1/"
"""The name under which ``docker login`` keeps what belongs to :data:`HUB_HOSTS`."""
HUB_HOSTS = {"docker.io", "registry-1.docker.io", "index.docker.io"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user's name and secret. The secret does not show in ``repr``."""

    user: str
    secret: str = field(repr=False)
    renew: "Callable[[bool], Credentials] | None" = field(default=None, repr=False, compare=False)
    """What holds in the place of these now, which ends after a time; True: a registry has refused these.
    None: they do not end."""

    @property
    def basic(self) -> str:
        """The value of an ``Authorization`` header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()


Runner = Callable[[list[str], str], "subprocess.CompletedProcess[str]"]
"""Starts a program with arguments and text on its stdin; raises OSError or subprocess.TimeoutExpired."""


def run(arguments: list[str], stdin: str) -> "subprocess.CompletedProcess[str]":
    """The real :data:`Runner`."""
    return subprocess.run(
        arguments, input=stdin, capture_output=True, text=True, timeout=HELPER_SECONDS, check=False
    )


@dataclass(frozen=True, slots=True)
class Keychain:
    """What a Docker ``config.json`` knows of registries. Made by :func:`docker_config`."""

    document: Mapping[str, Any]
    path: Path
    runner: Runner = run

    def __call__(self, host: str) -> Credentials | None:
        """The credentials for *host*; None: nobody is logged in there. Raises ByocError (BYOC-E510)."""
        name = HUB_KEY if host in HUB_HOSTS else host
        helper = self.document.get("credHelpers", {}).get(name) or self.document.get("credsStore")
        found = self._from_helper(helper, name) if helper else None
        return found or next(filter(None, map(self._from_file, _keys(name))), None)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The registries that are named in the file, sorted."""
        return tuple(sorted({*self.document.get("auths", {}), *self.document.get("credHelpers", {})}))

    def _from_file(self, key: str) -> Credentials | None:
        entry = self.document.get("auths", {}).get(key, {})
        if not isinstance(entry, dict):
            raise self._broken(f"auths.{key} is not a table")
        if entry.get("username") and entry.get("password"):
            return Credentials(entry["username"], entry["password"])
        if not entry.get("auth"):
            return None
        try:
            user, _, secret = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError, TypeError) as error:
            raise self._broken(f"auths.{key}.auth is not base64") from error
        return Credentials(user, secret)

    def _from_helper(self, helper: str, key: str) -> Credentials | None:
        program = f"docker-credential-{helper}"
        try:
            done = self.runner([program, "get"], key)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._helper_failed(program, key, type(error).__name__) from error
        if done.returncode:
            if "not found" in done.stdout:
                return None
            raise self._helper_failed(program, key, f"exit code {done.returncode}")
        try:
            answer = json.loads(done.stdout)
            return Credentials(answer["Username"], answer["Secret"])
        except (ValueError, KeyError, TypeError) as error:
            raise self._helper_failed(program, key, "its answer is not the JSON that was expected") from error

    def _broken(self, why: str) -> ByocError:
        return ByocError(
            f"{self.path} cannot be used",
            why=why,
            fix="log in again with `docker login`, or point DOCKER_CONFIG to another folder",
            id="BYOC-E510",
        )

    def _helper_failed(self, program: str, key: str, why: str) -> ByocError:
        return ByocError(
            f"{program} gave no credentials for {key}",
            why=why,
            fix=f"install {program} on PATH and try it by hand, or remove it from {self.path}",
            id="BYOC-E510",
        )


def docker_config(environ: Mapping[str, str] = os.environ, *, runner: Runner = run) -> Keychain:
    """The keychain of this user: ``$DOCKER_CONFIG/config.json``, else ``~/.docker/config.json``.

    A file that is not there is an empty keychain. Raises ByocError (BYOC-E510) if it cannot be read.
    """
    folder = environ.get("DOCKER_CONFIG") or str(Path(environ.get("HOME") or Path.home()) / ".docker")
    path = Path(folder) / "config.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        document = {}
    except (OSError, ValueError) as error:
        raise Keychain({}, path)._broken(_without_content(error)) from error
    if not isinstance(document, dict):
        raise Keychain({}, path)._broken("it is not a JSON object")
    return Keychain(document, path, runner)


def _keys(name: str) -> tuple[str, ...]:
    """The forms in which config.json may name a registry; older programs wrote whole URLs."""
    return (name, f"https://{name}", f"https://{name}/v1/", f"https://{name}/v2/")


def _without_content(error: Exception) -> str:
    """What is wrong, without the text of the file: it may hold secrets."""
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON: {error.msg} at line {error.lineno}"
    return type(error).__name__ if isinstance(error, ValueError) else str(error)
