"""What a layer may not do to its base: each of these was seen to break an image (registry traps T1 to T6)."""

import tarfile
from collections.abc import Collection

import pytest

from byoc_kit.engines.layer.entries import OLD, Directory, File, Inline, Whiteout
from byoc_kit.engines.layer.ground import Ground
from byoc_kit.engines.layer.tree import entries, stale, whiteouts
from byoc_kit.errors import ByocError
from layer.wheels import SITE, VENV, file, folder, ground, link

BASE = (
    *VENV,
    folder(f"{SITE}/old"),
    file(f"{SITE}/old/__init__.py"),
    folder(f"{SITE}/old/__pycache__"),
    file(f"{SITE}/old/__pycache__/__init__.cpython-311.pyc"),
    file(f"{SITE}/old/__pycache__/__init__.cpython-311.opt-1.pyc"),
    file(f"{SITE}/old/__pycache__/__init__other.cpython-311.pyc"),
    folder(f"{SITE}/shared"),
    file(f"{SITE}/shared/theirs.py"),
    file(f"{SITE}/shared/old.py"),
    file("opt/venv/bin/old"),
)


def a_file(path: str) -> File:
    return File(path, 0o644, OLD, Inline(b""))


def hidden(removed: Collection[str], written: Collection[str], base: Ground) -> set[str]:
    return set(whiteouts(removed, written, [SITE], base))


def test_a_path_through_a_link_of_the_base_becomes_physical() -> None:
    base = ground(BASE)
    assert base.physical("/opt/venv/lib64/python3.11/site-packages/a/b.py") == f"{SITE}/a/b.py"


def test_the_last_link_of_a_path_is_not_followed() -> None:
    base = ground([*BASE, link("opt/venv/bin/python", "/usr/bin/python3")])
    assert base.physical("/opt/venv/bin/python") == "opt/venv/bin/python"


def test_links_in_a_circle_are_refused() -> None:
    base = ground([link("a", "b"), link("b", "a")])
    with pytest.raises(ByocError, match="cannot be written") as caught:
        base.physical("/a/x/y")
    assert caught.value.id == "BYOC-E326"


def test_every_directory_on_the_way_keeps_the_bases_attributes() -> None:
    found = entries([a_file("tmp/x"), a_file(f"{SITE}/new/a.py")], (), ground(BASE))
    by_path = {each.path: each for each in found if isinstance(each, Directory)}
    assert by_path["tmp"] == Directory("tmp", 0o1777, 0, 0, 7)
    assert by_path[SITE] == Directory(SITE, 0o775, 1000, 0, 7)
    assert by_path[f"{SITE}/new"] == Directory(f"{SITE}/new", 0o755, 0, 0, OLD)
    assert set(by_path) == {"tmp", f"{SITE}/new"} | {
        SITE[:i] for i in range(len(SITE) + 1) if (SITE + "/")[i] == "/"
    }


def test_directories_come_first_then_whiteouts_then_files() -> None:
    found = entries([a_file("b/x"), a_file("a")], ["b/old"], ground([]))
    assert [type(each) for each in found] == [Directory, Whiteout, File, File]
    assert [each.path for each in found] == ["b", "b/old", "a", "b/x"]


def test_all_of_a_directory_gone_hides_the_directory() -> None:
    base = ground(BASE)
    removed = set(base.below(f"{SITE}/old"))
    assert hidden(removed, (), base) == {f"{SITE}/old"}


def test_outside_of_site_packages_only_files_are_hidden() -> None:
    assert hidden({"opt/venv/bin/old"}, (), ground(BASE)) == {"opt/venv/bin/old"}


def test_a_shared_directory_keeps_what_others_have_there() -> None:
    assert hidden({f"{SITE}/shared/old.py"}, (), ground(BASE)) == {f"{SITE}/shared/old.py"}


def test_nothing_is_hidden_where_something_new_is_written() -> None:
    """``.wh.old`` beside ``old/x`` in one layer: the pull fails."""
    base = ground(BASE)
    removed = set(base.below(f"{SITE}/old"))
    found = hidden(removed, {f"{SITE}/old/new.py", f"{SITE}/old/__init__.py"}, base)
    assert f"{SITE}/old" not in found
    assert f"{SITE}/old/__init__.py" not in found
    assert found == {f"{SITE}/old/__pycache__"}


def test_a_directory_that_gets_other_files_is_not_hidden() -> None:
    base = ground(BASE)
    removed = set(base.below(f"{SITE}/old"))
    assert hidden(removed, {f"{SITE}/old/new.py"}, base) == {
        f"{SITE}/old/__init__.py",
        f"{SITE}/old/__pycache__",
    }


def test_a_file_in_the_place_of_a_directory_hides_it_by_itself() -> None:
    base = ground(BASE)
    assert hidden(set(base.below(f"{SITE}/old")), {f"{SITE}/old"}, base) == set()


def test_a_directory_in_the_place_of_a_file_hides_it_by_itself() -> None:
    assert hidden({f"{SITE}/shared/old.py"}, {f"{SITE}/shared/old.py/x"}, ground(BASE)) == set()


def test_byte_code_of_a_module_that_is_written_anew_is_stale() -> None:
    """Same size, same time: Python would run the old code."""
    found = set(stale({f"{SITE}/old/__init__.py", f"{SITE}/shared/theirs.py"}, (), ground(BASE)))
    cache = f"{SITE}/old/__pycache__"
    assert found == {f"{cache}/__init__.cpython-311.pyc", f"{cache}/__init__.cpython-311.opt-1.pyc"}


def test_byte_code_of_a_lower_new_layer_is_stale_as_well() -> None:
    lower = {"opt/x/__pycache__/a.cpython-311.pyc", "opt/x/__pycache__/b.cpython-311.pyc", "opt/x/a.py"}
    assert set(stale({"opt/x/a.py"}, lower, ground([]))) == {"opt/x/__pycache__/a.cpython-311.pyc"}
    assert set(stale({"a.py"}, {"__pycache__/a.cpython-311.pyc"}, ground([]))) == {
        "__pycache__/a.cpython-311.pyc"
    }


def test_a_hard_link_of_the_base_is_a_file_like_others() -> None:
    hard = tarfile.TarInfo(f"{SITE}/old/again.py")
    hard.type, hard.linkname = tarfile.LNKTYPE, f"{SITE}/old/__init__.py"
    base = ground([*BASE, hard])
    assert f"{SITE}/old/again.py" in set(base.below(f"{SITE}/old"))
