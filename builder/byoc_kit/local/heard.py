"""Whether a container's program has asked to hear a signal, as the kernel of this machine tells it."""

import signal
from collections.abc import Iterator
from pathlib import Path

__all__ = ["hears"]

PROC = Path("/proc")
RUNTIMES = ("runc", "crun", "youki", "runsc")  # what the first process is called until it starts the program


def hears(pid: int, number: int = signal.SIGTERM, *, init: bool = False, proc: Path = PROC) -> bool | None:
    """Whether the first process of a container catches or waits for the signal; *pid* is this machine's.

    *init*: the first process is Docker's own, so its child is asked. None: the kernel does not tell, because
    the engine is elsewhere, or the process has gone. False as long as it is not the image's own program: the
    runtime that starts it, a Go program, catches everything, and an init blocks everything while it forks.
    """
    first = _status(pid, proc)
    if first is None or first.get("NSpid", "").split()[1:][-1:] != ["1"]:
        return None
    if first["Name"].startswith(RUNTIMES):
        return False
    if not init:
        return _asked(first, number)
    children = (status for each in _children(pid, proc) if (status := _status(each, proc)))
    return any(_asked(child, number) for child in children if child["Name"] != first["Name"])


def _status(pid: int, proc: Path) -> dict[str, str] | None:
    try:
        text = (proc / str(pid) / "status").read_text()
    except OSError:
        return None
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def _asked(status: dict[str, str], number: int) -> bool:
    """A blocked signal counts too: who blocks it means to fetch it, as every init does."""
    masks = (int(status.get(name, "0"), 16) for name in ("SigCgt", "SigBlk"))
    return any(mask >> (number - 1) & 1 for mask in masks)


def _children(pid: int, proc: Path) -> Iterator[int]:
    try:
        words = (proc / str(pid) / "task" / str(pid) / "children").read_text().split()
    except OSError:
        return
    yield from map(int, words)
