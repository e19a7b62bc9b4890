"""What people install is complete: the wheel alone scaffolds and renders, and fits beside both SDKs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest
import uv

from byoc_kit import __version__
from rig.sdk import index_settings

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ("Dockerfile.templates", "containers")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the contents of the wheel, as an installer puts them."""
    target = tmp_path_factory.mktemp("site")
    command = [uv.find_uv_bin(), "pip", "install", "--offline", "--no-deps", f"--target={target}", str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return target


def run(installed: Path, *args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """``byoc ARGS`` from *installed*; only what byoc depends on comes from the environment of the tests."""
    code = f"import sys; sys.path.insert(0, {str(installed)!r}); from byoc_kit.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=cwd,
        env={k: v for k, v in os.environ.items() if k != "DOCKER_HOST"},
        capture_output=True,
        text=True,
        check=False,
    )


def kept(folder: str) -> set[PurePosixPath]:
    """Files below *folder* that belong to the project: no caches, no settings of tools."""
    paths = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file())
    return {
        PurePosixPath(path)
        for path in paths
        if path.suffix != ".pyc"
        and path.name != "ruff.toml"
        and not any(p.startswith(".") for p in path.parts)
    }


@pytest.mark.parametrize("folder", SHIPPED)
def test_the_wheel_ships_every_template_and_scaffold(wheel: Path, folder: str) -> None:
    prefix = PurePosixPath("byoc_kit/_assets")
    names = map(PurePosixPath, zipfile.ZipFile(wheel).namelist())
    shipped = {name.relative_to(prefix) for name in names if name.is_relative_to(prefix / folder)}
    assert {name for name in shipped if name.name != "ruff.toml"} == kept(folder)
    assert len(shipped) > 4


def test_the_wheel_has_every_module_and_text_of_the_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = (path for path in (ROOT / "builder" / "byoc_kit").rglob("*") if path.is_file())
    wanted = {str(path.relative_to(ROOT / "builder")) for path in ours if path.suffix != ".pyc"}
    assert wanted - names == set()


def test_the_wheel_has_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc")] == []
    assert {name.split("/")[0] for name in names} == {"byoc_kit", f"byoc_kit-{__version__}.dist-info"}


def test_the_wheel_alone_tells_its_version(installed: Path, tmp_path: Path) -> None:
    assert run(installed, "--version", cwd=tmp_path).stdout.strip() == f"byoc, version {__version__}"


@pytest.mark.parametrize("style", ["basic", "script-mode-1", "script-mode-2", "framework"])
def test_the_wheel_alone_scaffolds(installed: Path, tmp_path: Path, style: str) -> None:
    done = run(installed, "init", "project", "--style", style, "--base", "mybase:dev", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "project" / "src" / "train.py").is_file()
    assert "byoc run train" in (tmp_path / "project" / "README.md").read_text(encoding="utf-8")


@pytest.mark.engine
def test_the_wheel_alone_renders(installed: Path, tmp_path: Path, base: str) -> None:
    run(installed, "init", "project", "--style", "script-mode-1", "--base", base, cwd=tmp_path)
    done = run(installed, "render", cwd=tmp_path / "project")
    assert done.returncode == 0, done.stderr
    assert "FROM " in done.stdout
    assert base in done.stdout


@pytest.mark.parametrize(("major", "sdk"), [(2, "sagemaker==2.257.7"), (3, "sagemaker==3.27.0")])
def test_it_installs_beside_the_sagemaker_sdk(major: int, sdk: str) -> None:
    pinned = ROOT / "requirements" / f"sdk{major}.txt"
    options = ["--quiet", "--no-header", "--python-version=3.11", f"--constraints={pinned}"]
    command = [uv.find_uv_bin(), "pip", "compile", *options, "-"]
    done = subprocess.run(
        command,
        input=f"{sdk}\n{ROOT}\n",
        env={**os.environ, **index_settings()},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert sdk in done.stdout
    assert "tomlkit==" in done.stdout
