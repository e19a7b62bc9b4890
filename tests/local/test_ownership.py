"""Files that are not the caller's are given back to him."""

import io
import os
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from byoc_kit.local.ownership import give_back
from byoc_kit.talk import Silence

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of somebody else for a test"),
]


class Warnings(Silence):
    """A listener who remembers warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def empty(engine: docker.DockerClient) -> Iterator[str]:
    """An image without any program."""
    name = f"byoc-test-empty:{uuid.uuid4().hex[:12]}"
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("nothing"))
    engine.api.import_image_from_data(content.getvalue(), *name.split(":"))
    yield name
    engine.images.remove(name, force=True)


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder with a file, a link and a folder of somebody else."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model/weights").write_text("1")
    (tmp_path / "model/link").symlink_to("/etc/passwd")
    for path in tmp_path.rglob("*"):
        os.lchown(path, 12345, 12345)
    return tmp_path


def owners(folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in folder.rglob("*")}


def test_a_helper_changes_files_and_links_but_not_what_they_point_to(
    engine: docker.DockerClient, base: str, foreign: Path
) -> None:
    talk = Warnings()
    give_back(engine, base, foreign, talk)
    assert owners(foreign) == {0}
    assert Path("/etc/passwd").stat().st_uid == 0
    assert not talk.warnings


def test_where_the_image_cannot_help_a_warning_names_the_command(
    engine: docker.DockerClient, empty: str, foreign: Path
) -> None:
    talk = Warnings()
    give_back(engine, empty, foreign, talk)
    (warning,) = talk.warnings
    assert warning.startswith(f"3 files in {foreign} are not yours; take them with: sudo chown -R ")
    assert not engine.containers.list(all=True, filters={"ancestor": empty}), "a helper was left behind"
