"""Which files of a project's folder a plan may use, on a real disk."""

from pathlib import Path, PurePosixPath

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.work.project import Project
from byoc_kit.work.state import read_last_build, write_last_build
from byoc_kit.work.tree import read_tree, walk
from plan.examples import spec_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (
        "src/train.py",
        "src/inference.py",
        "src/__pycache__/x.pyc",
        "src/.git/HEAD",
        "other/x",
        "secret",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (tmp_path / "src" / "train.py").chmod(0o755)
    return tmp_path


def test_only_what_the_spec_names_is_looked_at(root: Path) -> None:
    assert read_tree(spec_of(), root).project == {
        PurePosixPath("src/train.py"): 0o755,
        PurePosixPath("src/inference.py"): 0o644,
    }


def test_styles_that_fetch_code_take_none(root: Path) -> None:
    assert read_tree(spec_of("script-mode-2"), root).project == {}


def test_dockerignore_counts(root: Path) -> None:
    (root / ".dockerignore").write_bytes(b"# na\xefve\nsrc/infer*\n")
    assert list(read_tree(spec_of(), root).project) == [PurePosixPath("src/train.py")]


def test_byocs_own_files_are_programs_only() -> None:
    assets = read_tree(spec_of(), Path("/nowhere")).assets
    assert PurePosixPath("entry/__main__.py") in assets
    assert PurePosixPath("serving/__main__.py") in assets
    assert {path.suffix for path in assets} == {".py"}


def test_links_inside_are_followed_and_circles_end(root: Path) -> None:
    (root / "src" / "linked.py").symlink_to(root / "other" / "x")
    (root / "src" / "folder").symlink_to(root / "other")
    (root / "src" / "circle").symlink_to(root / "src")
    names = {str(path) for path, _ in walk(root, PurePosixPath("src"))}
    assert names == {"src/train.py", "src/inference.py", "src/linked.py", "src/folder/x"}


@pytest.mark.parametrize("target", ["/etc", "/etc/hostname", "../.."])
def test_links_out_are_refused(root: Path, target: str) -> None:
    (root / "src" / "out").symlink_to(target)
    with pytest.raises(UsageError, match="src/out leads out") as caught:
        read_tree(spec_of(), root)
    assert caught.value.id == "BYOC-E213"


def test_a_state_that_cannot_be_kept_is_told(root: Path) -> None:
    project = Project(root=root, file=root / "byoc.toml", spec=spec_of())
    (root / ".byoc").write_text("in the way")
    with pytest.raises(UsageError) as caught:
        write_last_build(project, None)  # type: ignore[arg-type]  # it fails before it looks
    assert caught.value.id == "BYOC-E315"


@pytest.mark.parametrize("text", [None, "", "[]", '{"schema": "byoc/built/9"}', '{"schema": "byoc/built/1"}'])
def test_a_last_build_that_cannot_be_read_is_told(root: Path, text: str | None) -> None:
    project = Project(root=root, file=root / "byoc.toml", spec=spec_of())
    if text is not None:
        project.state.mkdir()
        (project.state / "last-build.json").write_text(text)
    with pytest.raises(Exception, match=r"built yet|cannot be read") as caught:
        read_last_build(project)
    assert getattr(caught.value, "id", "") == "BYOC-E314"
