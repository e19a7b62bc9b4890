"""The machine under the rig: its cache folder, its package manager, programs that are started and stopped."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

__all__ = [
    "Missing",
    "cache",
    "debian_root",
    "exclusive",
    "free_port",
    "install",
    "running",
    "say",
    "wait_for",
]

ADMIN_PATH = "/usr/sbin:/sbin"  # where Debian keeps dockerd and debootstrap; not on every user's PATH


class Missing(Exception):  # noqa: N818 - a state of the machine, not a fault
    """Something the rig needs is not here and may not be installed; the message says how to get it."""


def cache() -> Path:
    """The rig's own folder below the user's cache; everything in it can be deleted at any time."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "byoc-rig"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def say(text: str) -> None:
    """Tell the person at the terminal what the rig does to the machine, past pytest's capture."""
    sys.__stderr__.write(f"rig: {text}\n") if sys.__stderr__ else None


def debian_root() -> bool:
    """Whether packages can be installed: apt is here and we are root."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None and Path("/etc/debian_version").exists()


def program(name: str) -> str | None:
    """Path of the program *name*, looked up in the administrator's folders too."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{ADMIN_PATH}")


def install(needs: Mapping[str, str], *, allowed: Callable[[], bool] = debian_root) -> None:
    """Have the programs that are the keys of *needs*; the values are Debian's packages of them.

    On Debian as root what is absent is installed, elsewhere :class:`Missing` is raised.
    """
    absent = [name for name in needs if program(name) is None]
    if not absent:
        return
    packages = [package for name in absent for package in needs[name].split()]
    if not allowed():
        raise Missing(f"no {', '.join(absent)} here: install {' '.join(packages)} (or run as root on Debian)")
    say(f"installing {' '.join(packages)} with apt-get, for {', '.join(absent)}")
    # RUNLEVEL=1 keeps init scripts of the packages from starting services; the rig starts its own.
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if _run(command, env=env).returncode != 0:
        _run(["apt-get", "update"], env=env)
        done = _run(command, env=env)
        if done.returncode != 0:
            raise Missing(f"apt-get could not install {' '.join(packages)}:\n{done.stdout[-2000:]}")


def _run(command: Sequence[str], *, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=env, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


@contextlib.contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Wait until no other process makes *name*, and keep others waiting while the block runs."""
    with (cache() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(ready: Callable[[], bool], *, seconds: float, process: subprocess.Popen[bytes]) -> bool:
    """Whether *ready* came true within *seconds* while *process* lived."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        if ready():
            return True
        time.sleep(0.2)
    return False


@contextlib.contextmanager
def running(command: Sequence[str], *, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """*command* in a session of its own (no Ctrl-C reaches it) until the block ends; its output in *log*."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
