"""What a model holds is told of a folder and of an archive alike."""

import tarfile
from pathlib import Path

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.work.model_files import list_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "model"
    (top / "code").mkdir(parents=True)
    (top / "code/inference.py").write_text("x = 1\n")
    (top / "weights").symlink_to("code/inference.py")
    return top


def test_a_folder(folder: Path) -> None:
    found = {file.path: file.kind for file in list_model(folder)}
    assert found == {"code": "dir", "code/inference.py": "file", "weights": "symlink"}


def test_an_archive(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, arcname=".")
    found = {file.path: file.kind for file in list_model(archive) if file.path != "."}
    assert found == {"code": "dir", "code/inference.py": "file", "weights": "symlink"}


def test_nothing(tmp_path: Path) -> None:
    assert list_model(tmp_path / "nowhere") == ()


def test_something_else(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"no archive")
    with pytest.raises(UsageError, match="is no model"):
        list_model(tmp_path / "model.pkl")
