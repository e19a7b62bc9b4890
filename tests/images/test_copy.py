"""From any place to any other: the same image arrives, only what is missing moves, and who it was is said."""

import gzip
import json
import os
import tarfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import docker
import pytest

from byoc_kit.errors import ByocError
from byoc_kit.images.archive import archive_chunks
from byoc_kit.images.daemon_sink import DaemonSink
from byoc_kit.images.sink import open_sink
from byoc_kit.images.source import open_image
from byoc_kit.oci.config import Platform
from byoc_kit.oci.image import Image
from byoc_kit.oci.manifest import DOCKER_LAYER
from byoc_kit.oci.reference import Docker, parse_location
from byoc_kit.talk import Silence
from rig.images import MemoryLayer, image_of, made_image, noise, tar_of
from rig.lying import lying

FILES = (
    {"bin/hello": b"#!/bin/sh\n", "data/noise": noise(3 << 20)},
    {"etc/second": b"2"},
    {"opt/third": b"3"},
)


@pytest.fixture
def environ(request: pytest.FixtureRequest, tmp_path: Path) -> Mapping[str, str]:
    """Nothing of this machine's but its engine, where the test uses one."""
    own = {"BYOC_CACHE_DIR": str(tmp_path / "cache"), "DOCKER_CONFIG": "/nowhere", "HOME": str(tmp_path)}
    if "engine" not in request.fixturenames:
        return own
    request.getfixturevalue("engine")
    return own | {"DOCKER_HOST": os.environ["DOCKER_HOST"]}


@pytest.fixture(params=["registry", "lying", "oci"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A location that holds nothing yet, for this test alone."""
    if request.param == "registry":
        name = "".join(each if each.isalnum() else "-" for each in request.node.name.lower()).strip("-")
        yield f"{request.getfixturevalue('registry')}/copy/{name}:1"
    elif request.param == "lying":
        with lying() as honest:
            yield f"{honest.host}/copy/it:1"
    else:
        yield f"{request.param}:{tmp_path / 'place'}"


@pytest.fixture(params=["archive", "docker"])
def other(request: pytest.FixtureRequest, tmp_path: Path, engine: docker.DockerClient) -> Iterator[str]:
    """A place that keeps an image in a form of its own, so that it has another manifest."""
    if request.param == "archive":
        yield f"archive:{tmp_path / 'folder' / 'it.tar'}"
        return
    name = f"byoc-test-copy-{uuid.uuid4().hex[:12]}"
    yield f"docker:{name}"
    for image in engine.images.list(name):
        engine.images.remove(str(image.id), force=True)


def write(image: Image, where: str, environ: Mapping[str, str], *, tag: bool = True) -> str:
    with open_sink(parse_location(where), environ=environ) as sink:
        return sink.write(image, tag=tag)


def same(found: Image, image: Image) -> None:
    assert found.manifest == image.manifest
    assert found.raw_config == image.raw_config
    assert found.config == image.config
    for one, other in zip(found.layers, image.layers, strict=True):
        assert (one.descriptor, one.diff_id) == (other.descriptor, other.diff_id)
        assert b"".join(one.read()) == b"".join(other.read())
        assert b"".join(one.read(7)) == b"".join(other.read())[7:]


def test_what_is_written_is_read_by_name_and_by_digest(place: str, environ: Mapping[str, str]) -> None:
    image = made_image(*FILES)
    exact = write(image, place, environ)
    assert exact.endswith(f"@{image.manifest.digest}")
    for name in (place, exact):
        with open_image(parse_location(name), environ=environ) as found:
            same(found, image)
            assert found.reference == exact


def contents(image: Image) -> list[bytes]:
    """The tar of each layer."""
    raw = [b"".join(layer.read()) for layer in image.layers]
    return [gzip.decompress(each) if each.startswith(b"\x1f\x8b") else each for each in raw]


def test_another_form_holds_the_same_image(other: str, environ: Mapping[str, str]) -> None:
    image = made_image(*FILES, {"unique": uuid.uuid4().bytes})
    exact = write(image, other, environ)
    assert exact in {other, f"docker:{image.manifest.config.digest}"}
    for name in (other, exact):
        with open_image(parse_location(name), environ=environ) as found:
            assert found.raw_config == image.raw_config
            assert contents(found) == contents(image)
            assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in image.layers]
            assert b"".join(found.layers[0].read(99)) == b"".join(found.layers[0].read())[99:]


def test_plain_layers_are_compressed_once_and_always_the_same(
    tmp_path: Path, registry: str, environ: Mapping[str, str]
) -> None:
    image = made_image(*FILES, plain=True)
    one = write(image, f"{registry}/copy/plain:1", environ)
    reads = [layer.reads.copy() for layer in image.layers if isinstance(layer, MemoryLayer)]
    two = write(image, f"oci:{tmp_path}/it", environ)
    assert [layer.reads for layer in image.layers if isinstance(layer, MemoryLayer)] == reads
    three = write(image, f"oci:{tmp_path}/it", {**environ, "BYOC_CACHE_DIR": str(tmp_path / "other")})
    assert one.rpartition("@")[2] == two.rpartition("@")[2] == three.rpartition("@")[2]
    with open_image(parse_location(one), environ=environ) as found:
        assert contents(found) == contents(image)
        assert {layer.descriptor.media_type for layer in found.layers} == {DOCKER_LAYER}


@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_bytes(b"damaged")], ids=["gone", "bad"]
)
def test_a_compressed_layer_that_the_cache_lost_is_made_again(
    tmp_path: Path, environ: Mapping[str, str], damage: Callable[[Path], object]
) -> None:
    image = made_image(*FILES, plain=True)
    one = write(image, f"oci:{tmp_path}/one", environ)
    blobs = [path for path in (tmp_path / "cache/layers/sha256").rglob("*") if path.is_file()]
    assert len(blobs) == len(FILES)
    for path in blobs:
        damage(path)
    two = write(image, f"oci:{tmp_path}/two", environ)
    assert one.rpartition("@")[2] == two.rpartition("@")[2]
    with open_image(parse_location(two), environ=environ) as found:
        assert contents(found) == contents(image)


def test_into_an_engine_that_has_the_base_only_new_layers_travel(
    engine: docker.DockerClient, environ: Mapping[str, str]
) -> None:
    name = f"docker:byoc-test-delta-{uuid.uuid4().hex[:12]}"
    below = [MemoryLayer.of(tar_of({**each, "unique": uuid.uuid4().bytes})) for each in FILES]
    top = MemoryLayer.of(tar_of({"top": b"new", "unique": uuid.uuid4().bytes}))
    ids = [write(image_of(below), f"{name}:base", environ)]
    try:
        reads = [layer.reads.copy() for layer in below]
        with open_sink(parse_location(name), environ=environ) as sink:
            assert sink.missing([*below, top]) == (top,)
            ids.append(sink.write(image_of([*below, top]), tag=True))
        assert [layer.reads for layer in below] == reads
        container = engine.containers.create(ids[1].removeprefix("docker:"))
        try:
            archive = b"".join(container.get_archive("/top")[0])
            assert (container.get_archive("/data/noise")[1] or {})["size"] == len(FILES[0]["data/noise"])
        finally:
            container.remove()
        assert b"new" in archive
    finally:
        for each in ids:
            engine.images.remove(each.removeprefix("docker:"), force=True)


def test_an_engine_that_wants_all_layers_after_all_gets_them(
    engine: docker.DockerClient, environ: Mapping[str, str]
) -> None:
    class Hopeful(DaemonSink):
        """Believes that the engine has what it does not have."""

        def _chains(self) -> Iterator[Sequence[str]]:
            yield [layer.diff_id for layer in image.layers]

    image = image_of([MemoryLayer.of(tar_of({**each, "unique": uuid.uuid4().bytes})) for each in FILES])
    name = f"byoc-test-hope-{uuid.uuid4().hex[:12]}"
    hopeful = Hopeful(Docker(name), engine, Silence())
    assert hopeful.missing(image.layers) == ()
    try:
        hopeful.write(image, tag=True)
        with open_image(parse_location(f"docker:{name}"), environ=environ) as found:
            assert contents(found) == contents(image)
    finally:
        engine.images.remove(name, force=True)


def test_an_image_of_the_engine_is_saved_once_and_only_for_its_bytes(
    engine: docker.DockerClient, registry: str, environ: Mapping[str, str]
) -> None:
    name = f"docker:byoc-test-once-{uuid.uuid4().hex[:12]}"
    target = f"{registry}/copy/once:1"
    layer = MemoryLayer.of(tar_of({**FILES[1], "unique": uuid.uuid4().bytes}))
    exact = write(image_of([layer]), name, environ)
    try:
        told = [Told(), Told(), Told()]
        for each in told[:2]:
            with (
                open_image(parse_location(name), environ=environ, talk=each) as image,
                open_sink(parse_location(target), environ=environ, talk=each) as sink,
            ):
                sink.write(image, tag=True)
        assert [bool(each.tasks) for each in told] == [True, False, False]
        with open_image(parse_location(exact), environ=environ, talk=told[2]) as image:
            assert told[2].tasks == []
            assert contents(image) == [gzip.decompress(layer.blob)]
        assert told[2].tasks
    finally:
        engine.images.remove(exact.removeprefix("docker:"), force=True)


class Told(Silence):
    """Remembers which transfers from the engine there were."""

    def __init__(self) -> None:
        self.tasks: list[str] = []

    def progress(self, task: str, done: int, total: int | None) -> None:
        if task.startswith("from the engine"):
            self.tasks.append(task)


def test_a_destination_is_not_guessed(environ: Mapping[str, str]) -> None:
    with pytest.raises(ByocError) as caught:
        write(made_image(FILES[1]), "churn:1", environ)
    assert caught.value.id == "BYOC-E530"


def test_what_docker_saves_is_read(
    engine: docker.DockerClient, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    layer = MemoryLayer.of(tar_of({**FILES[1], "unique": uuid.uuid4().bytes}))
    image = image_of([layer, layer, MemoryLayer.of(tar_of(FILES[2]))])
    name = f"byoc-test-save-{uuid.uuid4().hex[:12]}"
    write(image, f"docker:{name}", environ)
    saved = tmp_path / "saved.tar.gz"
    try:
        with gzip.open(saved, "wb", 1) as file:
            file.writelines(engine.images.get(name).save())
    finally:
        engine.images.remove(name, force=True)
    with open_image(parse_location(f"archive:{saved}"), environ=environ) as found:
        assert (found.raw_config, contents(found)) == (image.raw_config, contents(image))


def test_archives_of_newer_engines_name_their_blobs_by_digest(tmp_path: Path) -> None:
    plain, packed = MemoryLayer.of(tar_of(FILES[1]), plain=True), MemoryLayer.of(tar_of(FILES[2]))
    image = image_of([plain, packed])
    names = [f"blobs/sha256/{layer.descriptor.digest[7:]}" for layer in (plain, packed)]
    config = f"blobs/sha256/{image.manifest.config.digest[7:]}"
    entry = {"Config": config, "RepoTags": None, "Layers": names}
    files = {names[0]: plain.blob, names[1]: packed.blob, config: image.raw_config}
    path = tmp_path / "it.tar"
    path.write_bytes(tar_of({**files, "manifest.json": json.dumps([entry]).encode()}))
    with open_image(parse_location(f"archive:{path}")) as found:
        assert found.raw_config == image.raw_config
        assert [layer.descriptor for layer in found.layers] == [layer.descriptor for layer in image.layers]
        assert contents(found) == contents(image)
    path.write_bytes(path.read_bytes().replace(packed.blob, packed.blob[:-1] + b"x"))
    with open_image(parse_location(f"archive:{path}")) as found, pytest.raises(ByocError) as caught:
        contents(found)
    assert caught.value.id == "BYOC-E504"


def test_an_archive_that_is_none_is_said(tmp_path: Path) -> None:
    path = tmp_path / "it.tar"
    whole = b"".join(archive_chunks(made_image(FILES[1]), ()))
    two = tar_of({"manifest.json": json.dumps([{"RepoTags": ["a:1"]}, {"RepoTags": ["b:1"]}]).encode()})
    for content in (b"", b"text", whole[:2000], tar_of({"a": b""}), tar_of({"manifest.json": b"[{}]"}), two):
        path.write_bytes(content)
        with pytest.raises(ByocError) as caught, open_image(parse_location(f"archive:{path}")) as image:
            b"".join(image.layers[0].read())
        assert caught.value.id == "BYOC-E526", content[:80]
    with pytest.raises(ByocError), open_image(parse_location(f"archive:{tmp_path}/none")):
        pass


def test_only_what_is_missing_moves(place: str, environ: Mapping[str, str]) -> None:
    first = [MemoryLayer.of(tar_of(each)) for each in FILES]
    image = image_of(first)
    more = image_of([*first, MemoryLayer.of(tar_of({"new": b"new"}))])
    with open_sink(parse_location(place), environ=environ) as sink:
        before = sink.survey(image)
        assert [blob.digest for blob in before.upload] == [
            *(layer.descriptor.digest for layer in first),
            image.manifest.config.digest,
        ]
        sink.write(image, tag=True)
        after = sink.survey(image)
        assert (after.sent, len(after.reuse)) == (0, 4)
        assert sink.missing(image.layers) == ()
        reads = [len(layer.reads) for layer in first]
        sink.write(image, tag=True)
        sink.write(more, tag=True)
        assert [len(layer.reads) for layer in first] == reads
        assert sink.survey(more).sent == 0


def test_without_a_tag_the_name_keeps_its_meaning(place: str, environ: Mapping[str, str]) -> None:
    one, two = made_image(FILES[1]), made_image(FILES[2])
    write(one, place, environ)
    exact = write(two, place, environ, tag=False)
    with open_image(parse_location(place), environ=environ) as found:
        assert found.manifest.digest == one.manifest.digest
    with open_image(parse_location(exact), environ=environ) as found:
        assert found.manifest.digest == two.manifest.digest
    write(two, place, environ)
    with open_image(parse_location(place), environ=environ) as found:
        assert found.manifest.digest == two.manifest.digest


def test_a_layer_that_lies_about_itself_is_not_taken(place: str, environ: Mapping[str, str]) -> None:
    right, wrong = MemoryLayer.of(tar_of(FILES[1])), MemoryLayer.of(tar_of(FILES[2]))
    liar = MemoryLayer(right.descriptor, right.diff_id, right.blob[:-1] + b"x", [])
    with pytest.raises(ByocError):
        write(image_of([wrong, liar]), place, environ)
    with pytest.raises(ByocError), open_image(parse_location(place), environ=environ):
        pass


@pytest.mark.parametrize("where", ["oci:{}/folder", "archive:{}/folder/it.tar"])
def test_what_fails_leaves_no_rest(where: str, tmp_path: Path, environ: Mapping[str, str]) -> None:
    right = MemoryLayer.of(tar_of(FILES[1]))
    liar = MemoryLayer(right.descriptor, right.diff_id, right.blob[:-1] + b"x", [])
    with pytest.raises(ByocError):
        write(image_of([liar]), where.format(tmp_path), environ)
    assert [path for path in (tmp_path / "folder").rglob("*") if path.is_file()] == []


def test_the_same_layer_twice_moves_once(place: str, environ: Mapping[str, str]) -> None:
    layer = MemoryLayer.of(tar_of(FILES[0]))
    image = image_of([layer, layer])
    write(image, place, environ)
    assert layer.reads == [0]
    with open_image(parse_location(place), environ=environ) as found:
        assert len(found.layers) == 2


def test_an_archive_has_a_layer_that_occurs_twice_once(tmp_path: Path, environ: Mapping[str, str]) -> None:
    layer = MemoryLayer.of(tar_of(FILES[1]))
    write(image_of([layer, layer]), f"archive:{tmp_path}/it.tar", environ)
    with tarfile.open(tmp_path / "it.tar") as tar:
        assert len(tar.getnames()) == 3
    with open_image(parse_location(f"archive:{tmp_path}/it.tar"), environ=environ) as found:
        assert contents(found) == [tar_of(FILES[1])] * 2


def test_another_platform_is_said(tmp_path: Path, environ: Mapping[str, str]) -> None:
    place, arm = f"oci:{tmp_path}/many", Platform("linux", "arm64")
    write(made_image(FILES[1], platform=arm), place, environ)
    with pytest.raises(ByocError, match="no image for linux/amd64"), open_image(parse_location(place)):
        pass
    write(made_image(FILES[2]), place, environ)
    with open_image(parse_location(place), platform=arm) as found:
        assert found.config.platform == arm


def test_between_repositories_of_one_registry_layers_are_mounted(
    registry: str, environ: Mapping[str, str]
) -> None:
    image = made_image(*FILES)
    write(image, f"{registry}/mount/one:1", environ)
    with (
        open_image(parse_location(f"{registry}/mount/one:1"), environ=environ) as source,
        open_sink(parse_location(f"{registry}/mount/two:1"), environ=environ) as sink,
    ):
        told = sink.survey(source)
        assert len(told.mount) == 3
        assert told.sent == image.manifest.config.size
        sink.write(source, tag=True)
    with open_image(parse_location(f"{registry}/mount/two:1"), environ=environ) as found:
        same(found, image)


def test_a_layout_that_was_tampered_with_is_noticed(tmp_path: Path, environ: Mapping[str, str]) -> None:
    image = made_image(*FILES)
    write(image, f"oci:{tmp_path}/it", environ)
    blob = tmp_path / "it/blobs/sha256" / image.layers[0].descriptor.digest[7:]
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    with open_image(parse_location(f"oci:{tmp_path}/it")) as found, pytest.raises(ByocError) as caught:
        list(found.layers[0].read())
    assert caught.value.id == "BYOC-E504"


@pytest.mark.parametrize("text", ["", "{}", '{"manifests": 1}', '{"manifests": [{"digest": "x"}]}'])
def test_a_folder_that_is_no_layout_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(ByocError) as caught, open_image(parse_location(f"oci:{tmp_path}")):
        pass
    assert caught.value.id == "BYOC-E522"


def test_of_several_images_in_a_layout_none_is_guessed(tmp_path: Path, environ: Mapping[str, str]) -> None:
    place = f"oci:{tmp_path}/it"
    exact = [write(made_image(each), place, environ, tag=False) for each in FILES[1:]]
    with pytest.raises(ByocError) as caught, open_image(parse_location(place)):
        pass
    assert caught.value.id == "BYOC-E522"
    assert sorted(caught.value.details) == sorted(each.rpartition("@")[2] for each in exact)


def test_a_layout_is_as_the_specification_says(tmp_path: Path, environ: Mapping[str, str]) -> None:
    image = made_image(FILES[1])
    write(image, f"oci:{tmp_path}/it", environ)
    assert json.loads((tmp_path / "it/oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((tmp_path / "it/index.json").read_text())
    assert index["schemaVersion"] == 2
    assert index["manifests"][0]["digest"] == image.manifest.digest
    assert index["manifests"][0]["size"] == len(image.manifest.raw)
    assert sorted(path.name for path in (tmp_path / "it/blobs/sha256").iterdir()) == sorted(
        name[7:]
        for name in (image.manifest.digest, image.manifest.config.digest, image.layers[0].descriptor.digest)
    )
