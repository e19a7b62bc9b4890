"""Making a layer from wheels: against the work that nobody can avoid, and against zip to tar to zlib.

Unavoidable is to inflate every member once, and SHA-256 of the tar (the diff_id) and of the layer (its
digest). Goals: at most 1.5 times that where most bytes are in large files, 1.8 times else, and at least 8
times faster than recompressing with zlib level 6; under 300 MB of memory. All sides run in turn; medians
count. Wheels come from the index of pip's configuration and are kept in the user's cache.

Run: ``python benchmarks/layer.py``. Needs no engine; two minutes.
"""

import hashlib
import io
import json
import os
import statistics
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from isal import isal_zlib

from byoc_kit.engines.layer.build import build_layers
from byoc_kit.engines.layer.made import MadeLayer
from byoc_kit.engines.layer.materials import Materials
from byoc_kit.inventory import Inventory, Python, Scheme
from byoc_kit.inventory.layer import read_layer
from byoc_kit.inventory.merge import merge
from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.plan.types import Base, EngineChoice, Options, Plan
from byoc_kit.spec.lock import Lock, LockedBase, LockedWheel
from byoc_kit.store import Store, user_store
from byoc_kit.talk import Silence

SETS = {
    "large members": (("pyarrow", "polars-runtime-32"), 1.5),
    "many files": (("numpy", "scipy", "pandas", "scikit-learn"), 1.8),
}
"""What is installed, and how many times the unavoidable work it may take."""
FASTER = 8.0  # times, than zip to tar to zlib
PIECE = 1 << 20  # bytes
MEMORY = 300.0  # MB at most
ROUNDS = 5

SITE = PurePosixPath("/opt/venv/lib/python3.11/site-packages")
ROOT = SITE.parents[2]
SCHEME = Scheme(purelib=SITE, platlib=SITE, scripts=ROOT / "bin", data=ROOT, headers=ROOT / "include")
PYTHON = Python(
    executable="/opt/venv/bin/python3",
    version=(3, 11, 2),
    abi="cp311",
    prefix=str(ROOT),
    paths=(str(SITE),),
    scheme=SCHEME,
    kind="venv",
    default=True,
)


def fetch(names: Iterable[str]) -> list[Path]:
    """Wheels of *names* for this Python, from the cache or the index."""
    folder = user_store().root / "benchmarks" / f"{sys.version_info.major}{sys.version_info.minor}"
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name in names:
        pattern = f"{name.replace('-', '_')}-*.whl"
        if not list(folder.glob(pattern)):
            options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
            subprocess.run([sys.executable, "-m", "pip", "download", *options, name], check=True)
        found.append(max(folder.glob(pattern)))
    return found


def members(wheels: Iterable[Path]) -> Iterator[tuple[bytes, zipfile.ZipInfo]]:
    """Each member as the wheel holds it."""
    for path in wheels:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            for info in archive.infolist():
                file.seek(info.header_offset + 26)
                name, extra = struct.unpack("<HH", file.read(4))
                file.seek(name + extra, os.SEEK_CUR)
                yield file.read(info.compress_size), info


def unavoidable(wheels: Iterable[Path]) -> None:
    """Inflate once, with the fastest library and in pieces that fit its caches; hash both sides."""
    tar, layer = hashlib.sha256(), hashlib.sha256()
    for raw, info in members(wheels):
        layer.update(raw)
        if info.compress_type != zipfile.ZIP_DEFLATED:
            tar.update(raw)
        elif info.file_size < PIECE:
            tar.update(isal_zlib.decompress(raw, wbits=-15, bufsize=max(info.file_size, 1)))
        else:
            state = isal_zlib.decompressobj(wbits=-15)
            for start in range(0, len(raw), PIECE // 4):
                left = raw[start : start + PIECE // 4]
                while left:
                    tar.update(state.decompress(left, PIECE))
                    left = state.unconsumed_tail


def recompressed(wheels: Iterable[Path]) -> None:
    """Zip to tar to zlib level 6, as Docker does it, with both digests."""
    digests = hashlib.sha256(), hashlib.sha256()

    class Sink(io.RawIOBase):
        def __init__(self, out: io.BufferedWriter) -> None:
            self.deflate, self.out = zlib.compressobj(6, wbits=31), out

        def write(self, data: bytes) -> int:  # type: ignore[override]
            digests[0].update(data)
            self.keep(self.deflate.compress(data))
            return len(data)

        def keep(self, data: bytes) -> None:
            digests[1].update(data)
            self.out.write(data)

    with tempfile.TemporaryFile() as out:
        sink = Sink(out)  # type: ignore[arg-type]
        with tarfile.open(fileobj=sink, mode="w|", bufsize=1 << 18) as tar:
            for path in wheels:
                with zipfile.ZipFile(path) as archive:
                    for info in archive.infolist():
                        entry = tarfile.TarInfo(f"{SITE}/{info.filename}".lstrip("/"))
                        entry.size = info.file_size
                        with archive.open(info) as stream:
                            tar.addfile(entry, stream)
        sink.keep(sink.deflate.flush())


def layers(wheels: Iterable[Path], store: Store) -> tuple[MadeLayer, ...]:
    """What ``byoc build`` makes of the wheels, for an empty base."""
    locked = [(path, hashlib.sha256(path.name.encode()).hexdigest()) for path in wheels]
    base = LockedBase(
        reference="empty",
        digest=None,
        image_id=None,
        platform=Platform(),
        python="3.11",
        executable=PYTHON.executable,
        libc="glibc 2.36",
    )
    lock = Lock(
        base=base,
        requirements=(),
        wheels=tuple(
            LockedWheel(name=path.name.split("-")[0], version="0", filename=path.name, sha256=sha256)
            for path, sha256 in locked
        ),
    )
    inventory = Inventory(
        reference="empty",
        image_id=None,
        digest=None,
        platform=Platform(),
        config=ImageConfig(),
        python=None,
        pythons=(PYTHON,),
        distributions=(),
    )
    plan = Plan(
        name="bench",
        style="basic",
        server=None,
        python=PYTHON.executable,
        base=Base(reference="empty", digest=None, image_id=None, platform=Platform()),
        manager=None,
        engine=EngineChoice(name="layer", why="benchmark"),
        options=Options(),
        steps=(),
    )
    materials = Materials(
        inventory=inventory,
        index=merge([read_layer([bytes(1024)])]).index,
        wheels={path.name: path for path in wheels},
        contents=lambda content: str(content).encode(),
    )
    return build_layers(plan, lock, materials, store=store, talk=Silence())


def once(wheels: list[Path]) -> float:
    """Seconds to make the layers with an empty store."""
    with tempfile.TemporaryDirectory() as folder:
        return seconds(lambda: layers(wheels, Store(Path(folder))))


def again(wheels: list[Path]) -> float:
    """Seconds the second time."""
    with tempfile.TemporaryDirectory() as folder:
        layers(wheels, Store(Path(folder)))
        return seconds(lambda: layers(wheels, Store(Path(folder))))


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def peak(wheels: list[Path]) -> float:
    """MB of memory that a process of its own takes at most."""
    script = "import layer, sys; from pathlib import Path; layer.once([*map(Path, sys.argv[1:])])"
    told = "; print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-c", script + told, *map(str, wheels)]
    return int(subprocess.run(command, env=environ, check=True, capture_output=True).stdout) / 1024


def measure(wheels: list[Path]) -> dict[str, float]:
    """Medians of seconds, the sides in turn."""
    taken: dict[str, list[float]] = {}
    for number in range(ROUNDS):
        taken.setdefault("unavoidable", []).append(seconds(lambda: unavoidable(wheels)))
        taken.setdefault("layer", []).append(once(wheels))
        taken.setdefault("again", []).append(again(wheels))
        if number < 2:  # it takes as long as all others together
            taken.setdefault("zlib", []).append(seconds(lambda: recompressed(wheels)))
    return {name: statistics.median(each) for name, each in taken.items()}


def main() -> int:
    """Print one line per set; 1 where a goal is missed."""
    missed = False
    for name, (wanted, goal) in SETS.items():
        wheels = fetch(wanted)
        found = measure(wheels)
        ratio, faster = found["layer"] / found["unavoidable"], found["zlib"] / found["layer"]
        memory = peak(wheels)
        missed |= ratio > goal or faster < FASTER or memory > MEMORY
        print(f"{name}: {json.dumps({key: round(value, 3) for key, value in found.items()})} s")
        print(f"  {ratio:.2f} times the unavoidable work (goal: at most {goal})")
        print(f"  {faster:.1f} times faster than zlib level 6 (goal: at least {FASTER:.0f})")
        print(f"  {memory:.0f} MB of memory at most (goal: {MEMORY:.0f})")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
