"""Which docker program is used: never one that would fall back to the classic builder."""

from pathlib import Path

import pytest

from byoc_kit.engines.command import Docker, find_docker
from byoc_kit.errors import ByocError

OLD = "#!/bin/sh\n[ \"$1\" = --version ] && echo 'Docker version 20.10.24, build x' && exit 0\nexit 1\n"
NEW = OLD.replace("20.10.24", "28.2.2")
PLUGIN = "#!/bin/sh\nexit 0\n"
OTHER = "#!/bin/sh\n[ \"$1\" = --version ] && echo 'podman version 5.0' && exit 0\nexit 1\n"


def folders(tmp_path: Path, *scripts: str) -> dict[str, str]:
    """A PATH of folders with one docker each."""
    path = []
    for number, script in enumerate(scripts):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "docker").write_text(script)
        (folder / "docker").chmod(0o755)
        path.append(str(folder))
    return {"PATH": ":".join(path)}


def find(tmp_path: Path, *scripts: str) -> Docker:
    return find_docker(folders(tmp_path, *scripts))


def test_a_plugin_builds(tmp_path: Path) -> None:
    found = find(tmp_path, PLUGIN)
    assert found == Docker(path=str(tmp_path / "0" / "docker"), buildx=True)
    assert found.build == [found.path, "buildx", "build", "--load"]


def test_an_older_program_builds_by_itself(tmp_path: Path) -> None:
    found = find(tmp_path, OLD)
    assert not found.buildx
    assert found.build == [found.path, "build"]


def test_a_newer_program_without_plugin_is_passed_over_and_that_is_said(tmp_path: Path) -> None:
    found = find(tmp_path, NEW, OTHER, OLD)
    assert found.path == str(tmp_path / "2" / "docker")
    assert found.passed_over == (
        f"{tmp_path}/0/docker (version 28) has no buildx plugin",
        f"{tmp_path}/1/docker (version unknown) has no buildx plugin",
    )


def test_none_that_can_is_an_error_with_the_package_to_install(tmp_path: Path) -> None:
    with pytest.raises(ByocError, match="BuildKit") as caught:
        find_docker(folders(tmp_path, NEW), run=lambda command: (1, "Docker version 28.0.0, build x"))
    assert caught.value.id == "BYOC-E310"
    assert "docker-buildx-plugin" in caught.value.fix
