"""The tar is one that every reader understands, and the same whoever writes it."""

import hashlib
import io
import subprocess
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc_kit.engines.layer.content import Reader
from byoc_kit.engines.layer.entries import OLD, Directory, Entry, File, Inline, Whiteout
from byoc_kit.engines.layer.tarwrite import header, tar_pieces

NAMES = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/\0"), min_size=1, max_size=130
).filter(lambda name: name not in {".", ".."} and not name.startswith(".wh.") and name == name.strip("/"))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


def tar(*entries: Entry) -> bytes:
    with Reader() as reader:
        return b"".join(each for each in tar_pieces(entries, reader) if isinstance(each, bytes))


def read(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {each.name: each for each in archive}


@given(PATHS, st.integers(0, 0o7777), st.integers(-(2**40), 2**40), st.binary(max_size=1500))
def test_tarfile_reads_what_was_written(path: str, mode: int, mtime: int, data: bytes) -> None:
    archive = tar(File(path, mode, mtime, Inline(data)))
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        (found,) = opened
        content = opened.extractfile(found)
        assert content is not None
        assert content.read() == data
    assert (found.name, found.mode, found.uname, found.gname) == (path, mode, "", "")
    assert (found.uid, found.gid) == (0, 0)
    assert int(found.mtime) == mtime


@given(PATHS, st.integers(0, 2**31), st.integers(0, 2**31))
def test_directories_keep_large_owners(path: str, uid: int, gid: int) -> None:
    (found,) = read(tar(Directory(path, 0o1777, uid, gid, 5))).values()
    assert (found.name, found.isdir(), found.mode) == (path, True, 0o1777)
    assert (found.uid, found.gid, found.mtime) == (uid, gid, 5)


@pytest.mark.parametrize("length", [98, 99, 100, 101, 154, 155, 156, 157, 254, 255, 256, 257, 300, 2000])
@pytest.mark.parametrize("letter", ["a", "ü"])
def test_long_names(length: int, letter: str) -> None:
    parts, left = [], length
    while left > 60:
        parts.append(letter * 59)
        left -= 60
    path = "/".join([*parts, letter * max(left, 1)])
    assert set(read(tar(File(path, 0o644, OLD, Inline(b"x"))))) == {path}
    listed = subprocess.run(
        ["tar", "-tf", "-", "--quoting-style=literal"],
        input=tar(File(path, 0o644, OLD, Inline(b"x"))),
        capture_output=True,
        check=True,
    )
    assert listed.stdout.decode() == f"{path}\n"


def test_one_name_of_200_letters_needs_pax() -> None:
    assert set(read(tar(Directory("n" * 200)))) == {"n" * 200}


def test_a_foreign_name_is_told_in_pax_which_fixes_its_encoding() -> None:
    assert "path=grün\n".encode() in header("grün", b"0", mode=0o644, mtime=0)
    assert len(header("gruen", b"0", mode=0o644, mtime=0)) == 512


def test_a_size_beyond_8_gib_needs_pax() -> None:
    head = header("model.bin", b"0", mode=0o644, size=9 << 30, mtime=0)
    assert len(head) == 3 * 512
    assert b"19 size=9663676416\n" in head
    with tarfile.open(fileobj=io.BytesIO(head)) as archive:
        found = archive.next()
        assert found is not None
        assert found.size == 9 << 30


def test_a_whiteout_is_an_empty_file_of_a_special_name() -> None:
    found = read(tar(Whiteout("opt/venv/old.py"), Whiteout("top")))
    assert set(found) == {"opt/venv/.wh.old.py", ".wh.top"}
    assert all(each.isfile() and each.size == 0 for each in found.values())


def test_the_tar_is_pinned() -> None:
    """A change of this value changes every user's image: raise FORMAT, and say so in the changelog."""
    data = tar(
        Directory("opt", 0o755),
        Directory("tmp", 0o1777, 0, 0, 7),
        Whiteout("opt/old"),
        File("opt/program/train.py", 0o644, OLD, Inline(b"print('hello')\n")),
        File("opt/" + "x" * 300, 0o755, OLD, Inline(b"x" * 512)),
    )
    assert hashlib.sha256(data).hexdigest() == PINNED


PINNED = "a0278b072b22efbc36d0a1dc714ab58218d54c47b2e4180bd4c7efca325e53f6"
