"""How quick the command line starts, as ratios to ``python -c pass``; goals: --help 12, render 30.

Run: ``python benchmarks/cli.py``. Both sides in turn, medians.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 15
BYOC = [str(Path(sys.executable).with_name("byoc"))]


def seconds(command: list[str], cwd: Path) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    place = Path(tempfile.mkdtemp(prefix="byoc-bench-"))
    try:
        init = [*BYOC, "init", "churn", "--style", "script-mode-1", "--base", "python:3.12-slim"]
        subprocess.run(init, cwd=place, check=True, capture_output=True)
        sides = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "byoc --help": [*BYOC, "--help"],
            "byoc render": [*BYOC, "render"],
        }
        for command in sides.values():
            seconds(command, place / "churn")
        taken: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(RUNS):
            for name, command in sides.items():
                taken[name].append(seconds(command, place / "churn"))
        base = statistics.median(taken["python -c pass"])
        for name, goal in (("byoc --help", 12), ("byoc render", 30)):
            median = statistics.median(taken[name])
            print(f"{name}: {median * 1e3:.0f} ms, {median / base:.1f} times python -c pass (goal: {goal})")
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
