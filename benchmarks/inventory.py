"""What an inventory costs, as a ratio to reading, verifying and inflating the layers once; goal: 1.3.

Run: ``python benchmarks/inventory.py [--gigabytes 2.5] [--files 100000] [--layers 8] [--runs 3]``. Both sides
read the same OCI layout, made of this machine's own files, and run in turn, each in a process of its own;
medians. Goals: 1.3 in CPU time, less than 300 MB of memory, and from the cache a time that does not grow
with the base.
"""

import argparse
import hashlib
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from isal import isal_zlib

PIECE = 1 << 20
CORPUS = 256 << 20  # bytes of real files, of which the layers' files are slices


def corpus() -> bytes:
    """Programs, libraries and sources as this machine has them."""
    pieces, size = [], 0
    for folder, _, names in os.walk(sys.base_prefix + "/lib"):
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                pieces.append(path.read_bytes()[:4_000_000])
                size += len(pieces[-1])
        if size > CORPUS:
            break
    return b"".join(pieces)


def entries(first: int, count: int, size: int, source: bytes) -> Iterator[bytes]:
    """A layer's tar: *count* files of *size* bytes on average, most of them small, as in site-packages."""
    dice = random.Random(first)
    scale = size / 8.5  # the mean of the weights below
    for number in range(first, first + count):
        folder = f"opt/venv/lib/python3.12/site-packages/package_{number // 60}/part_{number // 12}"
        info = tarfile.TarInfo(f"{folder}/module_{number}.py")
        info.size = min(int(scale * dice.choice((1, 1, 1, 1, 2, 2, 4, 8, 15, 50))), len(source) - 1)
        info.mtime = 1_700_000_000 + number % 977
        start = dice.randrange(len(source) - info.size)
        yield info.tobuf(tarfile.GNU_FORMAT) + source[start : start + info.size] + bytes(-info.size % 512)
    yield bytes(1024)


def layout(folder: Path, layers: int, files: int, size: int) -> None:
    """An image of *files* files and *size* bytes in *layers* layers."""
    source, descriptors, diff_ids = corpus(), [], []
    (folder / "blobs/sha256").mkdir(parents=True)
    for number in range(layers):
        packer, plain, packed = (
            isal_zlib.compressobj(2, isal_zlib.DEFLATED, 31),
            hashlib.sha256(),
            hashlib.sha256(),
        )
        with (folder / "new").open("wb") as file:
            for piece in entries(number * files, files // layers, size // files, source):
                plain.update(piece)
                out = packer.compress(piece)
                packed.update(out)
                file.write(out)
            out = packer.flush()
            packed.update(out)
            file.write(out)
        (folder / "new").rename(folder / "blobs/sha256" / packed.hexdigest())
        diff_ids.append(f"sha256:{plain.hexdigest()}")
        descriptors.append((packed.hexdigest(), "application/vnd.oci.image.layer.v1.tar+gzip"))
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    named = blob(folder, config, "application/vnd.oci.image.config.v1+json")
    manifest_type = "application/vnd.oci.image.manifest.v1+json"
    found = [described(folder, *each) for each in descriptors]
    manifest = {"schemaVersion": 2, "mediaType": manifest_type, "config": named, "layers": found}
    index = {"schemaVersion": 2, "manifests": [blob(folder, manifest, manifest_type)]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def blob(folder: Path, document: object, media_type: str) -> dict[str, object]:
    raw = json.dumps(document).encode()
    digest = hashlib.sha256(raw).hexdigest()
    (folder / "blobs/sha256" / digest).write_bytes(raw)
    return described(folder, digest, media_type)


def described(folder: Path, digest: str, media_type: str) -> dict[str, object]:
    size = (folder / "blobs/sha256" / digest).stat().st_size
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}


def floor(folder: Path) -> None:
    """What cannot be avoided: every layer read, verified and inflated, one after the other."""
    manifest = json.loads((folder / "index.json").read_text())["manifests"][0]["digest"]
    for layer in json.loads((folder / "blobs/sha256" / manifest[7:]).read_text())["layers"]:
        state, inflater = hashlib.sha256(), isal_zlib.decompressobj(31)
        with (folder / "blobs/sha256" / layer["digest"][7:]).open("rb") as file:
            while piece := file.read(PIECE):
                state.update(piece)
                inflater.decompress(piece)
        assert f"sha256:{state.hexdigest()}" == layer["digest"]


def inventory(folder: Path, cache: Path) -> None:
    """The whole of ``byoc inspect`` but its printing."""
    from byoc_kit.oci.reference import parse_location
    from byoc_kit.store import Store
    from byoc_kit.work.inspect import inspect_image

    inspect_image(parse_location(f"oci:{folder}"), store=Store(cache))


def measured(side: str, folder: Path, cache: Path) -> dict[str, float]:
    """Seconds, CPU seconds and peak megabytes of one side in a process of its own."""
    command = [sys.executable, __file__, "--side", side, str(folder), str(cache)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def run_side(side: str, folder: Path, cache: Path) -> None:
    import byoc_kit.work.inspect  # noqa: F401  both sides are measured without the time of imports

    start, cpu = time.perf_counter(), time.process_time()
    floor(folder) if side == "floor" else inventory(folder, cache)
    memory = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert memory
    seconds = {"wall": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    print(json.dumps({**seconds, "mb": int(memory[1]) / 1024}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.5)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--side", nargs=3, metavar=("SIDE", "LAYOUT", "CACHE"))
    wanted = parser.parse_args()
    if wanted.side:
        run_side(wanted.side[0], Path(wanted.side[1]), Path(wanted.side[2]))
        return
    with tempfile.TemporaryDirectory(prefix="byoc-bench-") as place:
        folder = Path(place, "layout")
        layout(folder, wanted.layers, wanted.files, int(wanted.gigabytes * 1e9))
        report(folder, Path(place), wanted.runs)


def report(folder: Path, place: Path, runs: int) -> None:
    taken: dict[str, list[dict[str, float]]] = {"floor": [], "cold": [], "warm": []}
    for number in range(runs):
        cache = place / f"cache-{number}"
        taken["floor"].append(measured("floor", folder, cache))
        taken["cold"].append(measured("inventory", folder, cache))
        taken["warm"].append(measured("inventory", folder, cache))
    sides = {
        side: {key: statistics.median(each[key] for each in found) for key in found[0]}
        for side, found in taken.items()
    }
    for side, found in sides.items():
        print(f"{side}: {found['wall']:.2f} s, {found['cpu']:.2f} s of CPU, {found['mb']:.0f} MB")
    for key in ("cpu", "wall"):
        print(f"cold to floor, {key}: {sides['cold'][key] / sides['floor'][key]:.2f} (goal: 1.3)")


if __name__ == "__main__":
    main()
