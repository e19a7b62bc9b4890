"""Runs as processes, and what they leave, for tests."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def record(folder: Path) -> dict[str, Any]:
    """The newest run's job.json."""
    content = json.loads((folder / ".byoc/runs/latest/job.json").read_text())
    assert isinstance(content, dict)
    return content


def start(folder: Path, *words: str, ready: int = 1) -> subprocess.Popen[str]:
    """``byoc`` as a process that can be signalled, once *ready* containers are ready to be stopped."""
    process = subprocess.Popen(
        [sys.executable, "-m", "byoc_kit", *words], cwd=folder, stderr=subprocess.PIPE, text=True
    )
    seen = []
    assert process.stderr is not None
    for line in process.stderr:
        seen.append(line)
        ready -= "ready to be stopped" in line
        if not ready:
            return process
    raise AssertionError("".join(seen))


def end(process: subprocess.Popen[str], *numbers: signal.Signals) -> str:
    """Send the signals, a moment apart, and give what the process said until its end."""
    for number in numbers:
        process.send_signal(number)
        time.sleep(1)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + numbers[0]
    return said


def remove_kept(said: str) -> None:
    """Remove what ``--keep`` has kept, with the command that it told."""
    words = said.partition("remove it with `")[2].partition("`")[0]
    subprocess.run(words, shell=True, check=True, capture_output=True)
