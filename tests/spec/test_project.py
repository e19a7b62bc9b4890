"""A project on disk: how byoc.toml is found, and what is said about the files around it."""

import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.store import Store
from byoc_kit.work.project import Disk, Edition, find, load

TEXT = '[image]\nname = "churn"\nstyle = "basic"\nbase = "python:3.12"\n[train]\nprogram = "train.py"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that is right."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "train.py").touch()
    (folder / "byoc.toml").write_text(TEXT, encoding="utf-8")
    return folder


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"BYOC_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}


def refusal(root: Path, environ: dict[str, str]) -> str:
    with pytest.raises(UsageError) as caught:
        load(root / "byoc.toml", environ=environ)
    return str(caught.value)


def test_found_from_a_folder_below(root: Path) -> None:
    assert find(root / "src") == root / "byoc.toml"


def test_not_found(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find(tmp_path)
    assert str(caught.value) == (
        f"there is no byoc.toml in {tmp_path} or a parent folder\n"
        "  why: this command works on a project\n"
        "  fix: `byoc init` makes one here, -f FILE names one elsewhere"
    )


def test_the_root_is_the_folder_of_the_file(root: Path, environ: dict[str, str]) -> None:
    project = load(root / "src" / ".." / "byoc.toml", environ=environ)
    assert project.root == root
    assert project.file == root / "byoc.toml"
    assert project.state == root / ".byoc"


def test_another_file_of_the_same_folder(root: Path, environ: dict[str, str]) -> None:
    (root / "inference.toml").write_text(TEXT.replace("churn", "other"), encoding="utf-8")
    assert load(root / "inference.toml", environ=environ).spec.image.name == "other"


def test_a_file_that_is_not_there(root: Path, environ: dict[str, str]) -> None:
    (root / "byoc.toml").unlink()
    assert refusal(root, environ) == (
        f"{root / 'byoc.toml'} cannot be read\n"
        "  why: No such file or directory\n"
        "  fix: name a file with -f, or `byoc init` makes one"
    )


def test_a_file_that_is_not_text(root: Path, environ: dict[str, str]) -> None:
    (root / "byoc.toml").write_bytes(b"[image]\nname = '\xe9'\n")
    assert "line 2 is not UTF-8" in refusal(root, environ)


def test_a_file_that_is_far_too_large(root: Path, environ: dict[str, str]) -> None:
    (root / "byoc.toml").write_bytes(b"#" * ((1 << 20) + 1))
    assert "1048577 bytes, which no byoc.toml has" in refusal(root, environ)


def test_a_folder_as_file(root: Path, environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load(root / "src", environ=environ)


@pytest.mark.parametrize("target", ["/etc/hostname", "../../outside"])
def test_a_link_that_leads_out(root: Path, environ: dict[str, str], target: str) -> None:
    (root / "src" / "link").symlink_to(target)
    assert "src/link is a link that leads out of the project" in refusal(root, environ)


def test_a_folder_that_is_a_link_that_leads_out(root: Path, tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "shared").mkdir()
    (root / "src" / "shared").symlink_to(tmp_path / "shared")
    assert "src/shared is a link that leads out of the project" in refusal(root, environ)


def test_a_source_that_is_a_link_that_leads_out(root: Path, tmp_path: Path, environ: dict[str, str]) -> None:
    (root / "src").rename(tmp_path / "code")
    (root / "src").symlink_to(tmp_path / "code")
    assert "src is a link that leads out of the project" in refusal(root, environ)


def test_links_inside_the_project_are_fine(root: Path, environ: dict[str, str]) -> None:
    (root / "src" / "again.py").symlink_to("train.py")
    (root / "src" / "folder").symlink_to(".")
    assert load(root / "byoc.toml", environ=environ).spec.notes == ()


def test_what_dockerignore_names_may_hold_credentials(root: Path, environ: dict[str, str]) -> None:
    (root / "src" / ".env").touch()
    assert "src/.env would get into the image" in refusal(root, environ)
    (root / ".dockerignore").write_text("**/.env\n", encoding="utf-8")
    assert load(root / "byoc.toml", environ=environ)


def test_what_no_image_gets_is_not_looked_through(root: Path) -> None:
    for name in (".git", ".venv", ".byoc", "__pycache__"):
        (root / "src" / name).mkdir()
        (root / "src" / name / "id_rsa").touch()
    (root / "src" / "a").mkdir()
    (root / "src" / "a" / "b.txt").write_bytes(b"123")
    found = [(str(path), size) for path, size in Disk(root).below(PurePosixPath("src"))]
    assert found == [("src/train.py", 0), ("src/a/b.txt", 3)]


def test_a_file_that_begins_with_a_mark_of_its_encoding(root: Path, environ: dict[str, str]) -> None:
    (root / "byoc.toml").write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert load(root / "byoc.toml", environ=environ).spec.image.name == "churn"


def test_a_name_that_the_file_system_refuses(root: Path, environ: dict[str, str]) -> None:
    (root / "byoc.toml").write_text(TEXT.replace("train.py", "x" * 5000), encoding="utf-8")
    assert "train.program: there is no file xxx" in refusal(root, environ)


def test_links_in_a_circle(root: Path, environ: dict[str, str]) -> None:
    (root / "src" / "a").symlink_to("b")
    (root / "src" / "b").symlink_to("a")
    assert "src/a is a link that leads out of the project" in refusal(root, environ)


def test_what_is_no_file_is_not_read(root: Path, environ: dict[str, str]) -> None:
    os.mkfifo(root / "src" / "pipe")
    (root / "src" / "link").symlink_to("pipe")
    assert load(root / "byoc.toml", environ=environ)


def test_a_dockerignore_in_another_encoding(root: Path, environ: dict[str, str]) -> None:
    (root / ".dockerignore").write_bytes(b"\xff\nsrc/.env\n")
    (root / "src" / ".env").touch()
    assert load(root / "byoc.toml", environ=environ)


def test_a_folder_that_was_removed(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    program = "import os; os.rmdir(os.getcwd()); from byoc_kit.work.project import load; load()"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=gone, capture_output=True, text=True, check=False
    )
    assert "UsageError: the current folder does not exist any more" in done.stderr


def test_a_cache_that_cannot_be_written_is_no_error(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert load(root / "byoc.toml", environ={"BYOC_CACHE_DIR": str(tmp_path / "file"), "HOME": str(tmp_path)})


def test_what_another_version_remembered_is_not_trusted(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "rules.py").touch()
    edition = Edition(Store(tmp_path / "cache"), code)
    edition.write("spec", "a text", {"right": True})
    assert edition.read("spec", "a text") == {"right": True}
    os.utime(code / "rules.py", (1, 1))
    assert edition.read("spec", "a text") is None
