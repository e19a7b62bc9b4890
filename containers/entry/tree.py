"""The processes of this container, as ``/proc`` tells them."""

from __future__ import annotations

import os


class Process:
    """One line of the process table."""

    __slots__ = ("group", "parent", "pid")

    def __init__(self, pid: int, parent: int, group: int) -> None:
        self.pid, self.parent, self.group = pid, parent, group


def processes() -> list[Process]:
    """Everything that runs (zombies too), oldest numbers first; empty where there is no ``/proc``."""
    try:
        pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
    except OSError:
        return []
    return [process for process in map(_read, pids) if process]


def catches(pid: int, number: int) -> bool:
    """Whether the process has a handler of its own for this signal."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            masks = [line.split()[1] for line in file if line.startswith("SigCgt:")]
    except OSError:
        return False
    return bool(masks) and bool(int(masks[0], 16) >> (number - 1) & 1)


def _read(pid: int) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            line = file.read()
    except OSError:  # it ended while we looked
        return None
    _state, parent, group = line[line.rindex(b")") + 2 :].split()[:3]  # the name before may hold spaces
    return Process(pid, int(parent), int(group))
