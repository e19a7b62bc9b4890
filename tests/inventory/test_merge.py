"""Layers one on another: what is seen must be what an engine mounts."""

import hashlib
import io
import json
import tarfile
import uuid
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import docker
import pytest

from byoc_kit.inventory.files import Node
from byoc_kit.inventory.index import PackedIndex
from byoc_kit.inventory.layer import LayerTree, read_layer
from byoc_kit.inventory.merge import merge
from byoc_kit.inventory.packing import LARGEST, PackingError, pack_layer, unpack_layer
from byoc_kit.oci.tar import TarError
from inventory.made import Entry, folder, link, tar, text

OPAQUE = ".wh..wh..opq"

LAYERS: Sequence[Sequence[Entry]] = (
    [
        folder("etc"),
        text("etc/kept", "1"),
        text("etc/replaced", "old"),
        text("etc/removed", "1"),
        folder("gone", 0o700),
        text("gone/below/deep", "1"),
        folder("opaque", 0o711, uid=5),
        text("opaque/old", "1"),
        text("opaque/sub/old", "1"),
        folder("becomes-file"),
        text("becomes-file/a", "1"),
        text("becomes-folder", "1"),
        folder("target"),
        text("target/a", "1"),
        link("points", "target"),
        folder("sticky", 0o1777),
        folder("moves", 0o755),
        text("moves/a", "1"),
        text("first", "same", mode=0o600),
        link("second", "first", tarfile.LNKTYPE),
        folder("link-in-layer"),
        text("link-in-layer/a", "1"),
        link("through", "link-in-layer"),
        text("through/b", "1"),
        link("/absolute", "/link-in-layer"),
        text("absolute/c", "1"),
    ],
    [
        text("etc/replaced", "newer"),
        text("etc/.wh.removed"),
        text(".wh.gone"),
        folder("opaque", 0o750, uid=6),
        text(f"opaque/{OPAQUE}"),
        text("opaque/new", "1"),
        text("becomes-file", "1"),
        folder("becomes-folder", 0o701),
        text("becomes-folder/a", "1"),
        text(".wh.missing"),
        text("sticky/child", "1"),
        text("moves/.wh.a"),
        text("moves/b", "1"),
        text(".wh.first"),
    ],
    [
        folder("gone", 0o755),
        text("gone/again", "1"),
        text("etc/removed", "back"),
        text("points", "a file now"),
        folder("opaque", 0o750, uid=6),
        text("opaque/later", "1"),
    ],
)


def seen(*layers: Sequence[Entry]) -> dict[str, object]:
    return {path: node.size if node.kind != "symlink" else node.link for path, node in built(*layers).walk()}


def built(*layers: Sequence[Entry]) -> PackedIndex:
    return merge(unpack_layer(pack_layer(read_layer([tar(each)]))) for each in layers).index


def at(index: PackedIndex, path: str) -> Node:
    node = index.get(path)
    assert node is not None, path
    return node


def test_above_hides_replaces_and_joins() -> None:
    assert seen(*LAYERS) == {
        "absolute": "/link-in-layer",
        "becomes-file": 1,
        "becomes-folder": 0,
        "becomes-folder/a": 1,
        "etc": 0,
        "etc/kept": 1,
        "etc/removed": 4,
        "etc/replaced": 5,
        "gone": 0,
        "gone/again": 1,
        "link-in-layer": 0,
        "link-in-layer/a": 1,
        "link-in-layer/b": 1,
        "link-in-layer/c": 1,
        "moves": 0,
        "moves/b": 1,
        "opaque": 0,
        "opaque/later": 1,
        "opaque/new": 1,
        "points": 10,
        "second": 4,
        "sticky": 0,
        "sticky/child": 1,
        "target": 0,
        "target/a": 1,
        "through": "link-in-layer",
    }


def test_each_path_knows_its_layer() -> None:
    index = built(*LAYERS)
    assert [at(index, path).layer for path in ("etc/kept", "etc/replaced", "etc/removed")] == [0, 1, 2]


def test_attributes_are_those_of_the_topmost_layer_that_describes_the_path() -> None:
    index = built(*LAYERS)
    opaque, sticky = at(index, "opaque"), at(index, "sticky")
    assert (opaque.kind, opaque.mode, opaque.uid, opaque.layer) == ("dir", 0o750, 6, 2)
    assert (sticky.mode, sticky.layer) == (0o1777, 0), "the layer above goes through it only"
    assert at(index, "second").kind == "hardlink"
    assert at(index, "second").link == "first"


def test_a_folder_and_its_whiteout_in_one_layer_make_it_opaque() -> None:
    below = [folder("a"), text("a/old", "1")]
    assert seen(below, [text(".wh.a"), folder("a"), text("a/new", "1")]) == {"a": 0, "a/new": 1}
    assert seen(below, [folder("a"), text("a/new", "1"), text(".wh.a")]) == {"a": 0, "a/new": 1}


def test_a_parent_that_is_a_link_below_becomes_a_folder() -> None:
    """Registry trap T1: engines follow links among the parents within the new layer only."""
    below = [folder("opt/lib"), text("opt/lib/a", "1"), link("opt/lib64", "lib")]
    assert seen(below, [text("opt/lib64/b", "1")]) == {
        "opt": 0,
        "opt/lib": 0,
        "opt/lib/a": 1,
        "opt/lib64": 0,
        "opt/lib64/b": 1,
    }


def test_what_comes_later_in_a_layer_replaces() -> None:
    assert seen([text("twice", "1"), text("twice", "22")]) == {"twice": 2}
    assert seen([folder("a/b"), text("a/b/c", "1"), text("a", "now a file")]) == {"a": 10}


def test_links_are_followed_inside_the_image() -> None:
    index = built(
        [
            folder("usr/lib/python3"),
            text("usr/lib/python3/x", "1"),
            link("lib", "usr/lib"),
            link("usr/lib/up", "../../lib/python3"),
            link("absolute", "/usr/lib/up"),
            link("outside", "../../../../usr/lib"),
            link("loop", "loop"),
            link("dangling", "nothing/here"),
        ]
    )
    assert index.resolve("absolute/x") == "usr/lib/python3/x"
    assert index.resolve("outside/python3") == "usr/lib/python3"
    assert index.resolve("dangling/more") == "nothing/here/more"
    assert index.resolve("") == ""
    with pytest.raises(ValueError, match="loop"):
        index.resolve("loop")


def test_a_loop_of_links_among_the_parents_is_refused() -> None:
    with pytest.raises(TarError, match="loop"):
        read_layer([tar([link("a", "b"), link("b", "a"), text("a/c", "1")])])


def test_children_and_walk() -> None:
    index = built([folder("."), text("b", "1"), folder("a"), text("a/c", "1")])
    assert sorted(index.children("")) == ["a", "b"]
    assert list(index.children("nothing")) == []
    assert [path for path, _ in index.walk("a")] == ["a/c"]
    assert at(index, "").mode == 0o755


def test_names_that_are_not_utf8_survive() -> None:
    raw = bytearray(tar([text("caf?", "1")], tarfile.USTAR_FORMAT))
    raw[:512] = raw[:512].replace(b"caf?", b"caf\xe9")
    index = merge([read_layer([bytes(raw)])]).index
    assert [path for path, _ in index.walk()] == ["caf\udce9"]


def test_texts_are_those_one_sees() -> None:
    def release(name: str) -> Entry:
        return text("etc/os-release", f"ID={name}\n")

    def texts(*layers: Sequence[Entry]) -> dict[str, bytes]:
        return dict(merge(read_layer([tar(each)]) for each in layers).texts)

    assert texts([release("old")], [release("new")]) == {"etc/os-release": b"ID=new\n"}
    assert texts([release("old")], [text("etc/.wh.os-release")]) == {}
    assert texts([release("old")], [folder("etc"), text(f"etc/{OPAQUE}")]) == {}
    assert texts([release("old")], [link("etc/os-release", "../usr/lib/os-release")]) == {}
    second_name = [text("etc/other", "1"), link("etc/os-release", "etc/other", tarfile.LNKTYPE)]
    assert texts([release("old")], second_name) == {}, "what is there now was not kept"


def test_a_second_name_keeps_the_text_when_the_first_goes() -> None:
    """As installers that link files out of their cache leave them, and a later layer removes the cache."""
    first = [
        text("root/.cache/x/a-1.dist-info/METADATA", "Name: a\n\nlong"),
        link("opt/a-1.dist-info/METADATA", "root/.cache/x/a-1.dist-info/METADATA", tarfile.LNKTYPE),
    ]
    merged = merge(read_layer([tar(each)]) for each in (first, [text("root/.wh..cache")]))
    assert merged.texts == {"opt/a-1.dist-info/METADATA": b"Name: a"}
    assert at(merged.index, "opt/a-1.dist-info/METADATA").size == 13


@pytest.mark.parametrize("damage", [b"", b"{}", b"no json\n", b'{"format": "other", "sizes": {}}\n'])
def test_what_was_not_packed_is_noticed(damage: bytes) -> None:
    with pytest.raises(PackingError):
        unpack_layer(damage)


def test_a_packed_layer_is_noticed_when_cut() -> None:
    packed = pack_layer(read_layer([tar(LAYERS[0])]))
    with pytest.raises(PackingError):
        unpack_layer(packed[:-20])
    assert isinstance(unpack_layer(packed), LayerTree)


def test_half_a_million_files_would_fit_into_forty_megabytes() -> None:
    names = (f"opt/venv/lib/python3.12/site-packages/package_{n // 60}/module_{n}.py" for n in range(20_000))
    tree = read_layer([tar([text(name) for name in names])])
    assert sum(map(len, tree.folders.values())) / 20_000 < 80
    assert len(pack_layer(tree)) / 20_000 < 20


def test_a_section_that_never_ends_is_refused() -> None:
    packed = pack_layer(read_layer([tar(LAYERS[0])]))
    line, _, _ = packed.partition(b"\n")
    bomb = zlib.compress(bytes(LARGEST + 1), 1)
    head = json.loads(line)
    head["sizes"] = {"hidden": len(bomb)}
    with pytest.raises(PackingError, match="too big"):
        unpack_layer(json.dumps(head).encode() + b"\n" + bomb)


@pytest.fixture
def loaded(engine: docker.DockerClient) -> Iterator[str]:
    """The layers above, with a program that does nothing, as an image of the engine."""
    name = f"byoc-test-merge-{uuid.uuid4().hex[:8]}:latest"
    engine.images.load(archive(name))
    yield name
    engine.images.remove(name, force=True)


def archive(name: str) -> bytes:
    """What ``docker save`` would have written."""
    tars = [tar(each) for each in LAYERS]
    diff_ids = [f"sha256:{_sha(each)}" for each in tars]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/nothing"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    manifest = [
        {"Config": "config.json", "RepoTags": [name], "Layers": [f"{n}.tar" for n in range(len(tars))]}
    ]
    files = {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    files |= {f"{number}.tar": each for number, each in enumerate(tars)}
    return tar([text(path, data) for path, data in files.items()])


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


ADDED_BY_THE_ENGINE = {
    "dev",
    "proc",
    "sys",
    ".dockerenv",
    "etc/hosts",
    "etc/hostname",
    "etc/resolv.conf",
    "etc/mtab",
}


def test_agrees_with_the_engine(engine: docker.DockerClient, loaded: str) -> None:
    container = engine.containers.create(loaded)
    try:
        pieces: Any = container.export()
        exported = b"".join(pieces)
    finally:
        container.remove()
    with tarfile.open(fileobj=io.BytesIO(exported)) as found:
        real = {each.name.rstrip("/"): each for each in found}
    shown = {path for path in real if path not in ADDED_BY_THE_ENGINE and not path.startswith("dev/")}
    index = built(*LAYERS)
    ours = dict(index.walk())
    assert shown == set(ours)
    for path in shown - {"sticky"}:  # gone through without a description: engines differ (T2)
        theirs, node = real[path], ours[path]
        assert (theirs.mode & 0o7777, theirs.uid) == (node.mode, node.uid), path
        assert theirs.isdir() == (node.kind == "dir"), path
        assert not theirs.isreg() or theirs.size == node.size, path
