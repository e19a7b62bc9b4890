"""Play the whole zoo ten times, and report what flickers: ``python tools/zoo_soak.py [TIMES]``.

Everything is played with all clauses of its targets. Exit code 1 if a verdict was not the same each time.
"""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
TIMES = 10


def main(times: int) -> int:
    """Play *times* times; 1 where an image failed in some rounds and not in others."""
    failed: Counter[str] = Counter()
    for number in range(1, times + 1):
        found = played()
        failed.update(found)
        print(f"round {number}: {len(found)} failed {', '.join(sorted(found))}", flush=True)
    flickering = {name: count for name, count in failed.items() if count < times}
    for name, count in sorted(failed.items()):
        print(f"{name}: failed in {count} of {times} rounds")
    print(f"{len(flickering)} of the images flicker")
    return 1 if flickering else 0


def played() -> set[str]:
    """The tests that failed in one round. Raises RuntimeError where the round did not come to its end."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "tests/zoo/test_zoo.py", f"--junit-xml={report}"]
        environ = {**os.environ, "ZOO": "everything"}
        done = subprocess.run(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode not in {0, 1}:
            raise RuntimeError(done.stdout[-4000:])
        cases = ElementTree.parse(report).iter("testcase")
        return {
            str(case.get("name")) for case in cases if len(case.findall("failure") + case.findall("error"))
        }


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else TIMES))
