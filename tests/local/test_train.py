"""``byoc run train`` with a real engine: what the container sees, and what becomes of how it ends."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest

from byoc_kit.work.api import run_train
from local.runs import end, record, remove_kept, start
from rig.projects import Command

pytestmark = pytest.mark.engine

Left = Callable[[], list[str]]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with data and without a project."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_text("1,2\n")
    return tmp_path


def facts(run: str) -> dict[str, Any]:
    """What the container saw."""
    content = json.loads((Path(run.strip()) / "output/data/facts.json").read_text())
    assert isinstance(content, dict)
    return content


def test_the_container_sees_what_the_service_shows(byoc: Command, algo: str, here: Path, left: Left) -> None:
    """HAR-01, HAR-03 to HAR-06, CFG-01, CFG-03, CFG-05, ENV-01, CHN-01, TRN-06."""
    arguments = ["--hp", "lr=0.1", "--channel", "train=data", "--channel", "one=data/a.csv,mode=FastFile"]
    arguments += ["--env", "K=V w", "--instance-type", "ml.c5.large", "--region", "eu-west-1"]
    done = byoc("run", "train", algo, *arguments, cwd=here, env={"AWS_ACCESS_KEY_ID": "canary"})
    seen = facts(done.stdout)
    run = Path(done.stdout.strip())
    assert seen["argv"] == ["train"]
    assert seen["pid"] == 1
    assert seen["hostname"].endswith(".ec2.internal")
    assert seen["algo_address"] == seen["own_address"]
    assert seen["shm"] == 64 << 20
    assert seen["capabilities"] == "00000000a80425fb", "Docker's default set, nothing more"
    assert seen["mounts"] == {
        "/opt/ml/input": "ro",
        "/opt/ml/input/data/train": "ro",
        "/opt/ml/input/data/one/a.csv": "ro",
        "/opt/ml/model": "rw",
        "/opt/ml/output": "rw",
        "/opt/ml/checkpoints": "rw",
    }
    assert {"/opt/ml/input/data/train/a.csv", "/opt/ml/input/data/one/a.csv"} <= set(seen["files"])
    assert seen["config"]["hyperparameters.json"] == {"lr": "0.1"}
    assert seen["config"]["inputdataconfig.json"]["one"]["TrainingInputMode"] == "FastFile"
    assert seen["config"]["resourceconfig.json"]["current_instance_type"] == "ml.c5.large"
    environment = seen["env"]
    assert environment["TRAINING_JOB_NAME"] == run.name
    assert environment["TRAINING_JOB_ARN"].endswith(f":training-job/{run.name}")
    assert (environment["AWS_REGION"], environment["K"]) == ("eu-west-1", "V w")
    assert not {name for name in environment if name.startswith("AWS_")} - {"AWS_REGION"}
    assert not left()


def test_a_run_leaves_a_model_an_archive_a_log_and_a_record(byoc: Command, algo: str, here: Path) -> None:
    """OUT-01, OUT-05, OUT-07, ENV-05."""
    done = byoc("run", "train", algo, "--env", "TOKEN=canary", "--json", cwd=here)
    result = json.loads(done.stdout)
    run = Path(result["run"])
    assert result["schema"] == "byoc/run-train/1"
    assert result["model"]["files"] == {"weights.json": 14}
    assert result["exit_code"] == 0
    assert (run / "checkpoints/one").read_text() == "checkpoint"
    assert (run / "log").read_text().splitlines()[-1] in {"to stderr", "progress 3"}
    with tarfile.open(run / "model.tar.gz") as tar:
        assert tar.getnames() == ["weights.json"]
    told = record(here)
    assert (told["status"], told["exit_code"], told["environment"]) == ("Completed", 0, ["TOKEN"])
    assert "canary" not in (run / "job.json").read_text()
    assert "weights.json  14 B" in done.stderr
    assert "progress 3" in done.stderr


def test_failure_text_and_exit_code_are_told_and_kept(
    byoc: Command, algo: str, here: Path, left: Left
) -> None:
    """TRN-01, OUT-03."""
    done = byoc("run", "train", algo, "--hp", "do=fail", cwd=here, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr[done.stderr.index("error") :].splitlines()
    assert lines[0] == "error [BYOC-E401]: training failed: the container ended with exit code 7"
    assert lines[1] == "  ValueError: the data are sour"
    assert any(line.startswith("  why: exit code 7") for line in lines)
    told = record(here)
    assert (told["status"], told["exit_code"], len(told["failure"])) == ("Failed", 7, 1024)
    assert not left()


def test_json_has_the_containers_own_exit_code(byoc: Command, algo: str, here: Path) -> None:
    done = byoc("run", "train", algo, "--hp", "do=segfault", "--init", "--json", cwd=here, check=False)
    told = json.loads(done.stdout)
    assert done.returncode == told["exit_code"] == 1
    assert told["container_exit_code"] == 139
    assert "SIGSEGV" in told["why"]


def test_links_in_the_model_are_told_where_they_arise(byoc: Command, algo: str, here: Path) -> None:
    """OUT-08."""
    done = byoc("run", "train", algo, "--hp", "do=link", cwd=here, check=False)
    assert (done.returncode, record(here)["status"]) == (1, "Failed")
    assert "error [BYOC-E409]" in done.stderr
    assert "link -> weights.json" in done.stderr


def test_a_job_file_decides_entrypoint_arguments_and_hyperparameters(
    byoc: Command, algo: str, here: Path
) -> None:
    """HAR-02: arguments replace the word, an entrypoint drops it."""
    request = {
        "TrainingJobName": "from-file",
        "RoleArn": "arn:aws:iam::111122223333:role/sagemaker",
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "AlgorithmSpecification": {"TrainingInputMode": "File", "ContainerArguments": ["first", "second"]},
        "HyperParameters": {"epochs": "3"},
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/train"}},
            }
        ],
    }
    (here / "job.json").write_text(json.dumps(request))
    refused = byoc("run", "train", algo, "--job", "job.json", cwd=here, check=False)
    assert refused.returncode == 2
    assert "channel train: s3://bucket/train" in refused.stderr
    assert "fix: add --channel train=PATH; or fetch them: --fetch" in refused.stderr
    done = byoc("run", "train", algo, "--job", "job.json", "--channel", "train=data", cwd=here)
    assert 'told: ["first", "second"]' in done.stderr
    assert "without effect on this machine: OutputDataConfig, RoleArn" in done.stderr
    run = Path(done.stdout.strip())
    assert run.name.startswith("from-file-")
    assert json.loads((run / "input/config/hyperparameters.json").read_text()) == {"epochs": "3"}


def test_an_image_without_the_program_says_so(byoc: Command, base: str, here: Path, left: Left) -> None:
    """IMG-01: Docker finds no ``train`` in a plain base."""
    done = byoc("run", "train", base, cwd=here, check=False)
    assert done.returncode == 1
    assert "error [BYOC-E402]: the container could not be started" in done.stderr
    assert '"train": executable file not found' in done.stderr
    assert "why: exit code 127" in done.stderr
    assert record(here)["status"] == "Failed"


def test_ctrl_c_lets_the_handler_save_and_leaves_nothing(algo: str, here: Path, left: Left) -> None:
    """SIG-01, HAR-08."""
    process = start(here, "run", "train", algo, "--hp", "do=wait")
    assert left()
    said = end(process, signal.SIGINT)
    assert "the handler has run" in said
    assert (here / ".byoc/runs/latest/model/weights.json").read_text() == "saved by the handler"
    assert record(here)["status"] == "Stopped"
    assert not left()


def test_sigterm_does_the_same(algo: str, here: Path, left: Left) -> None:
    said = end(start(here, "run", "train", algo, "--hp", "do=wait"), signal.SIGTERM)
    assert "the handler has run" in said
    assert not left()


def test_a_second_ctrl_c_kills_a_container_that_is_deaf(algo: str, here: Path, left: Left) -> None:
    begun = time.monotonic()
    said = end(start(here, "run", "train", algo, "--hp", "do=ignore"), signal.SIGINT, signal.SIGINT)
    assert "not now" in said
    assert "killing it" in said
    assert time.monotonic() - begun < 30
    assert not left()


def test_a_time_limit_stops_the_job(byoc: Command, algo: str, here: Path, left: Left) -> None:
    """TRN-07."""
    done = byoc("run", "train", algo, "--hp", "do=wait", "--time-limit", "2", cwd=here, check=False)
    assert "error [BYOC-E412]: the training job was stopped after 2 s" in done.stderr
    assert (here / ".byoc/runs/latest/model/weights.json").read_text() == "saved by the handler"
    assert record(here)["status"] == "Stopped"
    assert not left()


def test_what_a_killed_byoc_left_is_removed_by_the_next(
    byoc: Command, algo: str, here: Path, left: Left
) -> None:
    process = start(here, "run", "train", algo, "--hp", "do=wait")
    process.kill()
    process.communicate()
    assert left()
    done = byoc("run", "train", algo, cwd=here)
    assert "note: removing what the killed run" in done.stderr
    assert not left()


def test_keep_keeps_until_it_is_removed_by_hand(
    byoc: Command, algo: str, here: Path, left: Left, engine: docker.DockerClient
) -> None:
    done = byoc("run", "train", algo, "--keep", cwd=here)
    byoc("run", "train", algo, cwd=here)
    assert len(left()) == 2, "a container and its network"
    remove_kept(done.stderr)
    assert not left()


def test_a_shell_is_the_container_the_service_would_start(
    byoc: Command, algo: str, here: Path, left: Left
) -> None:
    script = "hostname; cat /opt/ml/input/config/hyper*.json; ls -d /opt/ml/*; getent hosts algo-1\n"
    done = byoc(
        "run", "train", algo, "--shell", "--hp", "a=b", "--channel", "train=data", cwd=here, input=script
    )
    assert (
        "note: here the service would start: /usr/bin/python3 -u /usr/local/bin/algo.py train" in done.stderr
    )
    for words in (".ec2.internal", '{"a": "b"}', "/opt/ml/checkpoints", "algo-1"):
        assert words in done.stdout
    assert not left()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else for a test")
def test_files_belong_to_the_caller(algo: str, here: Path, left: Left) -> None:
    """OUT-11: a user of the docker group gets files that he can delete, also in the middle of a job."""
    group = Path(os.environ["DOCKER_HOST"].removeprefix("unix://")).stat().st_gid
    for path in (here, *here.rglob("*")):
        os.chown(path, 12345, 12345)
    # he may read what is root's, for the interpreter may lie in root's home; he may not change owners
    may_read = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
    words = ["setpriv", "--reuid", "12345", "--regid", "12345", "--groups", str(group), *may_read]
    options = ["--hosts", "2", "--warm-pool", "--hp", "do=spot", "--interrupt-after", "3"]
    subprocess.run(
        [*words, sys.executable, "-m", "byoc_kit", "run", "train", algo, *options],
        cwd=here,
        env={**os.environ, "HOME": str(here), "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        capture_output=True,
    )
    owners = {path.relative_to(here): path.lstat().st_uid for path in here.rglob("*")}
    assert Path(".byoc/warmpool/algo-2") in owners
    assert Path(".byoc/runs/latest/model/algo-1.json") not in owners, "latest is a link"
    assert set(owners.values()) == {12345}
    assert any(path.name == "algo-1.json" for path in owners)
    assert not left()


MISTAKES: Mapping[str, tuple[list[str], int, str]] = {
    "no pair": (["--hp", "epochs"], 2, "--hp 'epochs' is not NAME=VALUE"),
    "no data": (["--channel", "train=nowhere"], 2, "nowhere is not there"),
    "no mode": (["--channel", "train=data,mode=Fast"], 2, "there is no input mode 'Fast': "),
    "limit": (["--hp", "k=" + "v" * 2501], 2, "2501 characters, 2500 are allowed"),
    "channel": (["--channel", "a b=data"], 2, "channel 'a b'"),
    "size": (["--shm-size", "much"], 2, "--shm-size 'much' is not a size"),
    "job file": (["--job", "none.json"], 2, "the job file none.json cannot be read"),
    "live": (["--live"], 2, "--live has nothing to mount"),
    "credentials": (["--aws-credentials"], 1, "there are no AWS credentials"),
}


@pytest.mark.parametrize(("words", "code", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_says_what_why_and_fix(
    byoc: Command, algo: str, here: Path, words: list[str], code: int, said: str
) -> None:
    nowhere = {"HOME": str(here), "AWS_CONFIG_FILE": "/none", "AWS_SHARED_CREDENTIALS_FILE": "/none"}
    done = byoc("run", "train", algo, *words, cwd=here, check=False, env=nowhere)
    assert done.returncode == code
    assert said in done.stderr
    assert "  why: " in done.stderr
    assert "  fix: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("docker:no-such-image-here", "the engine has no such image"),
        ("127.0.0.1:1/no/such:1", "pulling it failed"),
    ],
)
def test_an_image_that_cannot_be_had_says_so(byoc: Command, here: Path, image: str, said: str) -> None:
    done = byoc("run", "train", image, cwd=here, check=False)
    assert "error [BYOC-E404]" in done.stderr
    assert said in done.stderr


def test_without_image_and_project_there_is_nothing_to_run(byoc: Command, here: Path) -> None:
    done = byoc("run", "train", cwd=here, check=False)
    assert done.returncode == 2
    assert "there is no byoc.toml" in done.stderr


def test_a_notebook_can_train(algo: str, here: Path, left: Left) -> None:
    trained = run_train(
        here, algo, hyperparameters={"lr": 0.1, "deep": True}, channels={"train": here / "data"}, quiet=True
    )
    assert trained.files == {"weights.json": 14}
    assert trained.model.is_dir()
    assert trained.archive.is_file()
    sent = json.loads((trained.run / "input/config/hyperparameters.json").read_text())
    assert sent == {"lr": "0.1", "deep": "true"}
    assert not left()
