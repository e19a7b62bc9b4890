"""A job's metrics while it runs: the meter alone, and runs of containers."""

import contextlib
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from byoc_kit.job.metrics import Point, metrics
from byoc_kit.local.metrics import Meter, metering
from rig.projects import Command

WANTED = metrics({"loss": "loss=([0-9.]+)", "f1": "f1=([0-9.]+)"})


class Heard:
    """A listener who remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.warned: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def note(self, text: str) -> None: ...
    def output(self, text: str) -> None: ...
    def progress(self, task: str, done: int, total: int | None) -> None: ...


def test_each_number_is_kept_and_told_at_once() -> None:
    told: list[Point] = []
    file, clock = io.StringIO(), iter([100.0, 101.5, 103.0])
    meter = Meter(WANTED, file, told.append, clock=lambda: next(clock))
    meter.hear("algo-1", "epoch 1 loss=0.5")
    assert file.getvalue() == "seconds,host,metric,value\n1.500,algo-1,loss,0.5\n"
    meter.hear("algo-2", "nothing")
    meter.hear("algo-2", "loss=0.25")
    assert [(point.host, point.seconds, point.value) for point in told] == [
        ("algo-1", 1.5, 0.5),
        ("algo-2", 3.0, 0.25),
    ]
    assert meter.last == {"loss": 0.25}


def test_what_was_never_found_is_warned_of(tmp_path: Path) -> None:
    """TRN-13: the service would show no such metric, and a tuning job would fail."""
    heard = Heard()
    with metering(tmp_path, WANTED) as meter:
        for value in ("0.5", "0.3"):
            meter.hear("algo-1", f"loss={value}")
    meter.tell(heard)
    assert heard.said == ["metric loss: 0.3 (last of 2, 0.3 to 0.5)"]
    assert heard.warned == ["metric f1: 'f1=([0-9.]+)' found no number in the log (TRN-13)"]
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) == 3


@pytest.mark.engine
def test_a_run_keeps_its_metrics(byoc: Command, algo: str, tmp_path: Path) -> None:
    """TRN-13, TRN-14: of a progress bar only the last state is a line."""
    words = ["--metric", "progress=progress ([0-9]+)", "--metric", "loss=loss=([0-9.]+)"]
    done = byoc("run", "train", algo, *words, "--json", cwd=tmp_path)
    result = json.loads(done.stdout)
    assert result["metrics"] == {"progress": 3.0}
    rows = (Path(result["run"]) / "metrics.csv").read_text().splitlines()
    assert [row.partition(",")[2] for row in rows] == ["host,metric,value", "algo-1,progress,3.0"]
    assert "metric progress: 3\n" in done.stderr
    assert "warning: metric loss: 'loss=([0-9.]+)' found no number in the log (TRN-13)" in done.stderr
    assert json.loads((Path(result["run"]) / "job.json").read_text())["metrics"] == {"progress": 3.0}


@pytest.mark.engine
def test_a_run_without_metrics_keeps_no_table(byoc: Command, algo: str, tmp_path: Path) -> None:
    run = Path(byoc("run", "train", algo, cwd=tmp_path).stdout.strip())
    assert not (run / "metrics.csv").exists()


@pytest.mark.engine
def test_an_expression_without_a_number_is_refused_before_anything_starts(
    byoc: Command, algo: str, tmp_path: Path
) -> None:
    done = byoc("run", "train", algo, "--metric", "loss=loss", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "error [BYOC-E447]: 1 of the job's metric definitions find no number" in done.stderr
    assert not (tmp_path / ".byoc/runs").exists()


@pytest.mark.engine
def test_a_terminal_shows_the_curve(algo: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "byoc_kit",
        "run",
        "train",
        algo,
        "--metric",
        "progress=progress ([0-9]+)",
    ]
    environ = {name: value for name, value in os.environ.items() if name != "CI"}
    with subprocess.Popen(
        command, cwd=tmp_path, stderr=theirs, stdout=subprocess.PIPE, env={**environ, "TERM": "xterm"}
    ) as child:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # what reading ends with when the other side is closed
            while chunk := os.read(ours, 4096):
                shown += chunk
    os.close(ours)
    assert child.returncode == 0
    assert "progress  ▅  3" in shown.decode()
    assert shown.count(b"\x1b[?25l") == shown.count(b"\x1b[?25h") > 0, "the cursor is given back"
