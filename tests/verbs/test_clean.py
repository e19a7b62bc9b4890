"""byoc clean and byoc cache: what goes is what was said, and nothing else."""

import json
from pathlib import Path

import docker
import pytest

from byoc_kit.docker_helper import RUN
from byoc_kit.work.cache import cache_info, prune
from rig.projects import Command

NOWHERE = {"DOCKER_HOST": "unix:///nowhere"}

TOML = """\
[image]
name = "byoc-clean-test"
style = "basic"
base = "a:b"

[train]
program = "train.py"
source = "src"

[serve]
program = "train.py"
source = "src"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with three runs: an old one, the newest good one, and the latest, which failed."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("")
    (tmp_path / "byoc.toml").write_text(TOML)
    runs = tmp_path / ".byoc" / "runs"
    for name, status in (("a", "Completed"), ("b", "Completed"), ("c", "Failed")):
        (runs / name / "model").mkdir(parents=True)
        (runs / name / "model" / "weights").write_bytes(bytes(1000))
        record = {"schema": "byoc/run/1", "status": status, "started": f"2026-01-01T00:00:0{ord(name) - 97}"}
        (runs / name / "job.json").write_text(json.dumps(record))
    (runs / "latest").symlink_to("c")
    return tmp_path


def runs(project: Path) -> set[str]:
    return {path.name for path in (project / ".byoc" / "runs").iterdir()}


def test_what_runs_share_goes_with_all(project: Path, byoc: Command) -> None:
    for name in ("data", "warmpool"):
        (project / ".byoc" / name).mkdir()
    byoc("clean", cwd=project, env=NOWHERE)
    assert {"data", "warmpool"} <= {path.name for path in (project / ".byoc").iterdir()}
    byoc("clean", "--all", cwd=project, env=NOWHERE)
    assert not {"data", "warmpool"} & {path.name for path in (project / ".byoc").iterdir()}


def test_the_latest_run_and_the_newest_good_one_stay(project: Path, byoc: Command) -> None:
    dry = json.loads(byoc("clean", "--dry-run", "--json", cwd=project, env=NOWHERE).stdout)
    assert dry["folders"] == [str(project / ".byoc" / "runs" / "a")]
    assert dry["bytes"] > 1000
    assert runs(project) == {"a", "b", "c", "latest"}
    done = byoc("clean", "--json", cwd=project, env=NOWHERE)
    assert json.loads(done.stdout) == dry
    assert "containers were not looked for" in done.stderr
    assert runs(project) == {"b", "c", "latest"}
    assert byoc("clean", cwd=project, env=NOWHERE).stdout == "nothing to remove\n"


def test_all_means_all(project: Path, byoc: Command) -> None:
    byoc("clean", "--all", cwd=project, env=NOWHERE)
    assert runs(project) == set()


def test_images_need_an_engine(project: Path, byoc: Command) -> None:
    done = byoc("clean", "--images", cwd=project, env=NOWHERE, check=False)
    assert (done.returncode, "BYOC-E301" in done.stderr) == (1, True)
    assert "a" in runs(project)


@pytest.mark.engine
def test_what_a_kept_run_left_in_the_engine_goes_and_others_stay(
    project: Path, byoc: Command, engine: docker.DockerClient
) -> None:
    owner = {"byoc.owner": f"{engine.info()['Name']}:999999999:1", "byoc.keep": "true"}
    mine, others = "byoc-clean-test-2026-01-01-00-00-00-000", "byoc-clean-test-other-2026-01-01-00-00-00-000"
    tuned = "tuned-261121-074052-001-145d08b3"  # not named after the image, but its folder is here
    (project / ".byoc/runs" / tuned).mkdir()
    names = (mine, others, tuned)
    networks = [engine.networks.create(f"byoc-{run}", labels={RUN: run, **owner}) for run in names]
    try:
        dry = json.loads(byoc("clean", "--dry-run", "--json", cwd=project).stdout)
        assert dry["engine_runs"] == [mine, tuned]
        byoc("clean", cwd=project)
        left = {network.name for network in engine.networks.list(filters={"label": RUN})}
        assert not {f"byoc-{mine}", f"byoc-{tuned}"} & left
        assert f"byoc-{others}" in left
    finally:
        for network in networks:
            if network.name in {each.name for each in engine.networks.list()}:
                network.remove()


@pytest.mark.engine
def test_the_name_of_the_last_build_goes_when_asked_for(
    project: Path, byoc: Command, engine: docker.DockerClient
) -> None:
    said = engine.api.import_image_from_data(b"\0" * 10240, repository="byoc-clean-test", tag="latest")
    image = json.loads(said.strip().splitlines()[-1])["status"]
    built = {
        "schema": "byoc/built/1",
        "reference": f"docker:{image}",
        "name": "byoc-clean-test:latest",
        "image_id": image,
        "engine": "docker",
        "platform": "linux/amd64",
        "size": 1,
        "seconds": 1.0,
    }
    (project / ".byoc" / "last-build.json").write_text(json.dumps(built))
    assert json.loads(byoc("clean", "--json", cwd=project).stdout)["images"] == []
    assert json.loads(byoc("clean", "--images", "--json", cwd=project).stdout)["images"] == [
        "byoc-clean-test:latest"
    ]
    assert engine.images.list(name="byoc-clean-test") == []


def test_the_cache_is_told_and_freed(tmp_path: Path, byoc: Command) -> None:
    root = tmp_path / "cache"
    (root / "inventory" / "ab").mkdir(parents=True)
    (root / "inventory" / "ab" / "x.json").write_bytes(bytes(500))
    environ = {"BYOC_CACHE_DIR": str(root)}
    told = json.loads(byoc("cache", "info", "--json", env=environ).stdout)
    assert told == {
        "schema": "byoc/cache/1",
        "root": str(root),
        "kinds": [{"name": "inventory", "files": 1, "bytes": 500}],
    }
    assert json.loads(byoc("cache", "prune", "--json", env=environ).stdout)["freed"] == 500
    assert cache_info(root) == ()
    assert "nothing is kept" in byoc("cache", "info", env=environ).stdout


def test_no_cache_is_no_error(tmp_path: Path) -> None:
    assert cache_info(tmp_path / "none") == ()
    assert prune(tmp_path / "none") == 0
