"""What this container may use: CPUs, GPUs, memory."""

from __future__ import annotations

import glob
import math
import os
from typing import Dict, Optional, Tuple

MOST_WORKERS = 4  # each holds the whole model in memory; more is the user's decision

NO_LIMIT = 1 << 60  # bytes; version 1 of cgroups says "unlimited" with a number larger than any machine
CGROUP_FILES = (  # limit, use, statistics, and there: what files take that the kernel can drop
    (
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory.current",
        "/sys/fs/cgroup/memory.stat",
        "inactive_file",
    ),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
        "total_inactive_file",
    ),
)


def worker_count() -> int:
    """Processes to start when nobody said: one on a GPU, else one per visible CPU up to four (INF-19)."""
    return 1 if has_gpu() else min(cpus(), MOST_WORKERS)


def has_gpu() -> bool:
    """Whether a GPU is visible; image variables such as NVIDIA_VISIBLE_DEVICES say nothing about it."""
    return bool(glob.glob("/dev/nvidia[0-9]*"))


def cpus() -> int:
    """Whole CPUs this container may use: its CPU set, cut down by the quota of its cgroup."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return max(1, min(allowed, math.floor(quota) if quota else allowed))


def threads_per_worker(workers: int) -> int:
    """What OMP_NUM_THREADS should be so that *workers* processes do not fight over the CPUs."""
    return max(1, cpus() // workers)


def memory() -> int:
    """Resident bytes of this process; 0 where /proc does not tell."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def free_memory() -> Tuple[int, int]:
    """Bytes that can still be had, and all there are, within the limit of the cgroup or of the machine.

    What the kernel keeps of files it can drop, so that counts as free. (1, 1) where nothing tells.
    """
    for limit, used, statistics, cached in CGROUP_FILES:
        most, now = _fields(limit), _fields(used)
        if most and most[0].isdigit() and int(most[0]) < NO_LIMIT and now:
            return int(most[0]) - int(now[0]) + _table(statistics).get(cached, 0), int(most[0])
    host = _table("/proc/meminfo")  # in KiB
    return host.get("MemAvailable:", 1) * 1024, host.get("MemTotal:", 1) * 1024


def _table(path: str) -> Dict[str, int]:
    """A file of names and numbers; a name may be said with a colon, a number with its unit after it."""
    words = _fields(path)
    return {name: int(number) for name, number in zip(words, words[1:]) if number.isdigit()}


def _quota() -> Optional[float]:
    """CPUs by the cgroup's quota (version 2, then 1); None: unlimited."""
    fields = _fields("/sys/fs/cgroup/cpu.max") or (
        _fields("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") + _fields("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    )
    if len(fields) != 2 or not fields[0].isdigit():  # "max", or -1
        return None
    return int(fields[0]) / int(fields[1])


def _fields(path: str) -> "list[str]":
    try:
        with open(path) as stream:
            return stream.read().split()
    except OSError:
        return []
