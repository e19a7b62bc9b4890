"""A Docker engine: the one that answers, else one that the rig starts and stops."""

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import docker
from docker.errors import DockerException

from rig.machine import Missing, cache, debian_root, install, program, running, say, wait_for

__all__ = ["NEEDS", "OWN", "answers", "engine", "find"]

DEFAULT = "unix:///var/run/docker.sock"
RUN = Path("/run/byoc-rig")
"""Socket and process id: a short path, since a socket's name may have 107 bytes at most."""
OWN = f"unix://{RUN}/docker.sock"
NEEDS = {"dockerd": "docker.io iptables"}


def answers(endpoint: str) -> bool:
    """Whether a Docker engine answers at *endpoint*."""
    try:
        client = docker.DockerClient(base_url=endpoint, timeout=5)
    except DockerException:
        return False
    with contextlib.closing(client):
        try:
            return bool(client.ping())
        except (DockerException, OSError):
            return False


def find(environ: Mapping[str, str]) -> str | None:
    """Where an engine runs already: DOCKER_HOST, else the default socket or one that a rig has started."""
    places = [environ["DOCKER_HOST"]] if environ.get("DOCKER_HOST") else [DEFAULT, OWN]
    return next((place for place in places if answers(place)), None)


@contextlib.contextmanager
def engine(environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """The endpoint of an engine for as long as the block runs; :class:`Missing` where none can be had."""
    found = find(environ)
    if found is None:
        _may_start(environ)
        install(NEEDS)
        found = find(environ)  # where systemd runs, the package has just started its own
    if found is not None and found != OWN:
        yield found
        return
    with _own() as endpoint:
        yield endpoint


def _may_start(environ: Mapping[str, str]) -> None:
    """Raise :class:`Missing` where the rig must not, or cannot, start an engine."""
    if environ.get("DOCKER_HOST"):
        raise Missing(f"no Docker engine answers at DOCKER_HOST={environ['DOCKER_HOST']}")
    if not debian_root():
        raise Missing("no Docker engine answers: start one (the rig starts its own only on Debian as root)")


@contextlib.contextmanager
def _own() -> Iterator[str]:
    """An engine of the rig's own, data below the rig's cache folder.

    Who holds the lock stops it at the end; another rig at the same time uses it only. One that a killed rig
    has left behind is taken over.
    """
    RUN.mkdir(parents=True, exist_ok=True)
    with (RUN / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield _anothers()
            return
        if answers(OWN):
            _stop_left_behind()
        with _started() as endpoint:
            yield endpoint


def _anothers() -> str:
    """The engine that another rig is starting or has started."""
    for _ in range(60):
        if answers(OWN):
            return OWN
        time.sleep(1)
    raise Missing(f"another rig holds {RUN / 'lock'}, but no engine answers at {OWN}")


def _stop_left_behind() -> None:
    """Stop the engine of a rig that was killed."""
    say(f"stopping a Docker engine that an earlier run has left at {OWN}")
    process = int((RUN / "docker.pid").read_text())
    os.kill(process, signal.SIGTERM)
    for _ in range(60):
        if not Path(f"/proc/{process}").exists():
            return
        time.sleep(1)
    raise Missing(f"the Docker engine at {OWN}, left by an earlier run, does not stop")


@contextlib.contextmanager
def _started() -> Iterator[str]:
    (RUN / "docker.pid").unlink(missing_ok=True)  # nothing answers, so what is written there is stale
    log = cache() / "dockerd.log"
    command = [
        program("dockerd") or "dockerd",
        f"--host={OWN}",
        f"--data-root={cache() / 'docker'}",
        f"--exec-root={RUN / 'exec'}",
        f"--pidfile={RUN / 'docker.pid'}",
    ]
    say(f"starting a Docker engine at {OWN}, log in {log}; it is stopped at the end")
    with running(command, log=log) as process:
        if not wait_for(lambda: answers(OWN), seconds=60, process=process):
            tail = log.read_text(errors="replace")[-2000:]
            raise Missing(f"dockerd does not come up; the end of {log}:\n{tail}")
        yield OWN
        say("stopping the Docker engine")
