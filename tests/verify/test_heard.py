"""Whether a program has asked to hear a signal is read from the kernel, and only of the program itself."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from byoc_kit.local.heard import hears

TERM = f"{1 << (signal.SIGTERM - 1):016x}"
NONE = "0" * 16


def process(
    proc: Path, pid: int, *, name: str = "train", caught: str = NONE, blocked: str = NONE, inner: str = "1"
) -> None:
    (proc / str(pid)).mkdir()
    lines = [f"Name:\t{name}", f"NSpid:\t{pid}\t{inner}", f"SigBlk:\t{blocked}", f"SigCgt:\t{caught}"]
    (proc / str(pid) / "status").write_text("\n".join(lines) + "\n")


def child_of(proc: Path, pid: int, *children: int) -> None:
    (proc / str(pid) / "task" / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "task" / str(pid) / "children").write_text(" ".join(map(str, children)) + " ")


@pytest.mark.parametrize(
    ("how", "heard"),
    [
        ({}, False),
        ({"caught": TERM}, True),
        ({"blocked": TERM}, True),
        ({"caught": f"{1 << (signal.SIGINT - 1):016x}"}, False),
        ({"caught": TERM, "name": "runc:[2:INIT]"}, False),
        ({"caught": TERM, "inner": "7"}, None),
    ],
)
def test_of_the_first_process(tmp_path: Path, how: dict[str, str], heard: bool | None) -> None:
    process(tmp_path, 100, **how)
    assert hears(100, proc=tmp_path) is heard


def test_nobody_knows_of_a_process_that_is_not_there(tmp_path: Path) -> None:
    assert hears(100, proc=tmp_path) is None


@pytest.mark.parametrize(
    ("how", "heard"),
    [({}, False), ({"caught": TERM}, True), ({"blocked": TERM, "name": "docker-init"}, False)],
)
def test_below_an_init_the_child_counts(tmp_path: Path, how: dict[str, str], heard: bool) -> None:
    process(tmp_path, 100, name="docker-init", blocked=TERM)
    process(tmp_path, 101, inner="2", **how)
    child_of(tmp_path, 100, 101)
    assert hears(100, init=True, proc=tmp_path) is heard


def test_an_init_without_a_child_hears_nothing_yet(tmp_path: Path) -> None:
    process(tmp_path, 100, name="docker-init", blocked=TERM)
    assert hears(100, init=True, proc=tmp_path) is False


def test_this_kernel_tells_it_as_expected(tmp_path: Path) -> None:
    code = "import signal,sys;signal.signal(signal.SIGTERM, print);print(1, flush=True);sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        program.stdout.readline()
        status = Path(f"/proc/{program.pid}/status").read_text()
        inner = status.partition("NSpid:")[2].splitlines()[0]
        (tmp_path / str(program.pid)).mkdir()
        text = status.replace(f"NSpid:{inner}", f"NSpid:\t{program.pid}\t1")
        (tmp_path / str(program.pid) / "status").write_text(text)
        assert hears(program.pid, proc=tmp_path) is True
        assert hears(program.pid, signal.SIGUSR1, proc=tmp_path) is False
        program.kill()
