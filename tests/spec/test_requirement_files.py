"""[python] requirements-file: a requirements file, a pyproject.toml, or a lock of PEP 751."""

from pathlib import Path

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.work.project import load

SPEC = """\
[image]
name = "churn"
style = "basic"
base = "python:3.12-slim"
[python]
requirements = ["six"]
requirements-file = "FILE"
[train]
program = "train.py"
source = "src"
"""


def requirements(tmp_path: Path, name: str, text: str) -> tuple[str, ...]:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("")
    (tmp_path / name).write_text(text)
    file = tmp_path / "byoc.toml"
    file.write_text(SPEC.replace("FILE", name))
    return load(file, environ={"BYOC_CACHE_DIR": str(tmp_path / "cache")}).spec.python.requirements


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "pandas>=2\n"),
        ("pyproject.toml", '[project]\nname = "x"\ndependencies = ["pandas>=2"]\n'),
    ],
)
def test_what_a_file_asks_for_comes_after_what_stands_in_byoc_toml(
    tmp_path: Path, name: str, text: str
) -> None:
    assert requirements(tmp_path, name, text) == ("six", "pandas>=2")


def test_a_pylock_asks_for_its_versions(tmp_path: Path) -> None:
    text = 'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "pandas"\nversion = "2.1"\n'
    assert requirements(tmp_path, "pylock.toml", text) == ("six", "pandas==2.1")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("uv.lock", "version = 1", "uv export"),
        ("pyproject.toml", "[tool.x]", "pyproject.toml cannot be read"),
        (
            "pyproject.toml",
            '[project]\ndependencies = ["x @ https://u:p@index.example/x.whl"]',
            "its URL holds",
        ),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        requirements(tmp_path, name, text)
    assert caught.value.id == "BYOC-E114"
    assert told in str(caught.value)
