"""Real names that lead to this machine, for as long as somebody holds them: the engine looks names up itself.

Names go into ``/etc/hosts``, and the CA that signs for them into ``/etc/docker/certs.d``. A process of its
own holds them, and takes them away when its owner ends, also when that was killed: it sees the end of a pipe.
What it could not take away, because it was killed itself, the next one does. One at a time holds names.

The address is one of the Docker engine's bridge: the engine does not check certificates of 127.0.0.0/8.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rig.machine import Missing, say

__all__ = ["clean", "hold", "mapped"]

HOSTS = Path("/etc/hosts")
CERTIFICATES = Path("/etc/docker/certs.d")
LOCK = Path("/run/byoc-rig/names.lock")
MARK = "# byoc-rig: may be deleted"
MARK_FILE = "byoc-rig"


def clean(hosts: Path = HOSTS, certificates: Path = CERTIFICATES) -> None:
    """Take away whatever a rig has put there, and nothing else."""
    lines = hosts.read_text().splitlines(keepends=True)
    kept = [line for line in lines if MARK not in line]
    if kept != lines:
        hosts.write_text("".join(kept))  # in place: in a container it is a mount, which cannot be replaced
    for mark in certificates.glob(f"*/{MARK_FILE}"):
        for file in (mark.with_name("ca.crt"), mark):
            file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            mark.parent.rmdir()


def put(names: Sequence[str], address: str, ca: str, hosts: Path, certificates: Path) -> None:
    """Map *names* to *address*, and let the engine trust the CA at the path *ca* for them."""
    before = hosts.read_text()
    for name in names:
        folder = certificates / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK_FILE).touch()
        (folder / "ca.crt").write_text(Path(ca).read_text())
    ended = "" if before.endswith("\n") else "\n"
    hosts.write_text(before + ended + "".join(f"{address} {name} {MARK}\n" for name in names))


def hold(
    address: str, ca: str, names: Sequence[str], hosts: Path = HOSTS, certificates: Path = CERTIFICATES
) -> None:
    """The process that holds names: from when it says so until its stdin ends."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        clean(hosts, certificates)
        try:
            put(names, address, ca, hosts, certificates)
            sys.stdout.write("held\n")
            sys.stdout.flush()
            sys.stdin.read()
        finally:
            clean(hosts, certificates)


@contextlib.contextmanager
def mapped(
    names: Sequence[str], address: str, ca: Path, hosts: Path = HOSTS, certificates: Path = CERTIFICATES
) -> Iterator[None]:
    """*names* lead to *address*; where another rig holds names, wait for it. Raises Missing without root."""
    if os.geteuid() != 0:
        raise Missing(f"names for the Docker engine go into {hosts}: only root can do that")
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    say(f"mapping {len(names)} names to {address} in {hosts}; they are taken away at the end")
    command = [sys.executable, "-c", PROGRAM, str(hosts), str(certificates), address, str(ca), *names]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # no Ctrl-C reaches it: it ends when we do
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            if holder.stdout.readline() != b"held\n":
                raise Missing(f"names could not be put into {hosts}")
            yield
        finally:
            holder.stdin.close()
            holder.wait(30)


PROGRAM = """
import sys
from pathlib import Path
from rig.ecr_names import hold
hosts, certificates, address, ca, *names = sys.argv[1:]
hold(address, ca, names, Path(hosts), Path(certificates))
"""
