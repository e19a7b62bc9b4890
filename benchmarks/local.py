"""Local runs: how much longer two hosts take to start than one, and how fast a pipe is fed.

    python benchmarks/local.py [--base IMAGE]

Goals: two hosts begin within 1.5 times of one; a pipe gives a reader that discards at least 500 MB/s. IMAGE
needs a shell, ``dd`` and ``date``; without it an image of the engine that has them is taken.
"""

import argparse
import contextlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

BYOC = [str(Path(sys.executable).with_name("byoc"))]
BASES = ("byoc-test-base:bookworm", "python:3.12-slim", "debian:stable-slim")
ROUNDS = 7
PIPE_ROUNDS = 3
SIZE = 2 << 30  # bytes through the pipe
GOAL_HOSTS, GOAL_PIPE = 1.5, 500

PROGRAM = """#!/bin/sh
data=/opt/ml/input/data
if [ -p "$data/train_0" ]; then file="$data/train_0"; else file="$data/train/large"; fi
echo "begun $(date +%s.%N)"
if [ -e "$file" ]; then dd if="$file" of=/dev/null bs=1M; fi
"""
DOCKERFILE = """ARG BASE
FROM $BASE
COPY train /usr/local/bin/train
ENTRYPOINT ["/bin/sh", "/usr/local/bin/train"]
"""


def present(image: str) -> bool:
    return (
        subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode
        == 0
    )


@contextlib.contextmanager
def image(base: str, folder: Path) -> Iterator[str]:
    """The name of an image that tells when it begins, and reads its channel."""
    name = f"byoc-bench-local:{uuid.uuid4().hex[:12]}"
    (folder / "train").write_text(PROGRAM)
    (folder / "train").chmod(0o755)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    build = ["docker", "build", "-q", "--build-arg", f"BASE={base}", "-t", name, str(folder)]
    subprocess.run(build, check=True, capture_output=True)
    try:
        yield name
    finally:
        subprocess.run(["docker", "rmi", name], check=True, capture_output=True)


def run(name: str, folder: Path, *options: str) -> str:
    """What the containers of a run have printed."""
    words = [*BYOC, "run", "train", name, *options, "--json"]
    done = subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True)
    return (Path(json.loads(done.stdout)["run"]) / "log").read_text()


def seconds_to_begin(name: str, folder: Path, hosts: int) -> float:
    """From the command to the first line of the last host."""
    before = time.time()
    log = run(name, folder, "--hosts", str(hosts))
    times = [float(text) for text in re.findall(r"begun ([0-9.]+)", log)]
    assert len(times) == hosts
    return max(times) - before


def speed(name: str, folder: Path, mode: str) -> float:
    """MB/s of a reader that discards."""
    log = run(name, folder, "--channel", f"train={folder / 'data'},mode={mode}")
    found = re.search(r"(\d+) bytes .* copied, ([0-9.]+) s", log)
    assert found, log
    assert int(found[1]) == SIZE
    return SIZE / float(found[2]) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--base")
    base = parser.parse_args().base or next(filter(present, BASES), None)
    if base is None:
        print("no base in the engine: give --base IMAGE")
        return
    with tempfile.TemporaryDirectory(prefix="byoc-bench-") as place:
        folder = Path(place)
        (folder / "context").mkdir()
        (folder / "data").mkdir()
        with image(base, folder / "context") as name:
            hosts(name, folder)
            pipes(name, folder)


def hosts(name: str, folder: Path) -> None:
    seconds_to_begin(name, folder, 2)
    rows = [(seconds_to_begin(name, folder, 1), seconds_to_begin(name, folder, 2)) for _ in range(ROUNDS)]
    one, two = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"from the command to the first line of the last host, medians of {ROUNDS}:")
    print(
        f"  one host {one:.2f} s, two hosts {two:.2f} s: {two / one:.2f} times (goal: at most {GOAL_HOSTS})"
    )


def pipes(name: str, folder: Path) -> None:
    with (folder / "data/large").open("wb") as file:
        for _ in range(SIZE >> 20):
            file.write(bytes(1 << 20))
    speed(name, folder, "File")
    rows = [(speed(name, folder, "Pipe"), speed(name, folder, "File")) for _ in range(PIPE_ROUNDS)]
    pipe, plain = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"a reader that discards {SIZE >> 30} GiB, medians of {PIPE_ROUNDS}:")
    print(f"  mode Pipe {pipe:.0f} MB/s (goal: {GOAL_PIPE}), mode File {plain:.0f} MB/s")


if __name__ == "__main__":
    main()
