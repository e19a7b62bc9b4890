"""What the git repository of a project tells."""

import subprocess
from pathlib import Path

import pytest

from byoc_kit.plan.tags import Source
from byoc_kit.work.git import read_source


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@a.example", "-c", "commit.gpgsign=false"]
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "GIT_COMMITTER_DATE": "2026-01-31T23:30:00-02:00",
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a folder of a repository, all committed."""
    git(tmp_path, "init", "-q")
    folder = tmp_path / "churn"
    folder.mkdir()
    (folder / "train.py").write_text("1\n")
    (tmp_path / "other.py").write_text("1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    return folder


def test_a_clean_tree_has_commit_and_day_in_utc(project: Path) -> None:
    assert read_source(project) == Source(commit=git(project, "rev-parse", "HEAD"), day="20260201")


@pytest.mark.parametrize("name", ["train.py", "new.py"])
def test_changed_and_new_files_are_dirt(project: Path, name: str) -> None:
    (project / name).write_text("2\n")
    assert read_source(project).dirty


@pytest.mark.parametrize("name", ["../other.py", ".byoc/record.json"])
def test_files_that_are_not_the_projects_are_no_dirt(project: Path, name: str) -> None:
    (project / ".byoc").mkdir()
    (project / name).write_text("2\n")
    assert not read_source(project).dirty


def test_a_lock_that_was_just_made_is_no_dirt_until_git_knows_it(project: Path) -> None:
    (project / "pylock.byoc.toml").write_text("1\n")
    assert read_source(project).dirty
    assert not read_source(project, {"pylock.byoc.toml"}).dirty
    git(project, "add", ".")
    assert read_source(project, {"pylock.byoc.toml"}).dirty
    git(project, "commit", "-qm", "two")
    (project / "pylock.byoc.toml").write_text("2\n")
    assert read_source(project, {"pylock.byoc.toml"}).dirty


def test_no_repository_and_no_commit(tmp_path: Path, project: Path) -> None:
    empty = tmp_path.with_name(f"{tmp_path.name}-empty")
    empty.mkdir()
    git(empty, "init", "-q")
    assert read_source(empty) == Source()
    assert read_source(Path("/")) == Source()


def test_no_git_at_all(project: Path) -> None:
    assert read_source(project, run=lambda folder, arguments: None) == Source()
