"""When byoc ends a job, what it goes on from, and what it may use, with a real engine."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from local.runs import record, remove_kept
from rig.projects import Command

pytestmark = pytest.mark.engine

Left = Callable[[], list[str]]


def test_a_stop_gives_time_to_save_and_is_well_done(
    byoc: Command, algo: str, tmp_path: Path, left: Left
) -> None:
    """SIG-01, OUT-06."""
    words = ["--hp", "do=wait", "--stop-after", "1.5", "--json"]
    done = byoc("run", "train", algo, *words, cwd=tmp_path)
    result = json.loads(done.stdout)
    assert (result["status"], result["model"]["files"]) == ("Stopped", {"weights.json": 20})
    assert Path(result["model"]["archive"]).stat().st_size > 0
    assert record(tmp_path)["status"] == "Stopped"
    assert "the handler has run" in done.stderr
    assert not left()


def test_a_job_that_ends_before_the_stop_is_completed(byoc: Command, algo: str, tmp_path: Path) -> None:
    done = byoc("run", "train", algo, "--stop-after", "300", "--json", cwd=tmp_path)
    assert "note: the job ended by itself before the stop after 300 s" in done.stderr
    assert json.loads(done.stdout)["status"] == "Completed"


def test_spot_instances_vanish_and_the_job_goes_on_from_its_checkpoints(
    byoc: Command, algo: str, tmp_path: Path, left: Left
) -> None:
    """SIG-04, TRN-08, OUT-07: nothing but the checkpoints is there again."""
    words = ["--hosts", "2", "--hp", "do=spot", "--interrupt-after", "3"]
    done = byoc("run", "train", algo, *words, cwd=tmp_path)
    run = Path(done.stdout.strip())
    assert "note: the spot instances are gone; the job begins anew with its checkpoints" in done.stderr
    for host in ("algo-1", "algo-2"):
        assert json.loads((run / f"model/{host}.json").read_text()) == [
            "half",
            [],
            ["algo-1", "algo-2", "one"],
        ]
        assert (run / "hosts" / host / "log").read_text().count("to stderr") == 2
    assert sorted(path.name for path in (run / "model").iterdir()) == ["algo-1.json", "algo-2.json"]
    assert not left()


def test_a_later_run_goes_on_from_the_checkpoints(byoc: Command, algo: str, tmp_path: Path) -> None:
    """OUT-07."""
    refused = byoc("run", "train", algo, "--resume", "latest", cwd=tmp_path, check=False)
    assert "error [BYOC-E427]: there are no checkpoints to go on from: --resume latest" in refused.stderr
    first = byoc(
        *("run", "train", algo, "--hp", "do=spot", "--time-limit", "2"),
        cwd=tmp_path,
        check=False,
    )
    assert first.returncode == 1
    again = byoc("run", "train", algo, "--hp", "do=spot", "--resume", "latest", cwd=tmp_path)
    assert ": 2 files" in again.stderr
    assert json.loads((Path(again.stdout.strip()) / "model/algo-1.json").read_text()) == [
        "half",
        [],
        ["algo-1", "one"],
    ]


def test_a_warm_pool_keeps_its_cache(byoc: Command, algo: str, tmp_path: Path) -> None:
    """TRN-10."""
    for number in ("1", "2"):
        done = byoc("run", "train", algo, "--warm-pool", "--hp", "do=pool", cwd=tmp_path)
        assert (Path(done.stdout.strip()) / "model/weights.json").read_text() == number


def test_a_container_gets_what_its_instance_would_have(
    byoc: Command, algo: str, tmp_path: Path, engine: docker.DockerClient
) -> None:
    words = ["--limits", "--keep", "--group", "a=ml.t3.medium:1", "--group", "b=ml.p5.48xlarge:1"]
    done = byoc("run", "train", algo, *words, cwd=tmp_path)
    try:
        run = f"byoc-{Path(done.stdout.strip()).name}"
        small, large = (
            engine.containers.get(f"{run}-{host}").attrs["HostConfig"] for host in ("algo-1", "algo-2")
        )
        here = engine.info()
        assert small["Memory"] == small["MemorySwap"] == min(4 << 30, here["MemTotal"])
        assert small["NanoCpus"] == min(2, here["NCPU"]) * 10**9
        assert (large["NanoCpus"], large["Memory"]) == (here["NCPU"] * 10**9, here["MemTotal"])
        assert "note: ml.p5.48xlarge has 192 CPUs and 2048.0 GiB, this machine" in done.stderr
    finally:
        remove_kept(done.stderr)


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="there is a GPU")
def test_without_a_gpu_asking_for_one_says_so(byoc: Command, algo: str, tmp_path: Path, left: Left) -> None:
    done = byoc("run", "train", algo, "--gpus", "all", cwd=tmp_path, check=False)
    assert "error [BYOC-E430]: the engine has no GPU to give" in done.stderr
    assert not left()


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["--isolated", "--aws-credentials"], "BYOC-E431"),
        (["--warm-pool", "--group", "a=ml.c5.large:1"], "BYOC-E431"),
        (["--limits", "--instance-type", "ml.q1.large"], "BYOC-E429"),
        (["--resume", "no-such-run"], "BYOC-E427"),
    ],
)
def test_a_mistake_says_what_why_and_fix(
    byoc: Command, algo: str, tmp_path: Path, words: list[str], number: str
) -> None:
    done = byoc("run", "train", algo, *words, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert f"error [{number}]" in done.stderr
    assert not (tmp_path / ".byoc/runs").exists(), "a mistake leaves no run"
    assert "  why: " in done.stderr
    assert "  fix: " in done.stderr
