"""The layers of a whole plan: how they are split, known again, and the same anywhere."""

import dataclasses
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from byoc_kit.engines.layer import build
from byoc_kit.engines.layer.build import build_layers
from byoc_kit.engines.layer.made import MadeLayer
from byoc_kit.engines.layer.materials import Materials
from byoc_kit.errors import ByocError
from byoc_kit.inventory import LayerFacts
from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.image import Layer
from byoc_kit.plan.types import (
    Base,
    Content,
    EngineChoice,
    FileEntry,
    FilesStep,
    Inline,
    Options,
    Plan,
    ProjectFile,
    Step,
)
from byoc_kit.spec.lock import LockedWheel
from byoc_kit.store import Store
from byoc_kit.talk import Silence
from layer.wheels import SITE, VENV, Made, file, folder, ground, installed, inventory, lock, tree_of

_: type[Layer] = MadeLayer

DEMO = Made(
    "demo", "1.0", {"demo/__init__.py": b"v = 1\n", "demo.pth": b"import demo\n"}, scripts="demo = demo:main"
)
KIT = Made("Kit", "2.0", {"kit/big.bin": bytes(range(256)) * 4096, "kit/__init__.py": b""})
OLD = installed("demo", "0.9", "demo/__init__.py", "demo/gone.py", "../../../bin/demo")


LAYER = LayerFacts(
    digest=None, diff_id=Digest(f"sha256:{'1' * 64}"), size=None, unpacked=0, files=0, created_by=""
)


def text(path: str, data: str, mode: int = 0o644) -> FileEntry:
    return FileEntry(dest=PurePosixPath(path), content=Inline(data), mode=mode)


def plan(*steps: Step) -> Plan:
    return Plan(
        name="demo",
        style="basic",
        server=None,
        python="/opt/venv/bin/python",
        base=Base(reference="base", digest=None, image_id=None, platform=Platform()),
        manager=None,
        engine=EngineChoice(name="layer", why="tests"),
        options=Options(),
        steps=steps,
    )


RUNTIME = FilesStep(
    layer="runtime", files=(text("/opt/byoc/entry.json", "{}"),), roots=(PurePosixPath("/opt/byoc"),)
)


def program(*files: FileEntry) -> FilesStep:
    return FilesStep(layer="program", files=files, roots=(PurePosixPath("/opt/program"),))


@dataclasses.dataclass(frozen=True)
class World:
    """A folder with wheels, a project and a store."""

    root: Path

    @property
    def store(self) -> Store:
        return Store(self.root / "store")

    def materials(self, *wheels: Made, old: bool = False) -> Materials:
        (self.root / "wheels").mkdir(exist_ok=True)
        entries = [*VENV, folder("opt/program"), folder("opt/program/__pycache__")]
        entries.append(file("opt/program/__pycache__/train.cpython-311.pyc"))
        return Materials(
            inventory=inventory(*([OLD] if old else [])),
            index=ground([*entries, *(tree_of(OLD) if old else [])]).index,
            wheels={each.filename: each.write(self.root / "wheels") for each in wheels},
            contents=self._content,
        )

    def _content(self, content: Content) -> bytes | Path:
        match content:
            case Inline(words):
                return words.encode()
            case ProjectFile(path):
                return self.root / path
        raise AssertionError(content)

    def build(
        self, *steps: FilesStep, wheels: tuple[Made, ...] = (), replaces: str | None = None, **options: bool
    ) -> tuple[MadeLayer, ...]:
        materials = self.materials(*wheels, old=replaces is not None)
        locked = [
            each.locked(
                materials.wheels[each.filename], direct=True, replaces=replaces if each is DEMO else None
            )
            for each in wheels
        ]
        return build_layers(
            plan(*steps), lock(*locked), materials, store=self.store, talk=Silence(), **options
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def names(layer: MadeLayer) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(b"".join(layer.read())))) as archive:
        return archive.getnames()


def files(layer: MadeLayer) -> Mapping[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(b"".join(layer.read())))) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive if each.isfile()}  # type: ignore[union-attr]


def test_libraries_first_user_code_last(world: World) -> None:
    layers = world.build(RUNTIME, program(text("/opt/program/train.py", "1")), wheels=(DEMO, KIT))
    assert [each.created_by for each in layers] == ["byoc demo 1.0, kit 2.0", "byoc runtime", "byoc program"]
    assert f"{SITE}/demo/__init__.py" in names(layers[0])
    assert "opt/program/train.py" in names(layers[2])


def test_editing_code_changes_the_last_layer_only(world: World) -> None:
    before = world.build(RUNTIME, program(text("/opt/program/train.py", "1")), wheels=(DEMO, KIT))
    after = world.build(RUNTIME, program(text("/opt/program/train.py", "2")), wheels=(DEMO, KIT))
    same = [old.descriptor == new.descriptor for old, new in zip(before, after, strict=True)]
    assert same == [True, True, False]
    assert [each.fresh for each in after] == [False, False, True]


def test_what_was_made_once_is_known_without_opening_a_blob(world: World) -> None:
    first = world.build(RUNTIME, wheels=(DEMO, KIT))
    for path in (world.root / "store" / "layers" / "sha256").rglob("*"):
        if path.is_file():
            path.unlink()
    again = world.build(RUNTIME, wheels=(DEMO, KIT))
    assert [each.descriptor for each in again] == [each.descriptor for each in first]
    assert [each.diff_id for each in again] == [each.diff_id for each in first]
    assert not any(each.fresh for each in again)
    assert not list((world.root / "store" / "layers" / "sha256").rglob("*/*"))


def test_pruned_or_damaged_blobs_are_made_again(world: World) -> None:
    (layer,) = world.build(wheels=(DEMO,))
    bytes_before = b"".join(layer.read())
    layer.blob().write_bytes(b"short")
    assert b"".join(layer.read()) == bytes_before
    assert b"".join(layer.read(100)) == bytes_before[100:]


def test_a_blob_with_other_bytes_is_not_sent(world: World) -> None:
    (layer,) = world.build(wheels=(DEMO,))
    layer.blob().write_bytes(bytes(layer.descriptor.size))
    with pytest.raises(ByocError):
        list(layer.read())


@pytest.mark.parametrize(
    "note",
    ["{", "[]", '{"digest": "sha256:x", "size": 1, "diff_id": "sha256:x", "unpacked": 1}', '{"digest": 5}'],
)
def test_a_damaged_note_in_the_store_is_as_good_as_none(world: World, note: str) -> None:
    (layer,) = world.build(wheels=(DEMO,))
    for path in (world.root / "store" / "layers").rglob("*.json"):
        path.write_text(note)
    (again,) = world.build(wheels=(DEMO,))
    assert again.fresh
    assert again.descriptor == layer.descriptor


def test_a_single_member_is_another_layer_of_the_same_tar(world: World) -> None:
    (many,), (one,) = world.build(wheels=(KIT,)), world.build(wheels=(KIT,), single_member=True)
    assert many.diff_id == one.diff_id
    assert many.descriptor.digest != one.descriptor.digest


def test_large_wheels_have_layers_of_their_own(tmp_path: Path) -> None:
    """The bytes are those of a hole in a file: stored, not compressed, and quick to write."""
    huge = [Made(f"huge{number}", files={f"huge{number}.bin": b"x"}) for number in range(2)]
    world = World(tmp_path)
    materials = world.materials(DEMO, *huge)
    for each in huge:
        path = materials.wheels[each.filename]
        path.write_bytes(bytes(build.LARGE) + path.read_bytes())
    locked = [each.locked(materials.wheels[each.filename]) for each in (DEMO, *huge)]
    layers = build_layers(plan(), lock(*locked), materials, store=world.store, talk=Silence())
    assert [each.created_by for each in layers] == ["byoc huge0 1.0", "byoc huge1 1.0", "byoc demo 1.0"]
    facts = dataclasses.replace(materials.inventory, layers=(LAYER,) * 117)
    few = dataclasses.replace(materials, inventory=facts)
    layers = build_layers(plan(), lock(*locked), few, store=world.store, talk=Silence())
    assert len(layers) == 2


def test_a_replaced_distribution_leaves_nothing_behind(world: World) -> None:
    (layer,) = world.build(wheels=(DEMO,), replaces="0.9")
    found = names(layer)
    assert f"{SITE}/.wh.demo-0.9.dist-info" in found
    assert f"{SITE}/demo/.wh.gone.py" in found
    assert f"{SITE}/demo/.wh.__init__.py" not in found
    assert len(found) == len(set(found))
    assert found.index(f"{SITE}/.wh.demo-0.9.dist-info") < found.index(f"{SITE}/demo/__init__.py")


def test_requested_installer_and_record(world: World) -> None:
    (layer,) = world.build(wheels=(DEMO,))
    found = files(layer)
    assert found[f"{SITE}/demo-1.0.dist-info/INSTALLER"] == b"byoc\n"
    assert found[f"{SITE}/demo-1.0.dist-info/REQUESTED"] == b""
    assert b"../../../bin/demo,sha256=" in found[f"{SITE}/demo-1.0.dist-info/RECORD"]


def direct_url(world: World, requirement: str, **changes: Any) -> Any:
    """The content of direct_url.json when *requirement* was asked for; None: there is none."""
    materials = world.materials(DEMO)
    locked = dataclasses.replace(DEMO.locked(materials.wheels[DEMO.filename]), **changes)
    wanted = dataclasses.replace(lock(locked), requirements=(requirement,))
    (layer,) = build_layers(plan(), wanted, materials, store=world.store, talk=Silence())
    text = files(layer).get(f"{SITE}/demo-1.0.dist-info/direct_url.json")
    return None if text is None else json.loads(text)


def test_what_was_asked_for_by_address_tells_it(world: World) -> None:
    url = "https://example.com/demo-1.0.tar.gz"
    told = direct_url(world, f"Demo @ {url}", url=url, source_sha256="a" * 64)
    assert told["url"] == url
    assert told["archive_info"]["hashes"] == {"sha256": "a" * 64}


def test_what_was_asked_for_by_name_or_built_here_tells_no_address(world: World) -> None:
    assert direct_url(world, "demo", url="https://example.com/demo-1.0-py3-none-any.whl") is None
    assert direct_url(world, "demo @ file:///home/me/demo", built_from=PurePosixPath("demo")) is None


def test_a_wheel_whose_digest_no_lock_tells_is_known_by_its_content(world: World) -> None:
    def made(code: bytes) -> str:
        wheel = Made("mine", files={"mine.py": code})
        materials = world.materials(wheel)
        locked = dataclasses.replace(wheel.locked(materials.wheels[wheel.filename]), sha256="")
        (layer,) = build_layers(plan(), lock(locked), materials, store=world.store, talk=Silence())
        return layer.diff_id

    assert made(b"v = 1") != made(b"v = 2")


def test_stale_byte_code_of_user_code_is_hidden(world: World) -> None:
    (layer,) = world.build(program(text("/opt/program/train.py", "1")))
    assert "opt/program/__pycache__/.wh.train.cpython-311.pyc" in names(layer)


def test_files_of_the_project_keep_mode_and_lose_windows_lines(world: World) -> None:
    (world.root / "run.sh").write_bytes(b"#!/bin/sh\r\necho\r\n")
    (world.root / "model.bin").write_bytes(b"a\r\nb")
    run = FileEntry(
        dest=PurePosixPath("/opt/program/run.sh"),
        content=ProjectFile(PurePosixPath("run.sh")),
        mode=0o755,
        unix_lines=True,
    )
    model = FileEntry(
        dest=PurePosixPath("/opt/program/model.bin"), content=ProjectFile(PurePosixPath("model.bin"))
    )
    (layer,) = world.build(program(run, model))
    found = files(layer)
    assert found["opt/program/run.sh"] == b"#!/bin/sh\necho\n"
    assert found["opt/program/model.bin"] == b"a\r\nb"


def test_a_file_in_the_place_of_a_directory_of_the_base_is_refused(world: World) -> None:
    with pytest.raises(ByocError, match="of the project cannot be put into the base"):
        world.build(program(text("/opt/venv", "1")))


def test_a_file_that_is_gone_is_told(world: World) -> None:
    gone = FileEntry(dest=PurePosixPath("/opt/x"), content=ProjectFile(PurePosixPath("gone")))
    with pytest.raises(ByocError, match="cannot be put into the image") as caught:
        world.build(program(gone))
    assert caught.value.id == "BYOC-E327"


def test_a_command_that_nobody_will_find_is_told(world: World) -> None:
    warnings: list[str] = []

    class Warnings(Silence):
        def warn(self, text: str) -> None:
            warnings.append(text)

    materials = world.materials(DEMO)
    locked = lock(DEMO.locked(materials.wheels[DEMO.filename]))
    build_layers(plan(), locked, materials, store=world.store, talk=Warnings())
    assert warnings == []
    bare = dataclasses.replace(materials.inventory, config=ImageConfig(env={"PATH": "/usr/bin"}))
    elsewhere = dataclasses.replace(materials, inventory=bare)
    build_layers(plan(), locked, elsewhere, store=world.store, talk=Warnings())
    assert [text.partition(" of ")[0] for text in warnings] == ["/opt/venv/bin/demo"]


def missing(locked: LockedWheel) -> Materials:
    return Materials(
        inventory=inventory(),
        index=ground(VENV).index,
        wheels={},
        contents=lambda content: str(content).encode(),
    )


def test_a_wheel_that_was_not_fetched_is_told(world: World) -> None:
    locked = DEMO.locked(DEMO.write(world.root))
    with pytest.raises(ByocError, match="is not there") as caught:
        build_layers(plan(), lock(locked), missing(locked), store=world.store, talk=Silence())
    assert caught.value.id == "BYOC-E331"


def test_another_python_than_the_locks_is_refused(world: World) -> None:
    materials = world.materials(DEMO)
    wanted = lock(DEMO.locked(materials.wheels[DEMO.filename]))
    other = dataclasses.replace(wanted, base=dataclasses.replace(wanted.base, python="3.12"))
    with pytest.raises(ByocError, match=r"no Python 3.12") as caught:
        build_layers(plan(), other, materials, store=world.store, talk=Silence())
    assert caught.value.id == "BYOC-E329"


def test_what_runs_at_every_start_of_python_is_told(world: World) -> None:
    notes: list[str] = []

    class Notes(Silence):
        def note(self, text: str) -> None:
            notes.append(text)

    materials = world.materials(DEMO)
    locked = lock(DEMO.locked(materials.wheels[DEMO.filename]))
    build_layers(plan(), locked, materials, store=world.store, talk=Notes())
    assert notes == [f"/{SITE}/demo.pth of {DEMO.filename} runs whenever Python starts"]


ELSEWHERE = """
import os, sys
os.umask(int(sys.argv[2], 8))
from pathlib import Path
from layer.test_layers import DEMO, KIT, RUNTIME, World, program, text
root = Path(sys.argv[1])
root.mkdir()
code = program(text("/opt/program/train.py", "1"))
layers = World(root).build(RUNTIME, code, wheels=(DEMO, KIT), replaces="0.9")
print(*(f"{each.diff_id} {each.descriptor.digest}" for each in layers))
"""


def elsewhere(folder: Path, number: int) -> str:
    environ = {
        "TZ": ["UTC", "Asia/Kolkata", "America/Los_Angeles"][number],
        "HOME": str(folder),
        "PYTHONHASHSEED": str(number + 1),
        "LC_ALL": ["C", "C.UTF-8", "POSIX"][number],
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    script = [sys.executable, "-c", ELSEWHERE, str(folder / f"world{number}"), ["022", "077", "000"][number]]
    return subprocess.run(script, env=environ, capture_output=True, check=True, text=True).stdout


def test_the_same_everywhere(tmp_path: Path) -> None:
    """Users, time zones, umasks, homes, hash seeds, locales: same lock, same bytes."""
    assert len({elsewhere(tmp_path, number) for number in range(3)}) == 1
