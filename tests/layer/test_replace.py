"""A distribution that takes another's place, and two that want one path."""

import dataclasses
import tarfile
from pathlib import Path

import pytest

from byoc_kit.engines.layer.conflict import Owned, refuse_base_conflicts, without_twins
from byoc_kit.engines.layer.entries import OLD, Inline
from byoc_kit.engines.layer.ground import Ground
from byoc_kit.engines.layer.place import Placed, Target
from byoc_kit.engines.layer.replace import removed, replaced
from byoc_kit.errors import ByocError
from byoc_kit.inventory import Distribution, Inventory
from layer.wheels import (
    EXECUTABLE,
    PYTHON,
    SCHEME,
    SITE,
    VENV,
    Made,
    file,
    folder,
    ground,
    installed,
    inventory,
    tree_of,
)

TARGET = Target(scheme=SCHEME, executable=EXECUTABLE)
OLD_DEMO = installed("demo", "0.9", "demo/__init__.py", "demo/gone.py", "../../../bin/demo", "ns/shared.py")
OTHER = installed("other", "1.0", "other.py", "ns/shared.py")


def base_of(*distributions: Distribution) -> Ground:
    return ground(
        [
            *VENV,
            *(entry for each in distributions for entry in tree_of(each)),
            folder(f"{SITE}/demo/__pycache__"),
            file(f"{SITE}/demo/__pycache__/gone.cpython-311.pyc"),
            file(f"{SITE}/demo-0.9.dist-info/REQUESTED"),
        ]
    )


def replacing(
    tmp_path: Path, old: Distribution, *, replaces: str | None = "0.9", facts: Inventory | None = None
) -> tuple[Distribution, ...]:
    made = Made("demo", "1.0", {"demo/__init__.py": b""})
    locked = made.locked(made.write(tmp_path), replaces=replaces)
    return replaced(made.read(tmp_path), locked, PYTHON, facts or inventory(old), base_of(old))


def test_everything_of_the_old_one_goes_but_what_others_share(tmp_path: Path) -> None:
    facts, base = inventory(OLD_DEMO, OTHER), base_of(OLD_DEMO, OTHER)
    gone = replacing(tmp_path, OLD_DEMO, facts=facts)
    assert gone == (OLD_DEMO,)
    assert removed(gone, facts, base) == {
        f"{SITE}/demo/__init__.py",
        f"{SITE}/demo/gone.py",
        f"{SITE}/demo/__pycache__/gone.cpython-311.pyc",
        "opt/venv/bin/demo",
        *(f"{SITE}/demo-0.9.dist-info/{name}" for name in ("METADATA", "RECORD", "INSTALLER", "REQUESTED")),
    }


def test_nothing_is_replaced_that_the_lock_did_not_decide(tmp_path: Path) -> None:
    with pytest.raises(ByocError, match=r"demo 0.9, which the lock does not know") as caught:
        replacing(tmp_path, OLD_DEMO, replaces=None)
    assert caught.value.id == "BYOC-E325"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"installer": "conda"}, "conda installed it"),
        ({"editable": True}, "editable"),
        ({"metadata": "demo-0.9.egg-info"}, "old kind"),
        ({"files": None}, "no RECORD"),
    ],
)
def test_what_cannot_be_removed_is_refused(tmp_path: Path, changes: dict[str, object], why: str) -> None:
    old = dataclasses.replace(OLD_DEMO, **changes)  # type: ignore[arg-type]
    with pytest.raises(ByocError, match=r"demo 0.9 of the base cannot be replaced") as caught:
        replacing(tmp_path, OLD_DEMO, facts=inventory(old))
    assert caught.value.id == "BYOC-E324"
    assert why in caught.value.why


def test_what_a_prebuilt_image_patched_is_refused(tmp_path: Path) -> None:
    made = Made("torch", "2.9.0", {"torch.py": b""})
    old = installed("torch", "2.8.0", "torch.py")
    locked = made.locked(made.write(tmp_path), replaces="2.8.0")
    labels = {"com.amazonaws.ml.engines.sagemaker.dlc.framework.pytorch": "true"}
    assert replaced(made.read(tmp_path), locked, PYTHON, inventory(old), base_of(old)) == (old,)
    with pytest.raises(ByocError, match=r"torch 2.8.0 of the base cannot be replaced"):
        replaced(made.read(tmp_path), locked, PYTHON, inventory(old, labels=labels), base_of(old))


def test_a_distribution_of_the_system_stays_where_it_is_found_later(tmp_path: Path) -> None:
    """Debian: pip installs to /usr/local/lib, which Python searches before /usr/lib."""
    system = dataclasses.replace(OLD_DEMO, location="/usr/lib/python3/dist-packages", installer="debian")
    python = dataclasses.replace(PYTHON, paths=(f"/{SITE}", "/usr/lib/python3/dist-packages"))
    made = Made("demo", "1.0")
    locked = made.locked(made.write(tmp_path), replaces="0.9")
    assert replaced(made.read(tmp_path), locked, python, inventory(system), base_of()) == ()
    behind = dataclasses.replace(python, paths=python.paths[::-1])
    with pytest.raises(ByocError, match=r"cannot be replaced") as caught:
        replaced(made.read(tmp_path), locked, behind, inventory(system), base_of())
    assert "before it looks into" in caught.value.why


def owned(owner: str, path: str, data: bytes, hash_: str = "") -> tuple[str, Owned]:
    return path, Owned(owner, Placed(f"/{path}", 0o644, OLD, Inline(data), hash_ or f"sha256={data.hex()}"))


def twins(*files: tuple[str, Owned], told: list[str] | None = None) -> dict[str, Owned]:
    heard: list[str] = [] if told is None else told
    return without_twins(files, [SITE], heard.append)


@pytest.mark.parametrize("path", [f"{SITE}/tests/test_it.py", f"{SITE}/LICENSE", f"{SITE}/docs/conf.py"])
def test_what_lies_beside_packages_by_mistake_is_no_conflict(path: str) -> None:
    told: list[str] = []
    found = twins(owned("a.whl", path, b"1"), owned("b.whl", path, b"2"), told=told)
    assert [each.owner for each in found.values()] == ["a.whl"]
    assert told == [f"/{path} is that of a.whl, and not the other one of b.whl"]


def test_equal_files_of_two_wheels_are_one_file() -> None:
    found = twins(owned("a.whl", "ns/__init__.py", b""), owned("b.whl", "ns/__init__.py", b""))
    assert [each.owner for each in found.values()] == ["a.whl"]


@pytest.mark.parametrize(
    "path", [f"{SITE}/ns/__init__.py", f"{SITE}/tests.py", "opt/venv/bin/train", "opt/venv/tests/x"]
)
def test_different_files_of_two_wheels_are_refused(path: str) -> None:
    with pytest.raises(ByocError, match=r"a.whl and b.whl both want") as caught:
        twins(owned("a.whl", path, b"1"), owned("b.whl", path, b"2"))
    assert caught.value.id == "BYOC-E322"


def test_a_file_and_a_directory_of_two_wheels_are_refused() -> None:
    with pytest.raises(ByocError, match=r"a.whl and b.whl both want") as caught:
        twins(owned("a.whl", "ns", b"1"), owned("b.whl", "ns/x/y", b"2"))
    assert "is a directory of the other" in caught.value.why


def conflicting(path: str, data: bytes, *, gone: frozenset[str] = frozenset(), extra: str = "") -> None:
    base = ground([*base_entries(), *([file(extra)] if extra else [])])
    refuse_base_conflicts(dict([owned("new.whl", path, data)]), gone, TARGET, base, [OTHER])


def base_entries() -> list[tarfile.TarInfo]:
    return [*VENV, *tree_of(OTHER), file("opt/venv/bin/train"), file(f"{SITE}/left_over.py")]


@pytest.mark.parametrize(
    ("path", "owner"), [(f"{SITE}/other.py", "other 1.0"), ("opt/venv/bin/train", "the base")]
)
def test_somebody_elses_file_is_not_overwritten(path: str, owner: str) -> None:
    with pytest.raises(
        ByocError, match=rf"new.whl would overwrite /{path}, which belongs to {owner}"
    ) as caught:
        conflicting(path, b"longer")
    assert caught.value.id == "BYOC-E323"
    conflicting(path, b"longer", gone=frozenset({path}))


def test_a_file_of_equal_length_is_taken_for_the_same_but_no_command() -> None:
    conflicting(f"{SITE}/other.py", b"123")
    with pytest.raises(ByocError, match="would overwrite /opt/venv/bin/train"):
        conflicting("opt/venv/bin/train", b"123")


def test_left_overs_in_site_packages_may_be_overwritten() -> None:
    conflicting(f"{SITE}/left_over.py", b"longer")


def test_a_directory_of_the_base_is_not_overwritten_by_a_file() -> None:
    with pytest.raises(ByocError, match="cannot be put into the base") as caught:
        conflicting(f"{SITE}/ns", b"x")
    assert caught.value.id == "BYOC-E326"
    conflicting(f"{SITE}/ns", b"x", gone=frozenset({f"{SITE}/ns/shared.py"}))


def test_a_file_of_the_base_is_no_directory() -> None:
    with pytest.raises(ByocError, match="cannot be put into the base") as caught:
        conflicting(f"{SITE}/other.py/x.py", b"x")
    assert "no directory" in caught.value.why
    conflicting(f"{SITE}/other.py/x.py", b"x", gone=frozenset({f"{SITE}/other.py"}))
