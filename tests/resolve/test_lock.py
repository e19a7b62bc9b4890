"""The lock of a project: made where there is none, used while it is fresh, refused where it is not."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from byoc_kit.catalogue.short import choose
from byoc_kit.errors import ByocError
from byoc_kit.inventory import Inventory
from byoc_kit.oci.reference import Named
from byoc_kit.oci.short import parse_short
from byoc_kit.resolve.resolve import Here
from byoc_kit.work.catalogue import catalogue
from byoc_kit.work.diff import asked_in_file
from byoc_kit.work.lock import Locker, Outcome, lock_as_written, locked, pinned_base
from byoc_kit.work.project import Project, load
from resolve.conftest import distribution, inventory, prebuilt
from resolve.served import Index
from resolve.served import project as source

SPEC = """\
[image]
name = "churn"
style = "basic"
base = "index.example/base:1"
[python]
requirements = {requirements}
packages = {packages}
index-url = "{index}"
{more}
[train]
program = "train.py"
source = "src"
"""

Write = Callable[..., Project]


@pytest.fixture
def write(here: Here, index: Index) -> Write:
    """Write byoc.toml with other values, and read it."""
    (here.root / "src").mkdir()
    (here.root / "src" / "train.py").write_text("")
    index.add("tool", "1", ["helper"])
    index.add("helper", "1")

    def put(*requirements: str, packages: tuple[str, ...] = (), more: str = "") -> Project:
        text = SPEC.format(
            requirements=json.dumps(requirements), packages=json.dumps(packages), index=index.url, more=more
        )
        (here.root / "byoc.toml").write_text(text)
        return load(here.root / "byoc.toml", environ=here.environ)

    return put


def locker(project: Project, here: Here, seen: Inventory | None = None) -> Locker:
    return Locker(
        project=project, inventory=seen or prebuilt(), store=here.store, environ=here.environ, talk=here.talk
    )


def made(project: Project, here: Here) -> Outcome:
    return locker(project, here).made()


def test_a_missing_lock_is_made_and_a_fresh_one_is_used_without_asking_anybody(
    write: Write, here: Here, index: Index
) -> None:
    project = write("tool")
    first = locked(project, prebuilt(), store=here.store, environ=here.environ)
    path = here.root / "pylock.byoc.toml"
    assert [each.name for each in first.wheels] == ["helper", "tool"]
    before, asked = path.read_bytes(), len(index.seen)
    assert locked(project, prebuilt(), store=here.store, environ=here.environ, frozen=True) == first
    assert (path.read_bytes(), len(index.seen)) == (before, asked)


def test_frozen_writes_nothing(write: Write, here: Here) -> None:
    with pytest.raises(ByocError) as caught:
        locker(write("tool"), here).current(frozen=True)
    assert caught.value.id == "BYOC-E902"
    assert not (here.root / "pylock.byoc.toml").exists()


def test_looking_at_what_would_be_locked_writes_nothing(write: Write, here: Here) -> None:
    one = locker(write("tool"), here)
    lock = one.current()
    assert not one.path.exists()
    one.keep(lock)
    assert one.present() == lock
    one.keep(replace(lock, wheels=()))
    assert one.present() == lock


def test_without_a_look_at_the_base_the_lock_is_held_against_byoc_toml(write: Write, here: Here) -> None:
    project = write("tool")
    assert lock_as_written(project) is None
    lock = made(project, here).lock
    assert lock_as_written(project) == lock
    with pytest.raises(ByocError) as caught:
        lock_as_written(write("tool", "helper"))
    assert caught.value.details == ("[python] requirements: helper is new",)


def test_a_stale_lock_is_no_answer_and_says_which_key_changed(write: Write, here: Here) -> None:
    made(write("tool"), here)
    project = write("tool", "helper>=1", more='protect = ["six"]')
    with pytest.raises(ByocError) as caught:
        locker(project, here).current()
    assert caught.value.id == "BYOC-E901"
    assert caught.value.details == (
        "[python] requirements: helper>=1 is new",
        "[python] protect: nothing, now six",
    )
    made(project, here)
    assert locker(project, here).changed(locker(project, here).current()) == ()


def test_the_words_of_a_requirement_do_not_make_it_stale(write: Write, here: Here) -> None:
    made(write("tool>=1,<2", "helper"), here)
    locker(write("Helper", "Tool <2, >=1"), here).current()


def test_making_it_again_changes_no_byte(write: Write, here: Here) -> None:
    project = write("tool")
    assert made(project, here).changed
    stamp = (here.root / "pylock.byoc.toml").stat().st_mtime_ns
    time.sleep(0.01)
    assert not made(project, here).changed
    assert (here.root / "pylock.byoc.toml").stat().st_mtime_ns == stamp


def test_another_digest_of_the_base_makes_it_stale_and_the_lock_says_which_to_open(
    write: Write, here: Here
) -> None:
    project = write("tool")
    assert pinned_base(project) == Named(repository=pinned_base(project).repository, tag="1")  # type: ignore[union-attr]
    made(project, here)
    pinned = pinned_base(project)
    assert isinstance(pinned, Named)
    assert pinned.digest == "sha256:" + 64 * "1"
    other = replace(prebuilt(), digest="sha256:" + 64 * "2")
    with pytest.raises(ByocError, match="stale"):
        locker(project, here, other).current()


def test_what_the_base_refuses_is_an_error_with_all_ways_out(write: Write, here: Here) -> None:
    with pytest.raises(ByocError) as caught:
        locker(write("torch>=2.9"), here).current()
    error = caught.value
    assert error.id == "BYOC-E903"
    assert "torch 2.8.0+cu129 would become torch>=2.9, asked for by your requirement" in error.details[0]
    assert "choose a base that has torch>=2.9" in error.fix
    assert "(nearest in the catalogue: dlc:" in error.fix
    assert 'allow-change = ["torch"]' in error.fix


def test_what_the_base_refuses_names_prebuilt_images_that_fit(write: Write, here: Here) -> None:
    one = locker(write("torch>=2.9,<2.12"), here)
    (refused,) = one.resolver().answer().delta.refused
    chosen = [choose(catalogue(), parse_short(name)).image for name in refused.bases]
    assert chosen
    assert {image.device for image in chosen} == {"gpu"}, "as the base: its torch is compiled for CUDA"
    assert {image.parsed.version for image in chosen} <= {"2.9.0", "2.10.0", "2.11.0"}


def test_what_a_layer_cannot_replace_is_told_before_any_work(write: Write, here: Here, index: Index) -> None:
    index.add("torch", "2.9.0")
    one = locker(write("torch>=2.9", more='allow-change = ["torch"]'), here)
    assert [each.replaces for each in one.current().wheels] == ["2.8.0+cu129"]
    with pytest.raises(ByocError) as caught:
        one.for_layers()
    assert caught.value.id == "BYOC-E918"
    assert caught.value.why.startswith("torch 2.8.0+cu129 -> 2.9.0: prebuilt images patch it")


def test_a_damaged_lock_is_told_and_making_it_anew_is_the_way_out(write: Write, here: Here) -> None:
    project, path = write("tool"), here.root / "pylock.byoc.toml"
    for damage in (b"<<<<<<< ours\n", b"\xff\xfe"):
        path.write_bytes(damage)
        with pytest.raises(ByocError) as caught:
            locker(project, here).current()
        assert caught.value.id == "BYOC-E900"
    assert made(project, here).changed
    locker(project, here).current()


def local(here: Here, **more: str) -> Path:
    folder = here.root / "libs" / "own"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in source("own", "0.1", **more).items():
        (folder / name).write_text(text)
    return folder


def test_code_of_the_projects_packages_changes_but_the_lock_does_not(write: Write, here: Here) -> None:
    folder = local(here, requires="helper")
    project = write(packages=("libs/own",))
    first = made(project, here).lock
    (folder / "made.txt").write_text((folder / "made.txt").read_text() + "code = changed\n")
    second = locker(project, here).current(frozen=True)
    (old,) = (each for each in first.wheels if each.name == "own")
    (new,) = (each for each in second.wheels if each.name == "own")
    assert old.sha256 != new.sha256
    wheels = locker(project, here).wheels(second)
    assert b"changed" in wheels[new.filename].read_bytes()
    assert set(wheels) == {each.filename for each in second.wheels}


def test_what_the_projects_packages_need_is_part_of_the_question(write: Write, here: Here) -> None:
    local(here, requires="helper")
    project = write(packages=("libs/own",))
    made(project, here)
    local(here, requires="helper;tool")
    with pytest.raises(ByocError) as caught:
        locker(project, here).current()
    assert caught.value.id == "BYOC-E901"
    assert "own 0.1: helper, tool" in caught.value.details[0]


def test_a_package_that_cannot_be_built_is_told_with_its_output(write: Write, here: Here) -> None:
    local(here, fails="yes")
    with pytest.raises(ByocError) as caught:
        made(write(packages=("libs/own",)), here)
    assert caught.value.id == "BYOC-E911"
    assert any("fails on purpose" in line for line in caught.value.details)


def test_pip_is_added_where_the_base_has_none(write: Write, here: Here, index: Index) -> None:
    index.add("pip", "26")
    bare = replace(inventory(), distributions=(distribution("six", "1"),))
    lock = locker(write(), here, bare).made().lock
    assert [each.name for each in lock.wheels] == ["pip"]


def test_files_that_are_asked_about(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("six\n")
    (tmp_path / "requirements.txt").write_text("pandas>=2  # data\n-r more.txt\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["numpy"]\n')
    assert asked_in_file(tmp_path / "requirements.txt").requirements == ("pandas>=2", "six")
    assert asked_in_file(tmp_path / "pyproject.toml").requirements == ("numpy",)
    (tmp_path / "bad.txt").write_text("--index-url https://index.example\n-e .\n")
    with pytest.raises(ByocError) as caught:
        asked_in_file(tmp_path / "bad.txt")
    assert caught.value.id == "BYOC-E915"
    assert len(caught.value.details) == 2
