"""Copying a large image, against curl and openssl moving the same blobs one after the other.

An image with one layer of 500 MB and four of 25 MB lies in a registry on this machine, and goes into an OCI
layout and into a second registry. Both sides check every digest. Goals: at most 1.2 times as long, and under
300 MB of memory. Both sides in turn, medians.

Run: ``python benchmarks/moving.py``.
"""

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from byoc_kit.images.sink import open_sink  # noqa: E402
from byoc_kit.oci.image import Image  # noqa: E402
from byoc_kit.oci.reference import parse_location  # noqa: E402
from rig.files import FileLayer  # noqa: E402
from rig.images import image_of  # noqa: E402
from rig.registry import registry  # noqa: E402

BYOC = str(Path(sys.executable).with_name("byoc"))
RUNS = 3
SIZES = (500, 25, 25, 25, 25)  # MB

DOWN = "curl -sf http://{source}/v2/bench/blobs/{digest} | tee {out}/{digest} | openssl dgst -sha256 >&2"
BEGIN = (
    "curl -sfi -X POST http://{target}/v2/bench/blobs/uploads/ | sed -n 's/^[Ll]ocation: //p' | tr -d '\\r'"
)
UP = f'{{down}} && at=$({BEGIN}) && curl -sf -X PUT -T {{out}}/{{digest}} "$at&digest={{digest}}"'


def run(command: list[str]) -> tuple[float, float]:
    """Seconds, and megabytes at the most."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return time.perf_counter() - start, usage.ru_maxrss / 1e3


def curl(image: Image, source: str, target: str | None, out: Path) -> float:
    """Seconds for all blobs; each is checked."""
    out.mkdir()
    seconds = 0.0
    for layer in image.layers:
        digest = layer.descriptor.digest
        down = DOWN.format(source=source, digest=digest, out=out)
        command = UP.format(down=down, target=target, digest=digest, out=out) if target else down
        seconds += run(["sh", "-c", command])[0]
    shutil.rmtree(out)
    return seconds


def compare(name: str, theirs: Callable[[], float], ours: Callable[[], tuple[float, float]]) -> None:
    taken = [(theirs(), *ours()) for _ in range(RUNS)]
    one, other, memory = (statistics.median(column) for column in zip(*taken, strict=True))
    print(f"{name}: curl {one:.2f} s, byoc copy {other:.2f} s, {other / one:.2f} times (goal: 1.2)")
    print(f"{name}: {memory:.0f} MB of memory (goal: 300)")


def main() -> None:
    place = Path(tempfile.mkdtemp(prefix="byoc-bench-"))
    try:
        with contextlib.ExitStack() as stack:
            places = []
            for name in ("one", "two"):
                (place / name).mkdir()
                places.append(stack.enter_context(registry(place / name)))
            source, target = places
            image = image_of([FileLayer.made(place / f"{at}", size) for at, size in enumerate(SIZES)])
            with open_sink(parse_location(f"{source}/bench:1")) as sink:
                sink.write(image, tag=True)

            def layout() -> tuple[float, float]:
                shutil.rmtree(place / "layout", ignore_errors=True)
                return run([BYOC, "copy", f"{source}/bench:1", f"oci:{place}/layout"])

            def relay() -> tuple[float, float]:
                shutil.rmtree(place / "two" / "data", ignore_errors=True)
                return run([BYOC, "copy", f"{source}/bench:1", f"{target}/bench:1"])

            def sent() -> float:
                shutil.rmtree(place / "two" / "data", ignore_errors=True)
                return curl(image, source, target, place / "out")

            compare("registry to layout", lambda: curl(image, source, None, place / "out"), layout)
            compare("registry to registry", sent, relay)
            seconds, _ = run([BYOC, "copy", f"{source}/bench:1", f"{target}/bench:1"])
            print(f"once more, all there: {seconds:.2f} s")
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
