"""Names that the rig maps are there while it runs, and are gone afterwards, whatever became of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rig.ecr_names import Names, mapped

NAME = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
OWN = "127.0.0.1 localhost\n192.0.2.1 somebody # their own"


@pytest.fixture
def where(tmp_path: Path) -> Names:
    (tmp_path / "hosts").write_text(OWN)
    theirs = tmp_path / "certs.d" / "registry.example"
    theirs.mkdir(parents=True)
    (theirs / "ca.crt").write_text("theirs")
    (tmp_path / "ca.pem").write_text("a CA")
    return Names(tmp_path / "hosts", tmp_path / "certs.d", tmp_path / "lock")


def test_names_are_there_and_go(where: Names, tmp_path: Path) -> None:
    with mapped([NAME], "192.0.2.2", tmp_path / "ca.pem", where):
        assert f"192.0.2.2 {NAME} " in where.hosts.read_text()
        assert (where.certificates / NAME / "ca.crt").read_text() == "a CA"
    assert where.hosts.read_text() == OWN + "\n"
    assert [each.name for each in where.certificates.iterdir()] == ["registry.example"]


PROGRAM = """
import sys
from pathlib import Path
from rig.ecr_names import Names, mapped
folder = Path(sys.argv[1])
where = Names(folder / "hosts", folder / "certs.d", folder / "lock")
with mapped([sys.argv[2]], "192.0.2.2", folder / "ca.pem", where):
    print("mapped", flush=True)
    sys.stdin.read()
"""


def test_names_go_after_a_kill(where: Names, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path), NAME],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"mapped\n"
        assert NAME in where.hosts.read_text()
        owner.send_signal(signal.SIGKILL)
    until = time.monotonic() + 30
    while where.hosts.read_text() != OWN + "\n" or (where.certificates / NAME).exists():
        assert time.monotonic() < until, where.hosts.read_text()
        time.sleep(0.05)


def test_what_was_left_behind_goes_with_the_next(where: Names, tmp_path: Path) -> None:
    where.put("192.0.2.9", tmp_path / "ca.pem", ["left.example"])
    with mapped([NAME], "192.0.2.2", tmp_path / "ca.pem", where):
        assert "left.example" not in where.hosts.read_text()
        assert not (where.certificates / "left.example").exists()
