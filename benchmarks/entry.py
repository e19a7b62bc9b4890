"""How long the entry program takes from its own start to the first line of the user's program.

Run: ``python benchmarks/entry.py``. Prints the median of 30 starts and its ratio to ``python -c pass``; the
runs are interleaved, so that a busy machine slows both. No container engine is needed.
"""

import compileall
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENTRY = Path(__file__).parents[1] / "containers" / "entry"
STARTS = 30
GOAL = 60.0  # milliseconds, to the first line of the program

START = """
import sys
sys.path.insert(0, sys.argv[1])
from dispatch import main
from settings import Places
sys.exit(main(["train"], places=Places(sys.argv[2])))
"""
PROGRAM = "import time; print(time.monotonic())"  # one clock for all processes of a machine


def make_image(root: Path) -> None:
    """The tree of a basic image whose program prints the time."""
    program = root / "opt/program"
    for folder in (program, root / "opt/byoc", root / "opt/ml/output"):
        folder.mkdir(parents=True)
    (program / "train.py").write_text(PROGRAM)
    document = {
        "schema": "byoc/entry/1",
        "style": "basic",
        "targets": ["training"],
        "train": {"program": "train.py", "code": str(program)},
        "serve": None,
        "process": None,
        "base_entrypoint": [],
    }
    (root / "opt/byoc/entry.json").write_text(json.dumps(document))


def to_first_line(root: Path, entry: Path) -> float:
    """Milliseconds from the start of the entry program to the program's first line."""
    command = [sys.executable, "-I", "-B", "-c", START, str(entry), str(root)]
    before = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return (float(done.stdout) - before) * 1000


def python_pass() -> float:
    """Milliseconds of ``python -I -c pass``."""
    before = time.monotonic()
    subprocess.run([sys.executable, "-I", "-c", "pass"], check=True)
    return (time.monotonic() - before) * 1000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_image(root)
        source, compiled_once = root / "source", root / "compiled"
        for copy in (source, compiled_once):
            shutil.copytree(ENTRY, copy, ignore=shutil.ignore_patterns("__pycache__"))
        compileall.compile_dir(compiled_once, quiet=1)
        rows = [
            (to_first_line(root, compiled_once), to_first_line(root, source), python_pass())
            for _ in range(STARTS)
        ]
    compiled, cold, bare = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"entry program, from its start to the program's first line, median of {STARTS}:")
    print(f"  {compiled:6.1f} ms  {compiled / bare:4.1f} x python -c pass  (goal: under {GOAL:.0f} ms)")
    print(f"  {cold:6.1f} ms  {cold / bare:4.1f} x python -c pass  where the image holds no byte code of it")
    print(f"  {bare:6.1f} ms          python -c pass")


if __name__ == "__main__":
    main()
