"""The processes and open ports of a container, read from the host's /proc: nothing runs in the container.

Only where the engine is on this machine and one may look: else nothing is known, and nobody is signalled.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Listener", "Process", "kill", "listeners", "processes"]

PROC = Path("/proc")
LISTEN = "0A"  # TCP_LISTEN, as /proc/net/tcp has it
RESOLVER = "0B00007F"  # 127.0.0.11: Docker's own, in each of its networks
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096  # bytes


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a container, with its number on the host."""

    pid: int
    parent: int
    command: tuple[str, ...]
    memory: int
    """Bytes it holds in memory."""


@dataclass(frozen=True, slots=True, order=True)
class Listener:
    """A TCP port that somebody listens on."""

    port: int
    loopback: bool
    """Whether it can be reached from inside only."""


def processes(pid: int, container: str, *, proc: Path = PROC) -> tuple[Process, ...] | None:
    """Those of *container* (its id), whose first process is *pid*, that one first; None: not known."""
    if not _is(pid, container, proc):
        return None
    with suppress(OSError):
        space = (proc / str(pid) / "ns" / "pid").readlink()
        found = [each for each in _all(proc) if _space(proc, each.pid) == space]
        return tuple(sorted(found, key=lambda each: (each.pid != pid, each.pid)))
    return None


def kill(process: Process, pid: int, container: str) -> bool:
    """SIGKILL *process*, if it is one of the container's; whether it was."""
    found = processes(pid, container) or ()
    if (process.pid, process.command) not in {(each.pid, each.command) for each in found}:
        return False
    with suppress(OSError):
        os.kill(process.pid, signal.SIGKILL)
        return True
    return False


def listeners(pid: int, container: str, *, proc: Path = PROC) -> tuple[Listener, ...] | None:
    """The ports that the container with the first process *pid* listens on; None: unknown."""
    if not _is(pid, container, proc):
        return None
    found = set[Listener]()
    try:
        for name in ("tcp", "tcp6"):
            table = proc / str(pid) / "net" / name
            if table.exists():
                found |= set(_listening(table.read_text()))
    except OSError:
        return None
    return tuple(sorted(found))


def _is(pid: int, container: str, proc: Path) -> bool:
    """Whether *pid* is of this machine, and the container's: its mounts or its cgroup name that."""
    for name in ("mountinfo", "cgroup"):
        with suppress(OSError):
            if pid and container and container in (proc / str(pid) / name).read_text():
                return True
    return False


def _all(proc: Path) -> Iterator[Process]:
    for folder in proc.iterdir():
        if folder.name.isdigit():
            with suppress(OSError, IndexError, ValueError):  # it has ended while we looked
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if fields[0] == "Z":
                    continue
                words = (folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
                command = tuple(word.decode(errors="replace") for word in words)
                yield Process(int(folder.name), int(fields[1]), command, int(fields[21]) * PAGE)


def _space(proc: Path, pid: int) -> Path | None:
    with suppress(OSError):
        return (proc / str(pid) / "ns" / "pid").readlink()
    return None


def _listening(table: str) -> Iterator[Listener]:
    for line in table.splitlines()[1:]:
        fields = line.split()
        address, _, port = fields[1].partition(":")
        if fields[3] == LISTEN and address != RESOLVER:
            yield Listener(int(port, 16), _is_loopback(address))


def _is_loopback(address: str) -> bool:
    """*address* is hexadecimal, in words of four bytes of the processor's own order (little-endian here)."""
    data = bytes.fromhex(address)
    words = [data[at : at + 4][::-1] for at in range(0, len(data), 4)]
    plain = b"".join(words)
    return plain[-4:-3] == b"\x7f" if len(plain) == 4 or plain[:12] == MAPPED else plain == b"\0" * 15 + b"\1"


MAPPED = b"\0" * 10 + b"\xff\xff"  # IPv4 addresses in IPv6
