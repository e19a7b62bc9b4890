"""A context on disk: modes from the plan, hashes of what was written, and a word about what is large."""

import os
from pathlib import Path, PurePosixPath

import pytest

from byoc_kit.engines.context import LARGE, heaviest, sizes_below, write_context
from byoc_kit.errors import UsageError
from byoc_kit.plan.dockerignore import Ignore
from byoc_kit.plan.types import Asset, Content, ContextFile, Inline, ProjectFile, Rendered


def rendered(content: Content, *, mode: int = 0o644, unix_lines: bool = False) -> Rendered:
    file = ContextFile(path=PurePosixPath("a/b/file"), content=content, mode=mode, unix_lines=unix_lines)
    return Rendered(dockerfile="FROM scratch\n", context=(file,))


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_modes_come_from_the_plan_whatever_the_umask(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        write_context(rendered(Inline("x"), mode=0o755), tmp_path, tmp_path / "out")
    finally:
        os.umask(before)
    modes = {str(path.relative_to(tmp_path)): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert {modes[name] for name in ("out", "out/a", "out/a/b", "out/a/b/file")} == {0o755}


def test_what_was_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_bytes(b"one\r\ntwo\r\n")
    source = ProjectFile(PurePosixPath("train.py"))
    (mended,) = write_context(rendered(source, unix_lines=True), tmp_path, tmp_path / "mended")
    (as_is,) = write_context(rendered(source), tmp_path, tmp_path / "as-is")
    assert (mended.path, mended.size) == ("a/b/file", 8)
    assert (tmp_path / "mended" / "a" / "b" / "file").read_bytes() == b"one\ntwo\n"
    assert as_is.size == 10


def test_byocs_own_files_are_found(tmp_path: Path) -> None:
    (written,) = write_context(rendered(Asset(PurePosixPath("wheels/wheels.py"))), tmp_path, tmp_path / "out")
    assert written.size > 1000


def test_a_file_that_has_gone_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.py cannot be read") as caught:
        write_context(rendered(ProjectFile(PurePosixPath("gone.py"))), tmp_path, tmp_path / "out")
    assert caught.value.id == "BYOC-E214"


def test_only_a_large_context_is_talked_about() -> None:
    sizes = {f"data/{number:02}": 10_000_000 * number for number in range(1, 13)}
    assert list(heaviest({"a": LARGE - 1})) == []
    first, *lines = heaviest(sizes)
    assert "780 MB" in first
    assert len(lines) == 10
    assert lines[0].split() == ["120.0", "MB", "data/12"]


def test_sizes_of_an_adopted_context(tmp_path: Path) -> None:
    for name in ("Dockerfile", "data/big", "src/train.py", ".git/objects/x"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("four")
    assert sizes_below(tmp_path, Ignore("data\n")) == {"Dockerfile": 4, "src/train.py": 4}
