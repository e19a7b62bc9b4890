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
from dataclasses import dataclass
from pathlib import Path

from rig.machine import Missing, say

__all__ = ["Names", "mapped"]

MARK = "# byoc-rig: may be deleted"
MARK_FILE = "byoc-rig"


@dataclass(frozen=True)
class Names:
    """Where a machine keeps names, and the certificates that its engine trusts for them."""

    hosts: Path = Path("/etc/hosts")
    certificates: Path = Path("/etc/docker/certs.d")
    lock: Path = Path("/run/byoc-rig/names.lock")

    def clean(self) -> None:
        """Take away whatever a rig has put there, and nothing else."""
        lines = self.hosts.read_text().splitlines(keepends=True)
        kept = [line for line in lines if MARK not in line]
        if kept != lines:
            self.hosts.write_text(
                "".join(kept)
            )  # in place: in a container it is a mount and cannot be replaced
        for mark in self.certificates.glob(f"*/{MARK_FILE}"):
            for file in (mark.with_name("ca.crt"), mark):
                file.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                mark.parent.rmdir()

    def put(self, address: str, ca: Path, names: Sequence[str]) -> None:
        """Map *names* to *address*, and let the engine trust *ca* for them."""
        for name in names:
            folder = self.certificates / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / MARK_FILE).touch()
            (folder / "ca.crt").write_bytes(ca.read_bytes())
        before = self.hosts.read_text()
        ended = "" if before.endswith("\n") else "\n"
        self.hosts.write_text(before + ended + "".join(f"{address} {name} {MARK}\n" for name in names))


def hold(where: Names, address: str, ca: Path, names: Sequence[str]) -> None:
    """The process that holds names: it says when it does, and goes on until its stdin ends."""
    with where.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        where.clean()
        try:
            where.put(address, ca, names)
            sys.stdout.write("held\n")
            sys.stdout.flush()
            sys.stdin.read()
        finally:
            where.clean()


@contextlib.contextmanager
def mapped(names: Sequence[str], address: str, ca: Path, where: Names = Names()) -> Iterator[None]:
    """*names* lead to *address*; where another rig holds names, wait for it. Raises Missing."""
    if not os.access(where.hosts, os.W_OK):
        raise Missing(f"names for the Docker engine go into {where.hosts}: only root can do that")
    where.lock.parent.mkdir(parents=True, exist_ok=True)
    say(f"mapping {len(names)} names to {address} in {where.hosts}; they are taken away at the end")
    places = map(str, (where.hosts, where.certificates, where.lock))
    with subprocess.Popen(
        [sys.executable, "-m", "rig.ecr_names", *places, address, str(ca), *names],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # no Ctrl-C reaches it: it ends when we do
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            if holder.stdout.readline() != b"held\n":
                raise Missing(f"names could not be put into {where.hosts}")
            yield
        finally:
            holder.stdin.close()
            holder.wait(30)


if __name__ == "__main__":
    hold(Names(*map(Path, sys.argv[1:4])), sys.argv[4], Path(sys.argv[5]), sys.argv[6:])
