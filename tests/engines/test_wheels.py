"""The program of the wheel stage: what of the base stays, and what of pip's report is to be fetched."""

import importlib.util
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from byoc_kit import assets


@pytest.fixture(scope="module")
def wheels() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wheels", assets.containers() / "wheels" / "wheels.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def kept(wheels: ModuleType, folder: Path, may_change: list[str], protect: list[str]) -> dict[str, str]:
    lines: list[str] = wheels.kept(folder, may_change, protect)
    return dict(line.split("==") for line in lines)


def test_what_the_base_has_stays_unless_a_requirement_names_it(wheels: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("Docker[ssh]>=7 ; python_version > '3'\n# rich\n-e .\n")
    stays = kept(wheels, tmp_path, [], [])
    assert "docker" not in stays
    assert "rich" in stays
    assert "click" in stays
    assert "click" not in kept(wheels, tmp_path, ["Click"], [])
    assert "docker" in kept(wheels, tmp_path, [], ["DOCKER"])


def test_what_is_protected_stays_although_a_requirement_names_it(wheels: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("docker>=7\nclick>=8\nnumpy>=1\n")
    (tmp_path / "protected.json").write_text('{"version": ["dock*"], "major": ["numpy"]}')
    stays = kept(wheels, tmp_path, [], [])
    assert "docker" in stays
    assert "click" not in stays
    assert stays["numpy"].endswith(".*")
    assert stays["numpy"].count(".") == 1
    allowed = kept(wheels, tmp_path, ["docker", "numpy"], [])
    assert not {"docker", "numpy"} & allowed.keys()


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"is_direct": False}, "some-cat==1.0+local"),
        ({"is_direct": True, "download_info": {"url": "file:///byoc/wheels/x.whl"}}, ""),
        (
            {"is_direct": True, "download_info": {"url": "https://a.example/x.whl"}},
            "some-cat @ https://a.example/x.whl",
        ),
        (
            {
                "is_direct": True,
                "download_info": {
                    "url": "https://a.example/cat.git",
                    "vcs_info": {"vcs": "git", "commit_id": "abc"},
                },
            },
            "some-cat @ git+https://a.example/cat.git@abc",
        ),
    ],
)
def test_entries_of_pips_report(wheels: ModuleType, entry: dict[str, Any], line: str) -> None:
    assert wheels.exact({"metadata": {"name": "some-cat", "version": "1.0+local"}, **entry}) == line


def test_pip_tells_its_version(wheels: ModuleType) -> None:
    assert wheels.pip_version([sys.executable, "-c", "print('pip 23.0.1 from /x (python 3.11)')"]) == (23, 0)


def test_a_wheel_is_installed_by_the_name_and_version_that_it_tells(
    wheels: ModuleType, tmp_path: Path
) -> None:
    wheel = tmp_path / "some_cat-1.0_local-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("cat/vendor.dist-info/METADATA", "Name: other\nVersion: 9\n")
        archive.writestr(
            "some_cat-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: some-cat\nVersion: 1.0+local\n"
        )
    assert wheels.name_of(wheel) == "some-cat==1.0+local"
