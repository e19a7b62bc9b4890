"""What the kernel tells of a container's processes and ports; nobody else's are touched."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from byoc_kit.local.processes import Listener, Process, kill, listeners, processes

CONTAINER = "c0ffee" * 10
TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100007F:2329 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0B00007F:8AE7 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3
   3: 020011AC:1F90 010011AC:D431 01 00000000:00000000 00:00000000 00000000     0        0 4
"""
TABLE6 = """\
  sl  local_address                         remote_address                        st
   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0 0 0 0 0 5
   1: 00000000000000000000000000000000:1F91 00000000000000000000000000000000:0000 0A 0 0 0 0 0 6
   2: 0000000000000000FFFF00000100007F:1F92 00000000000000000000000000000000:0000 0A 0 0 0 0 0 7
"""


def fake(proc: Path, pid: int, *, space: str = "pid:[1]", parent: int = 1, state: str = "S") -> Path:
    folder = proc / str(pid)
    (folder / "ns").mkdir(parents=True)
    (folder / "ns" / "pid").symlink_to(space)
    (folder / "net").mkdir()
    (folder / "mountinfo").write_text(f"1 2 0:1 /containers/{CONTAINER}/hosts /etc/hosts rw\n")
    (folder / "cmdline").write_bytes(b"python3\0serve\0")
    (folder / "stat").write_text(f"{pid} (a) b) {state} {parent} " + "0 " * 19 + "7 0 0\n")
    return folder


def test_only_processes_of_the_container_are_told(tmp_path: Path) -> None:
    fake(tmp_path, 20)
    fake(tmp_path, 10, parent=20)
    fake(tmp_path, 11, state="Z")
    fake(tmp_path, 12, space="pid:[2]")
    found = processes(20, CONTAINER, proc=tmp_path)
    assert found is not None
    assert [each.pid for each in found] == [20, 10]
    assert found[1] == Process(10, 20, ("python3", "serve"), 7 * os.sysconf("SC_PAGE_SIZE"))


@pytest.mark.parametrize("container", ["", "another"])
def test_a_process_that_is_not_the_containers_is_not_told(tmp_path: Path, container: str) -> None:
    fake(tmp_path, 20)
    assert processes(20, container, proc=tmp_path) is None
    assert listeners(20, container, proc=tmp_path) is None


def test_nobody_is_known_of_an_engine_elsewhere(tmp_path: Path) -> None:
    assert processes(20, CONTAINER, proc=tmp_path) is None
    assert listeners(20, CONTAINER, proc=tmp_path) is None


def test_open_ports_are_told_without_dockers_own(tmp_path: Path) -> None:
    folder = fake(tmp_path, 20)
    (folder / "net" / "tcp").write_text(TABLE)
    (folder / "net" / "tcp6").write_text(TABLE6)
    assert listeners(20, CONTAINER, proc=tmp_path) == (
        Listener(80, loopback=True),
        Listener(8080, loopback=False),
        Listener(8081, loopback=False),
        Listener(8082, loopback=True),
        Listener(9001, loopback=True),
    )


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_the_kernels_own_table_is_read(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        folder = fake(tmp_path, 20)
        shutil.copy("/proc/self/net/tcp", folder / "net" / "tcp")
        found = listeners(20, CONTAINER, proc=tmp_path)
        assert found is not None
        assert Listener(opened.getsockname()[1], loopback=True) in found


def test_what_has_ended_is_not_killed(tmp_path: Path) -> None:
    assert not kill(Process(os.getpid(), 1, ("another",), 0), os.getpid(), CONTAINER)


def test_a_process_of_somebody_else_is_not_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        victim = Process(child.pid, os.getpid(), ("python3",), 0)
        assert not kill(victim, child.pid, CONTAINER)
        assert child.poll() is None
        child.communicate(b"\n")
    assert child.returncode == 0
