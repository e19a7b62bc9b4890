"""``byoc run train`` with several hosts: what each sees, how they end, what becomes of what they leave."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest

from byoc_kit.work.api import run_train
from local.runs import end, record, remove_kept, start
from rig.projects import Command

pytestmark = pytest.mark.engine

Left = Callable[[], list[str]]


def seen(run: Path, host: str) -> dict[str, Any]:
    """What the container of *host* saw."""
    content = json.loads((run / f"output/data/{host}.json").read_text())
    assert isinstance(content, dict)
    return content


def test_two_hosts_know_each_other(byoc: Command, algo: str, tmp_path: Path, left: Left) -> None:
    """DIS-01, CFG-05, CFG-06, HAR-04, HAR-05, OUT-02."""
    done = byoc("run", "train", algo, "--hosts", "2", "--hp", "do=meet", "--json", cwd=tmp_path)
    result = json.loads(done.stdout)
    run = Path(result["run"])
    one, two = seen(run, "algo-1"), seen(run, "algo-2")
    assert one["peers"] == two["peers"]
    assert one["peers"]["algo-1"] == one["own_address"] != one["peers"]["algo-2"] == two["own_address"]
    assert one["hostname"] != two["hostname"]
    for name, host in (("algo-1", one), ("algo-2", two)):
        resources = host["config"]["resourceconfig.json"]
        assert (resources["current_host"], resources["hosts"]) == (name, ["algo-1", "algo-2"])
        assert resources["instance_groups"][0]["instance_group_name"] == "homogeneousCluster"
        assert host["env"]["TRAINING_JOB_NAME"] == run.name
        assert host["mounts"]["/opt/ml/input"] == "ro"
    names = {"all.json": 8, "algo-1.json": 6, "algo-2.json": 6, "rank.json": 6}
    assert result["model"]["files"] == names
    assert result["clashes"] == [
        "model/all.json",
        "model/rank.json",
        "output/data/facts.json",
        "checkpoints/one",
    ]
    assert (run / "model/rank.json").read_text() == "algo-1"
    assert (run / "hosts/algo-2/model/rank.json").read_text() == "algo-2"
    assert "model/rank.json was written by algo-1, algo-2 with different bytes" in done.stderr
    assert "model/all.json was written by algo-1, algo-2 with the same bytes" in done.stderr
    for text in (done.stderr, (run / "log").read_text()):
        assert {"algo-1 | progress 3", "algo-2 | progress 3"} <= set(text.splitlines())
    assert b"progress 1\rprogress 2" in (run / "hosts/algo-2/log").read_bytes()
    assert record(tmp_path)["exit_codes"] == {"algo-1": 0, "algo-2": 0}
    assert not left()


def test_torch_trains_on_two_hosts(byoc: Command, gloo: str, tmp_path: Path) -> None:
    """DIS-01, DIS-03, CFG-06: both hosts have learned the same, from the data of both."""
    done = byoc("run", "train", gloo, "--hosts", "2", "--isolated", "--json", cwd=tmp_path)
    result = json.loads(done.stdout)
    learned = [json.loads((Path(result["run"]) / f"output/data/{rank}.json").read_text()) for rank in (0, 1)]
    assert [each["seen"] for each in learned] == [2.0, 2.0]
    assert learned[0]["weight"] == learned[1]["weight"] == pytest.approx(3.0, abs=1e-2)
    assert list(result["model"]["files"]) == ["model.pt"]
    assert result["clashes"] == []


def test_hosts_of_different_kinds(byoc: Command, algo: str, tmp_path: Path) -> None:
    """DIS-04, CFG-05; a job file's InstanceGroups and --group mean the same."""
    groups = [
        {"InstanceGroupName": "data", "InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
        {"InstanceGroupName": "gpu", "InstanceType": "ml.g5.xlarge", "InstanceCount": 2},
    ]
    request = {
        "TrainingJobName": "mixed",
        "RoleArn": "arn:aws:iam::111122223333:role/sagemaker",
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "HyperParameters": {"do": "meet"},
        "ResourceConfig": {"InstanceGroups": groups, "VolumeSizeInGB": 1},
    }
    (tmp_path / "job.json").write_text(json.dumps(request))
    done = byoc("run", "train", algo, "--job", "job.json", cwd=tmp_path)
    run = Path(done.stdout.strip())
    resources = {
        host: seen(run, host)["config"]["resourceconfig.json"] for host in ("algo-1", "algo-2", "algo-3")
    }
    assert [each["current_group_name"] for each in resources.values()] == ["data", "gpu", "gpu"]
    assert [each["current_instance_type"] for each in resources.values()] == ["ml.c5.xlarge"] + [
        "ml.g5.xlarge"
    ] * 2
    assert resources["algo-1"]["hosts"] == ["algo-1", "algo-2", "algo-3"]
    assert resources["algo-3"]["instance_groups"][1]["hosts"] == ["algo-3", "algo-2"], "not sorted (CFG-05)"
    assert "checkpoints" not in "".join(seen(run, "algo-1")["mounts"]), "the job file asks for none"


def test_one_failing_host_ends_the_others(byoc: Command, algo: str, tmp_path: Path, left: Left) -> None:
    """DIS-02, OUT-03."""
    begun = time.monotonic()
    done = byoc(
        *("run", "train", algo, "--hosts", "2", "--hp", "do=ignore", "--hp", "do@algo-2=fail"),
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 1
    assert time.monotonic() - begun < 60
    assert "error [BYOC-E401]: training failed on algo-2: the container ended with exit code 7" in done.stderr
    assert "  ValueError: the data are sour" in done.stderr
    assert "note: algo-2 has failed, which ends the job on all hosts" in done.stderr
    told = record(tmp_path)
    assert (told["status"], told["exit_code"], told["exit_codes"]) == (
        "Failed",
        7,
        {"algo-1": 137, "algo-2": 7},
    )
    assert (tmp_path / ".byoc/runs/latest/output/failure").read_text().startswith("ValueError")
    assert not left()


def test_ctrl_c_stops_all_hosts_at_the_same_time(algo: str, tmp_path: Path, left: Left) -> None:
    """SIG-01, HAR-08."""
    process = start(tmp_path, "run", "train", algo, "--hosts", "2", "--hp", "do=wait", ready=2)
    said = end(process, signal.SIGINT)
    assert {"algo-1 | the handler has run", "algo-2 | the handler has run"} <= set(said.splitlines())
    assert record(tmp_path)["status"] == "Stopped"
    assert not left()


def test_isolated_hosts_reach_each_other_and_nothing_else(
    byoc: Command, algo: str, tmp_path: Path, engine: docker.DockerClient, left: Left
) -> None:
    """TRN-11."""
    words = ["--isolated", "--hosts", "2", "--hp", "do=meet", "--hp", "outside=1", "--keep"]
    words += ["--env", "RES_OPTIONS=timeout:1 attempts:1"]  # names need not be asked for long
    done = byoc("run", "train", algo, *words, cwd=tmp_path)
    try:
        run = Path(done.stdout.strip())
        host = seen(run, "algo-1")
        assert set(host["peers"]) == {"algo-1", "algo-2"}
        assert host["outside"] == "timed out, Temporary failure in name resolution"
        assert not [name for name in host["env"] if name.startswith("AWS")]
        assert engine.networks.get(f"byoc-{run.name}").attrs["Internal"]
    finally:
        remove_kept(done.stderr)
    assert not left()


def test_a_notebook_hears_every_line_with_its_host(algo: str, tmp_path: Path) -> None:
    heard: list[tuple[str, str]] = []
    run_train(tmp_path, algo, hosts=2, hear=lambda host, line: heard.append((host, line)), quiet=True)
    assert {("algo-1", "progress 3"), ("algo-2", "progress 3")} <= set(heard)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--hosts", "0"], "a training job cannot have 0 hosts"),
        (["--hosts", "2", "--group", "a=ml.c5.large:1"], "--hosts and --group are both given"),
        (["--group", "a=ml.c5.large"], "--group 'a=ml.c5.large' is not NAME=INSTANCE-TYPE:COUNT"),
    ],
)
def test_a_mistake_says_what_why_and_fix(
    byoc: Command, algo: str, tmp_path: Path, words: list[str], said: str
) -> None:
    done = byoc("run", "train", algo, *words, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert f"error [BYOC-E422]: {said}" in done.stderr
    assert "  why: " in done.stderr
    assert "  fix: " in done.stderr
