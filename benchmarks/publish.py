"""Publishing again, and replicating: requests, bytes and seconds, against what cannot be avoided.

- Again, nothing changed, into Amazon ECR as the tests play it: at most 12 requests, no body but the manifest,
  at most 0.5 s more than ``python -c 'import boto3; boto3.client("ecr")'``. In turn, medians of five.
- Replication to three repositories of one registry: no blob moves.
- Replication into a registry that takes 100 MB/s: at least 0.9 of that.
- ``byoc copy`` from one registry of this machine to another, against ``skopeo copy`` (Debian's): at least
  0.95 of its rate. In turn, each into an empty registry, medians of five.

Run: ``python benchmarks/publish.py``. Needs the packages docker-registry and skopeo.
"""

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from byoc_kit.images.sink import open_sink  # noqa: E402
from byoc_kit.oci.reference import parse_location  # noqa: E402
from ecr.small import Small  # noqa: E402
from rig.ecr import Ecr, ecr  # noqa: E402
from rig.files import FileLayer  # noqa: E402
from rig.images import image_of  # noqa: E402
from rig.machine import install  # noqa: E402
from rig.registry import registry  # noqa: E402

BYOC = [sys.executable, "-m", "byoc_kit"]
BARE = [sys.executable, "-c", "import boto3; boto3.client('ecr')"]
RUNS = 5
RATE = 100e6  # bytes per second
LIMITED = (200, 200, 50, 50)  # MB
RELAYED = (200, 25, 25, 25, 25)  # MB


def timed(command: list[str], environ: Mapping[str, str], cwd: Path | None = None) -> float:
    """Seconds; it must succeed. Byte code is kept, as an installed program has it."""
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(command, env=inherited | dict(environ), cwd=cwd, check=True, capture_output=True)
    return time.perf_counter() - start


def again(rig: Ecr, place: Path) -> None:
    """A project that is there already is published again."""
    environ = rig.environ() | {
        "BYOC_CACHE_DIR": str(place / "cache"),
        "DOCKER_HOST": "tcp://127.0.0.1:9",
        "PYTHONPYCACHEPREFIX": str(place / "pycache"),
    }
    small = Small(place / "project").on_python(1_000_000)
    timed(BARE, environ)
    timed([*BYOC, "lock"], environ, small.folder)
    for _ in range(2):
        timed([*BYOC, "publish"], environ, small.folder)
    rig.requests.clear()
    timed([*BYOC, "publish"], environ, small.folder)
    told = [each for each in rig.requests if each.kind != "api"]
    bodies = sum("/blobs/" in each.path for each in told)
    print(f"publish again: {len(rig.requests)} requests (goal: 12), {bodies} bodies of blobs (goal: 0)")
    pairs = [(timed(BARE, environ), timed([*BYOC, "publish"], environ, small.folder)) for _ in range(RUNS)]
    bare, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"publish again: {ours:.2f} s, {ours - bare:.2f} s more than a bare client of boto3 (goal: 0.5)")


def within(rig: Ecr, place: Path) -> None:
    """To three repositories of the same registry."""
    environ = rig.environ() | {"BYOC_CACHE_DIR": str(place / "cache")}
    small = Small(place / "mounted" / "project").write()
    timed([*BYOC, "publish", small.image("big", size=20_000_000)], environ, small.folder)
    rig.faults.mount(True)
    rig.requests.clear()
    to = [word for name in "abc" for word in ("--to", f"{rig.host()}/team/{name}")]
    seconds = timed([*BYOC, "replicate", ":1.4.2", *to], environ, small.folder)
    moved = sum(each.body_bytes for each in rig.requests if each.method == "PATCH")
    print(
        f"to 3 repositories of one registry: {seconds:.2f} s, {moved / 1e6:.3f} MB sent of 60 (records alone)"
    )


def limited(rig: Ecr, place: Path) -> None:
    """Into a registry that takes 100 MB/s."""
    environ = rig.environ() | {"BYOC_CACHE_DIR": str(place / "cache")}
    with registry(fresh(place / "source")) as source:
        size = filled(place, source, LIMITED)
        rig.client("ecr").create_repository(repositoryName="bench")
        rig.faults.slow(RATE)
        command = [*BYOC, "replicate", f"{source}/bench:1", "--to", f"{rig.host()}/bench"]
        seconds, rest = timed(command, environ), timed(command, environ)
        rig.faults.slow(None)
    part = size / (seconds - rest) / RATE
    print(f"through {RATE / 1e6:.0f} MB/s: {part:.2f} of it (goal: 0.9); {rest:.2f} s where all is there")


def relay(place: Path) -> None:
    """From registry to registry, by us and by skopeo."""
    install({"skopeo": "skopeo"})
    with contextlib.ExitStack() as stack:
        source, target = (
            stack.enter_context(registry(fresh(place / name))) for name in ("relay-source", "relay-target")
        )
        filled(place, source, RELAYED)
        plain = ["--src-tls-verify=false", "--dest-tls-verify=false", "--insecure-policy"]
        theirs = ["skopeo", "copy", *plain[:2], f"docker://{source}/bench:1", f"docker://{target}/bench:1"]
        theirs.insert(1, plain[2])
        ours = [*BYOC, "copy", f"{source}/bench:1", f"{target}/bench:1"]

        def measured(command: list[str]) -> float:
            shutil.rmtree(place / "relay-target" / "data", ignore_errors=True)
            return timed(command, {})

        pairs = [(measured(theirs), measured(ours)) for _ in range(RUNS)]
    one, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"registry to registry: skopeo {one:.2f} s, byoc copy {other:.2f} s: {one / other:.2f} (goal: 0.95)"
    )


def fresh(place: Path) -> Path:
    """An empty folder."""
    place.mkdir(parents=True)
    return place


def filled(place: Path, host: str, sizes: tuple[int, ...]) -> int:
    """An image with layers of *sizes* MB as bench:1 in the registry *host*; its bytes."""
    layers = [FileLayer.made(place / f"{host.replace(':', '-')}-{at}", size) for at, size in enumerate(sizes)]
    with open_sink(parse_location(f"{host}/bench:1")) as sink:
        sink.write(image_of(layers), tag=True)
    return sum(layer.descriptor.size for layer in layers)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A place that is gone afterwards."""
    place = Path(tempfile.mkdtemp(prefix="byoc-bench-"))
    try:
        yield place
    finally:
        shutil.rmtree(place)


def main(names: list[str]) -> None:
    """All of them, or those that are named."""
    with folder() as place, ecr() as rig:
        every: Mapping[str, Callable[[], None]] = {
            "again": lambda: again(rig, place),
            "within": lambda: within(rig, place),
            "limited": lambda: limited(rig, place),
            "relay": lambda: relay(place),
        }
        for name in names or every:
            rig.reset()
            every[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
