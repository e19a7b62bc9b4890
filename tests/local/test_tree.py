"""The folder of a run."""

import json
from pathlib import Path, PurePosixPath

import pytest

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.job.types import Channel, TrainingJob
from byoc_kit.local.tree import RunTree, create, mounts, newest_success, save_record


def job(*channels: Channel, name: str = "job-1") -> TrainingJob:
    return TrainingJob(name=name, hyperparameters={"lr": "0.1"}, channels=channels)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_text("1,2\n")
    return folder


def test_the_tree_is_what_the_service_lays_out(tmp_path: Path, data: Path) -> None:
    """TRN-06."""
    tree = create(tmp_path / "runs", job(Channel(name="train", source=data)))
    found = {path.relative_to(tree.root).as_posix() for path in tree.root.rglob("*")}
    assert found == {
        "input",
        "input/config",
        "input/config/hyperparameters.json",
        "input/config/inputdataconfig.json",
        "input/config/resourceconfig.json",
        "input/data",
        "input/data/train",
        "model",
        "output",
        "output/data",
        "checkpoints",
    }
    assert (tmp_path / "runs/latest").resolve() == tree.root


def test_latest_follows_the_newest_run(tmp_path: Path) -> None:
    create(tmp_path, job(name="one"))
    tree = create(tmp_path, job(name="two"))
    assert (tmp_path / "latest").readlink() == Path("two")
    assert tree.root.name == "two"


def test_a_folder_in_the_place_of_latest_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    tree = create(tmp_path, job(name="one"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "one"]
    assert tree.model.is_dir()


def test_input_is_read_only_and_the_rest_is_not(tmp_path: Path, data: Path) -> None:
    """TRN-06, CHN-01."""
    asked = job(Channel(name="train", source=data), Channel(name="one", source=data / "a.csv"))
    tree = create(tmp_path / "runs", asked)
    seen = {str(mount.target): (mount.source, mount.read_only) for mount in mounts(tree, asked, "algo-1")}
    assert seen == {
        "/opt/ml/input": (tree.input, True),
        "/opt/ml/input/data/train": (data, True),
        "/opt/ml/input/data/one/a.csv": (data / "a.csv", True),
        "/opt/ml/model": (tree.model, False),
        "/opt/ml/output": (tree.output, False),
        "/opt/ml/checkpoints": (tree.checkpoints, False),
    }
    for mount in mounts(tree, asked, "algo-1"):
        if PurePosixPath("/opt/ml/input/data") in mount.target.parents:
            assert (tree.root / mount.target.relative_to("/opt/ml")).exists(), (
                "Docker cannot make it: read-only"
            )


def test_a_channel_without_data_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        create(tmp_path / "runs", job(Channel(name="train", source=tmp_path / "none")))
    assert str(caught.value).splitlines() == [
        f"channel train: {tmp_path}/none is not there",
        "  why: the data of a channel are a file or a folder of this machine, mounted read-only (CHN-01)",
        "  fix: correct [train] channels in byoc.toml, or give --channel train=PATH",
    ]
    assert not (tmp_path / "runs").exists()


def test_a_place_that_cannot_be_written_is_an_error_with_a_fix(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.raises(ByocError) as caught:
        create(tmp_path / "runs", job())
    assert caught.value.id == "BYOC-E411"


def finished(tree: RunTree, status: str, started: str, *, model: bool = True) -> None:
    if model:
        (tree.model / "weights").write_text("1")
    save_record(tree, {"status": status, "started": started})


def test_the_newest_success_is_by_its_start_and_has_a_model(tmp_path: Path) -> None:
    assert newest_success(tmp_path / "runs") is None
    for name, status, started, model in [
        ("c", "Completed", "2026-01-01", True),
        ("a", "Completed", "2026-01-02", True),
        ("d", "Failed", "2026-01-03", True),
        ("b", "Completed", "2026-01-04", False),
    ]:
        finished(create(tmp_path / "runs", job(name=name)), status, started, model=model)
    (tmp_path / "runs" / "c" / "job.json").touch()
    unreadable = create(tmp_path / "runs", job(name="e"))
    unreadable.record.write_text("{")
    newest = newest_success(tmp_path / "runs")
    assert newest is not None
    assert newest.root.name == "a"


def test_the_record_says_its_schema(tmp_path: Path) -> None:
    tree = create(tmp_path, job())
    save_record(tree, {"status": "Completed"})
    assert json.loads(tree.record.read_text()) == {"schema": "byoc/run-train/1", "status": "Completed"}
