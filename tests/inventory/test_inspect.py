"""``byoc inspect``: sources, what is kept, what is shared, and what cannot be read."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.images.referrers import Artifact, put_artifact
from byoc_kit.images.registry_source import connect, open_registry
from byoc_kit.images.sink import open_sink
from byoc_kit.inventory import Inventory
from byoc_kit.inventory.document import from_json, to_json
from byoc_kit.inventory.index import PackedIndex
from byoc_kit.inventory.packing import pack_inventory
from byoc_kit.oci.config import Platform
from byoc_kit.oci.digest import measure, verified
from byoc_kit.oci.image import Image
from byoc_kit.oci.manifest import DOCKER_LAYER, Descriptor
from byoc_kit.oci.reference import Docker, Named, parse_location
from byoc_kit.store import Store
from byoc_kit.talk import Silence
from byoc_kit.work.beside import KIND, find_beside, put_beside
from byoc_kit.work.inspect import inspect, inspect_image, read_image_files
from inventory.made import MadeLayer, image, tar, text
from inventory.test_read import DEBIAN, distribution
from rig.projects import Command

SITE = "usr/local/lib/python3.11/dist-packages"
TOP = [
    *distribution(SITE, "idna", "3.7", RECORD="idna/__init__.py,,\n"),
    text(f"{SITE}/idna/__init__.py", "1"),
]


class Counting:
    """A layer that counts how often it is read."""

    def __init__(self, layer: MadeLayer, reads: list[str], seconds: float) -> None:
        self._layer, self._reads, self._seconds = layer, reads, seconds
        self.descriptor, self.diff_id = layer.descriptor, layer.diff_id

    def read(self, start: int = 0) -> Iterator[bytes]:
        self._reads.append(self.descriptor.digest)
        time.sleep(self._seconds)
        return self._layer.read(start)


class Notes(Silence):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.progressed: list[tuple[int, int | None]] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def note(self, text: str) -> None:
        self.said.append(text)

    def progress(self, task: str, done: int, total: int | None) -> None:
        self.progressed.append((done, total))


def counted(made: Image, reads: list[str], seconds: float = 0) -> Image:
    layers = [Counting(layer, reads, seconds) for layer in made.layers if isinstance(layer, MadeLayer)]
    return replace(made, layers=tuple(layers))


@pytest.fixture
def made() -> Image:
    return image([tar(DEBIAN), tar(TOP)], Cmd=["train"])


def test_layers_are_read_once(made: Image, tmp_path: Path) -> None:
    reads: list[str] = []
    talk = Notes()
    first = read_image_files(counted(made, reads), store=Store(tmp_path), talk=talk)
    assert sorted(reads) == sorted(layer.descriptor.digest for layer in made.layers)
    assert talk.progressed[-1] == (made.manifest.size - made.manifest.config.size,) * 2
    again = read_image_files(counted(made, reads), store=Store(tmp_path), talk=talk)
    assert len(reads) == 2
    assert again.inventory == first.inventory
    assert dict(again.index.walk()) == dict(first.index.walk())


def test_two_at_once_read_once(made: Image, tmp_path: Path) -> None:
    reads: list[str] = []
    slow = counted(made, reads, seconds=0.05)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(read_image_files, slow, store=Store(tmp_path), talk=Silence()) for _ in range(2)]
    assert jobs[0].result().inventory == jobs[1].result().inventory
    assert len(reads) == 2, "each layer once"


def test_a_new_base_shares_the_layers_it_has_in_common(made: Image, tmp_path: Path) -> None:
    reads: list[str] = []
    read_image_files(counted(made, reads), store=Store(tmp_path), talk=Silence())
    newer = image([tar(DEBIAN), tar([*TOP, text("more", "1")])])
    read_image_files(counted(newer, reads), store=Store(tmp_path), talk=Silence())
    assert reads[2:] == [newer.layers[1].descriptor.digest]


@pytest.mark.parametrize("damage", [b"", b"rubbish", None], ids=["empty", "rubbish", "one-byte"])
def test_damage_is_noticed_and_mended(made: Image, tmp_path: Path, damage: bytes | None) -> None:
    first = read_image_files(made, store=Store(tmp_path), talk=Silence())
    for path in tmp_path.glob("inventory/sha256/*/*"):
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if damage is None else damage)
    talk, reads = Notes(), list[str]()
    again = read_image_files(counted(made, reads), store=Store(tmp_path), talk=talk)
    assert again.inventory == first.inventory
    assert len(reads) == 2
    assert any("damaged" in line for line in talk.said)
    read_image_files(counted(made, reads), store=Store(tmp_path), talk=talk)
    assert len(reads) == 2, "what was mended is kept"


def test_damaged_keys_are_as_if_nothing_was_kept(made: Image, tmp_path: Path) -> None:
    read_image_files(made, store=Store(tmp_path), talk=Silence())
    for number, path in enumerate(sorted(tmp_path.glob("inventory/*/*.json"))):
        path.write_text(["{", "[]", '{"digest": "sha256:../../x"}'][number % 3])
    reads: list[str] = []
    read_image_files(counted(made, reads), store=Store(tmp_path), talk=Silence())
    assert len(reads) == 2


def test_a_disk_that_cannot_be_written_costs_time_only(made: Image, tmp_path: Path) -> None:
    (tmp_path / "inventory").write_text("a file where the folder should be")
    found = read_image_files(made, store=Store(tmp_path), talk=Silence())
    assert found.inventory.os_id == "debian"


def broken(made: Image, blob: bytes, *, honest: bool) -> Image:
    """*made* with *blob* as its upper layer, which its digest names, or not."""

    class Layer(MadeLayer):
        def read(self, start: int = 0) -> Iterator[bytes]:
            return verified([blob], self.descriptor.digest, where="the layer")

    digest, size = measure([blob if honest else b"something else"])
    layer = Layer(blob, Descriptor(DOCKER_LAYER, digest, size), made.layers[1].diff_id)
    return replace(made, layers=(made.layers[0], layer))


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (b"\x28\xb5\x2f\xfd" + bytes(600), "zstd"),
        (b"\x1f\x8b" + bytes(600), "gzip"),
        (b"<html>" + b"x" * 600, "no tar at all"),
        (tar([text("../x", "1")]), "leaves the root"),
    ],
)
def test_what_is_no_layer_is_told(made: Image, tmp_path: Path, blob: bytes, why: str) -> None:
    with pytest.raises(ByocError, match=why) as caught:
        read_image_files(broken(made, blob, honest=True), store=Store(tmp_path), talk=Silence())
    assert caught.value.id == "BYOC-E550"
    with pytest.raises(ByocError) as caught:
        read_image_files(broken(made, blob, honest=False), store=Store(tmp_path), talk=Silence())
    assert caught.value.id == "BYOC-E504", "wrong bytes are told as such, not as a strange layer"


def test_an_error_in_one_layer_ends_the_reading_of_the_others(made: Image, tmp_path: Path) -> None:
    class Endless(MadeLayer):
        def read(self, start: int = 0) -> Iterator[bytes]:
            yield tar([text("a", "1")])[:1024]
            while True:
                time.sleep(0.01)
                yield bytes(512)

    bad = broken(made, b"<html>" + b"x" * 600, honest=True)
    first = made.layers[0]
    endless = Endless(b"", first.descriptor, first.diff_id)
    both = replace(bad, layers=(bad.layers[1], endless))
    with pytest.raises(ByocError, match="no tar at all"):
        read_image_files(both, store=Store(tmp_path), talk=Silence())


def test_a_layout(made: Image, tmp_path: Path, byoc: Command) -> None:
    location = parse_location(f"oci:{tmp_path / 'layout'}")
    with open_sink(location, environ={"BYOC_CACHE_DIR": str(tmp_path / "c")}) as sink:
        reference = sink.write(made, tag=True)
    found = inspect_image(location, store=Store(tmp_path / "cache")).inventory
    assert (found.reference, found.digest, found.image_id) == (
        reference,
        made.manifest.digest,
        made.manifest.config.digest,
    )
    with pytest.raises(ByocError) as caught:
        inspect_image(location, platform=Platform("linux", "arm64"), store=Store(tmp_path / "cache"))
    assert caught.value.id == "BYOC-E508"

    document = json.loads(byoc("inspect", str(location), "--json", cwd=tmp_path).stdout)
    assert document == to_json(found)
    assert to_json(from_json(document)) == document
    shown = byoc("inspect", str(location), cwd=tmp_path).stdout
    for words in (
        ["debian 12, glibc 2.36"],
        ["/usr/bin/python3 *", "3.11.2"],
        ["idna", "3.7"],
        ["RUN step 1"],
    ):
        assert any(all(word in line for word in words) for line in shown.splitlines()), words
    listed = byoc("inspect", str(location), "--files", "/lib/python3", cwd=tmp_path).stdout
    assert listed.splitlines() == ["  0  dir      0755 0:0            0  /usr/lib/python3/dist-packages"]
    as_json = byoc("inspect", str(location), "--files", SITE, "--json", cwd=tmp_path).stdout
    assert json.loads(as_json)["files"][0]["path"] == f"/{SITE}/idna"


def test_what_cannot_be_asked(tmp_path: Path, byoc: Command) -> None:
    with pytest.raises(UsageError, match="is no platform"):
        inspect("registry.example/x", platform="amd64")
    location = parse_location(f"oci:{tmp_path}")
    with pytest.raises(UsageError) as caught:
        put_beside(location, *_found(tmp_path), {})
    assert caught.value.id == "BYOC-E552"
    answer = byoc("inspect", f"oci:{tmp_path}/nothing", cwd=tmp_path, check=False)
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr


def _found(tmp_path: Path) -> tuple[Inventory, PackedIndex]:
    """Of another image than *made*."""
    found = read_image_files(image([tar(DEBIAN)]), store=Store(tmp_path / "c"), talk=Silence())
    return found.inventory, found.index


def test_shared_beside_the_image(made: Image, tmp_path: Path, registry: str, byoc: Command) -> None:
    location = parse_location(f"{registry}/byoc-test-inventory:shared")
    with open_sink(location, environ={"BYOC_CACHE_DIR": str(tmp_path / "c")}) as sink:
        sink.write(made, tag=True)
    first = byoc(
        "inspect",
        str(location),
        "--share",
        "--json",
        cwd=tmp_path,
        env={"BYOC_CACHE_DIR": str(tmp_path / "a")},
    )
    assert "kept beside the image as sha256:" in first.stderr
    second = byoc(
        "inspect", str(location), "--json", cwd=tmp_path, env={"BYOC_CACHE_DIR": str(tmp_path / "b")}
    )
    assert "found beside it" in second.stderr
    assert json.loads(second.stdout) == json.loads(first.stdout)
    assert not list(tmp_path.glob("b/layers")), "no layer was read"
    kept = [line for line in first.stderr.splitlines() if "kept beside" in line]
    again = byoc(
        "inspect", str(location), "--share", cwd=tmp_path, env={"BYOC_CACHE_DIR": str(tmp_path / "b")}
    )
    assert kept[0] in again.stderr, "the same for everybody"


def test_what_is_beside_another_image_is_not_believed(made: Image, tmp_path: Path, registry: str) -> None:
    location = parse_location(f"{registry}/byoc-test-inventory-wrong:1")
    assert isinstance(location, Named)
    with open_sink(location, environ={"BYOC_CACHE_DIR": str(tmp_path / "c")}) as sink:
        sink.write(made, tag=True)
    session = connect(location.repository, {}, lambda host: None, actions="pull,push")
    subject = Descriptor(made.manifest.media_type, made.manifest.digest, len(made.manifest.raw))
    for content in (pack_inventory(*_found(tmp_path)), b"rubbish"):
        put_artifact(session, subject, Artifact(kind=KIND, content=content))
    there = open_registry(location, Platform(), session)
    assert find_beside(there, Silence()) is None
    session.close()


@pytest.mark.engine
def test_the_engines_image_is_saved_once(base: str, tmp_path: Path) -> None:
    talk = Notes()
    own = {**os.environ, "BYOC_CACHE_DIR": str(tmp_path)}
    first = inspect_image(Docker(base), environ=own, talk=talk)
    assert talk.progressed
    talk.progressed.clear()
    again = inspect_image(Docker(base), environ=own, talk=talk)
    assert again.inventory == first.inventory
    assert not talk.progressed
