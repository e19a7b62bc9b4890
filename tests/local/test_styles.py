"""The scaffolds of all styles, trained and asked as a user would; the source over the image with --live."""

import json
import shutil
from pathlib import Path

import pytest

from rig.projects import Command, Project

pytestmark = pytest.mark.engine

CLASSES = {"setosa", "versicolor", "virginica"}


@pytest.mark.parametrize("style", ["basic", "script-mode-2"])  # every style: tests/scaffolds
def test_a_scaffold_trains_serves_and_predicts(byoc: Command, project: Project, style: str) -> None:
    folder = project(style)
    trained = json.loads(byoc("run", "train", "--hp", "trees=5", "--json", cwd=folder).stdout)
    assert trained["status"] == "Completed"
    assert trained["model"]["files"]
    served = byoc("run", "serve", "--invoke", "sample.csv", cwd=folder)
    assert CLASSES & set(json.loads(served.stdout))
    assert f"newest successful run, {Path(trained['run']).name}" in served.stderr


def test_live_takes_the_source_as_it_is_now(byoc: Command, project: Project, tmp_path: Path) -> None:
    """What was baked into the image prints nothing of this; no build comes between."""
    folder = tmp_path / "live"
    shutil.copytree(project("script-mode-1"), folder, symlinks=True)
    (folder / "src/train.py").write_text("print('as it is now')\n")
    assert "as it is now" in byoc("run", "train", "--live", cwd=folder).stderr
    baked = byoc("run", "train", "--hp", "trees=5", cwd=folder)
    assert "as it is now" not in baked.stderr


def test_without_a_build_the_fix_is_to_build(byoc: Command, tmp_path: Path) -> None:
    byoc("init", tmp_path / "p", "--style", "basic", "--base", "no-such-base:1")
    for verb in ("train", "serve"):
        done = byoc("run", verb, cwd=tmp_path / "p", check=False)
        assert done.returncode == 1
        assert "has not been built yet" in done.stderr
        assert "fix: run `byoc build` first" in done.stderr


@pytest.mark.parametrize("style", ["basic", "script-mode-1", "script-mode-2", "framework"])
def test_every_style_trains_on_isolated_hosts_and_goes_on_from_checkpoints(
    byoc: Command, project: Project, tmp_path: Path, style: str
) -> None:
    """DIS-01, TRN-08, TRN-11, OUT-02: toolkit and entry program among several hosts."""
    folder = Path(shutil.copytree(project(style), tmp_path / "p", symlinks=True))
    words = ["--hosts", "2", "--isolated", "--json"]
    byoc("run", "train", *words, "--hp", "trees=5", cwd=folder)
    again = byoc("run", "train", *words, "--hp", "trees=10", "--resume", "latest", cwd=folder)
    result = json.loads(again.stdout)
    assert (result["status"], bool(result["model"]["files"])) == ("Completed", True)
    assert any(path.startswith("model/") for path in result["clashes"]), "each host writes the whole model"
    log = (Path(result["run"]) / "log").read_text()
    for host in ("algo-1", "algo-2"):
        assert f"{host} | trees=10" in log
        assert f"{host} | resuming with 5 trees" in log
