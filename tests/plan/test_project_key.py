"""A project's content key changes with everything that changes the image, and with nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from byoc_kit.plan.build import plan_build
from byoc_kit.work.key import key_of
from byoc_kit.work.project import load
from byoc_kit.work.tree import read_tree
from plan.examples import base_of

TOML = """
[image]
name = "churn"
style = "basic"
base = "base:1"
[python]
packages = ["lib"]
[train]
program = "train.py"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "byoc.toml": TOML,
        "src/train.py": "print('trained')\n",
        "lib/pyproject.toml": "[project]\nname = 'lib'\nversion = '1'\n",
        "notes.txt": "not in the image",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def key(root: Path) -> str:
    project = load(root / "byoc.toml")
    return key_of(plan_build(project.spec, base_of(), read_tree(project.spec, root)), root)


def own_template(root: Path) -> None:
    (root / "templates").mkdir()
    (root / "templates" / "basic.j2").write_text('{% extends "byoc/basic.j2" %}')


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "src" / "train.py").write_text("print('other')\n"),
        lambda root: (root / "src" / "more.py").write_text(""),
        lambda root: (root / "lib" / "lib.py").write_text(""),
        lambda root: (root / "src" / "train.py").chmod(0o755),
        lambda root: (root / "byoc.toml").write_text(TOML + '[env]\nA = "b"\n'),
        own_template,
    ],
    ids=["program", "new file", "package", "mode", "env", "template"],
)
def test_what_changes_the_image_changes_the_key(root: Path, change: Callable[[Path], None]) -> None:
    before = key(root)
    change(root)
    assert key(root) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "notes.txt").write_text("other"),
        lambda root: (root / "src" / "train.py").write_bytes(b"print('trained')\r\n"),
        lambda root: (root / "byoc.toml").write_text(TOML + '[build]\nengine = "docker"\ncache = false\n'),
    ],
    ids=["other file", "line ends", "how it is built"],
)
def test_what_does_not_change_the_image_does_not(root: Path, change: Callable[[Path], None]) -> None:
    before = key(root)
    change(root)
    assert key(root) == before
