"""One way to reach the Docker engine, the same for every door: the one that the docker CLI would use."""

import contextlib
import hashlib
import http.client
import json
import os
import socket
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from byoc_kit.errors import ByocError

if TYPE_CHECKING:
    import docker

__all__ = ["Client", "answers", "builder", "connect", "endpoint", "inspect_image"]

Client: TypeAlias = "docker.DockerClient"
"""What :func:`connect` gives, for those who only hand it on."""

SOCKET = "/var/run/docker.sock"
TIMEOUT = 300  # seconds for one answer of the engine; a commit or a stop with a long grace takes its time

QUICK = 30  # seconds for what the engine answers from memory


def endpoint(environ: Mapping[str, str] = os.environ) -> str:
    """Where the engine listens: DOCKER_HOST, else the CLI's current context, else the first usual socket."""
    return environ.get("DOCKER_HOST") or _context(environ).get("Host") or _socket(environ)


def connect(environ: Mapping[str, str] = os.environ) -> "docker.DockerClient":
    """A client of the engine; close it when done. Raises ByocError when none answers."""
    import docker
    from docker.errors import DockerException, TLSParameterError

    address = endpoint(environ)
    try:
        if environ.get("DOCKER_HOST"):
            return docker.DockerClient.from_env(environment=dict(environ), timeout=TIMEOUT, version="auto")
        return docker.DockerClient(
            base_url=address,
            tls=_tls(environ),
            timeout=TIMEOUT,
            version="auto",
            use_ssh_client=address.startswith("ssh:"),
        )
    except (DockerException, TLSParameterError, ValueError, OSError) as error:
        raise _unreachable(address, error) from error


def answers(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether an engine answers."""
    try:
        connect(environ).close()
    except ByocError:
        return False
    return True


def builder(environ: Mapping[str, str] = os.environ) -> str:
    """The buildx builder that is this engine itself: another one would not see the engine's own images."""
    return "default" if environ.get("DOCKER_HOST") else _name(environ) or "default"


def inspect_image(reference: str, environ: Mapping[str, str] = os.environ) -> Mapping[str, Any] | None:
    """What ``docker inspect`` tells of an image; None where the engine does not have it, or will not tell.

    At a local socket this is one request without loading a client, which takes longer than rendering.
    Raises ByocError when no engine answers.
    """
    address = endpoint(environ)
    if not address.startswith("unix://"):
        from docker.errors import APIError

        with contextlib.closing(connect(environ)) as client:
            api: Any = client.api
            try:
                found: Mapping[str, Any] = api.inspect_image(reference)
            except APIError:
                return None
            return found
    try:
        return _ask(address.removeprefix("unix://"), f"/images/{urllib.parse.quote(reference)}/json")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unreachable(address, error) from error


def _ask(path: str, url: str) -> dict[str, Any] | None:
    """One GET at the socket *path*; None for any answer but 200. Raises OSError, HTTPException."""
    connection = http.client.HTTPConnection("localhost", timeout=QUICK)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.sock.settimeout(QUICK)
        connection.sock.connect(path)
        connection.request("GET", url)
        answer = connection.getresponse()
        found = json.loads(answer.read()) if answer.status == 200 else None
        return found if isinstance(found, dict) else None
    finally:
        connection.close()


def _config(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME") or "~").expanduser() / ".docker")


def _name(environ: Mapping[str, str]) -> str:
    """Name of the CLI's current context; empty for ``default``."""
    name = (
        environ.get("DOCKER_CONTEXT") or _read(_config(environ) / "config.json").get("currentContext") or ""
    )
    return "" if name == "default" else str(name)


def _context(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """The ``docker`` endpoint of the CLI's current context."""
    name = _name(environ)
    if not name:
        return {}
    found = _read(_config(environ) / "contexts" / "meta" / _folder(name) / "meta.json")
    inner: Mapping[str, Any] = (found.get("Endpoints") or {}).get("docker") or {}
    if not inner.get("Host"):
        raise ByocError(
            f"the docker context {name!r} does not exist",
            why=f"DOCKER_CONTEXT or {_config(environ) / 'config.json'} names it, but it was never made here",
            fix="`docker context ls` lists those that exist; `docker context use default` goes back",
            id="BYOC-E303",
        )
    return inner


def _folder(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _tls(environ: Mapping[str, str]) -> Any:
    """The certificates of the current context, where it has some."""
    name = _name(environ)
    folder = _config(environ) / "contexts" / "tls" / _folder(name) / "docker"
    if not name or not folder.is_dir():
        return False
    from docker.tls import TLSConfig

    have = {
        part: str(folder / f"{part}.pem")
        for part in ("ca", "cert", "key")
        if (folder / f"{part}.pem").exists()
    }
    pair = (have["cert"], have["key"]) if {"cert", "key"} <= have.keys() else None
    return TLSConfig(
        client_cert=pair, ca_cert=have.get("ca"), verify=not _context(environ).get("SkipTLSVerify")
    )


def _socket(environ: Mapping[str, str]) -> str:
    """The first of the usual sockets that exists; podman's last, since it only resembles Docker."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    own = [f"{runtime}/docker.sock", f"{runtime}/podman/podman.sock"] if runtime else []
    home = [str(_config(environ) / "run" / "docker.sock")]
    usual = [SOCKET, *home, *own[:1], *own[1:], "/run/podman/podman.sock"]
    return "unix://" + next((path for path in usual if _exists(path)), SOCKET)


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:
        return False


def _first_cause(error: BaseException) -> str:
    """What the operating system said, without what each library on the way said about it; one line."""
    said, cause = str(error), error.__context__
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            said = cause.strerror
        cause = cause.__context__
    return said.split("\n", 1)[0][:300]


def _unreachable(address: str, error: Exception) -> ByocError:
    path = address.removeprefix("unix://")
    if "Permission denied" in str(error) or "PermissionError" in str(error):
        return ByocError(
            f"the Docker engine at {address} does not let you in",
            why="its socket belongs to root and the group docker, and you are in neither",
            fix="`sudo usermod -aG docker $USER`, then log in again; or use rootless Docker",
            id="BYOC-E302",
        )
    if address.startswith("unix://") and not _exists(path):
        return ByocError(
            "no Docker engine answers",
            why=f"there is no socket {path}: Docker is not installed or not started",
            fix="start it (`sudo systemctl start docker`, or Docker Desktop), or install Docker Engine; "
            "another engine is named by DOCKER_HOST",
            id="BYOC-E301",
        )
    return ByocError(
        f"no Docker engine answers at {address}",
        why=_first_cause(error),
        fix="start it (`sudo systemctl start docker`, or Docker Desktop), or correct DOCKER_HOST "
        "or the docker context",
        id="BYOC-E301",
    )
