"""``byoc run process`` with a real engine: what the containers see, and what becomes of how they end."""

import json
import signal
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import docker
import pytest

from rig.projects import Command
from rig.s3 import s3_server

pytestmark = pytest.mark.engine

PROGRAM = Path(__file__).with_name("program.py")
PYTHON = "python3 /opt/ml/processing/input/code/program.py"
CODE = f"code={PROGRAM}"
RUN = ("--input", CODE, "--entrypoint", PYTHON, "--output", "facts")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with data and without a project."""
    (tmp_path / "data/sub").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "c.csv"):
        (tmp_path / "data" / name).write_text(name)
    (tmp_path / "data/sub/d.csv").write_text("d")
    return tmp_path


def facts(run: str, host: str = "algo-1") -> dict[str, Any]:
    content = json.loads((Path(run.strip()) / f"output/facts/{host}.json").read_text())
    assert isinstance(content, dict)
    return content


def record(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / ".byoc/runs/latest/job.json").read_text())
    assert isinstance(content, dict)
    return content


def test_the_container_sees_what_the_service_shows(
    byoc: Command, base: str, here: Path, engine: docker.DockerClient
) -> None:
    """PRC-01, PRC-04, PRC-05, PRC-07, HAR-04, HAR-05."""
    words = ["--input", "raw=data", "--input", "one=data/a.csv:/opt/ml/processing/one", "--env", "K=V w"]
    done = byoc("run", "process", base, *RUN, *words, "--json", "--", "tell", "--days", "3", cwd=here)
    result = json.loads(done.stdout)
    seen = facts(result["run"])
    assert seen["arguments"] == ["tell", "--days", "3"]
    assert seen["environment"]["K"] == "V w"
    assert {name for name in seen["environment"] if name.startswith("AWS_")} == {"AWS_REGION"}
    assert seen["config"]["resourceconfig.json"] == {"current_host": "algo-1", "hosts": ["algo-1"]}
    app = seen["config"]["processingjobconfig.json"]["AppSpecification"]
    assert app["ContainerEntrypoint"] == PYTHON.split()
    assert app["ContainerArguments"] == ["tell", "--days", "3"]
    assert {
        "/opt/ml/processing/input/code/program.py",
        "/opt/ml/processing/input/raw/sub/d.csv",
        "/opt/ml/processing/one/a.csv",
    } <= set(seen["files"])
    assert seen["writable"] == ["/opt/ml/processing/input/code"], "code may unpack; data stay the user's"
    assert seen["outputs"] == ["facts"]
    assert seen["hostname"].endswith(".ec2.internal")
    assert list(result["outputs"]["facts"]["files"]) == ["algo-1.json"]
    assert result["message"] == "é" * 512, "1 KB of UTF-8"
    assert record(here)["status"] == "Completed"
    assert (here / "data/a.csv").read_text() == "a.csv"
    run = Path(result["run"]).name
    assert not engine.api.containers(all=True, filters={"label": f"byoc.run={run}"})
    assert not engine.api.networks(filters={"label": f"byoc.run={run}"})


def test_several_hosts_share_the_data_and_merge_what_they_leave(byoc: Command, base: str, here: Path) -> None:
    """PRC-03, PRC-04, PRC-06: ShardedByS3Key deals the files out; same names clash."""
    source = {"S3DataType": "S3Prefix", "S3DataDistributionType": "ShardedByS3Key"}
    request = {
        "ProcessingJobName": "from-file",
        "RoleArn": "arn:aws:iam::111122223333:role/sagemaker",
        "AppSpecification": {
            "ImageUri": "prep:1",
            "ContainerEntrypoint": PYTHON.split(),
            "ContainerArguments": ["share"],
        },
        "ProcessingInputs": [
            {
                "InputName": "raw",
                "S3Input": {
                    "S3Uri": "s3://b/raw",
                    "LocalPath": "/opt/ml/processing/input/raw",
                    "S3InputMode": "File",
                    **source,
                },
            }
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "facts",
                    "S3Output": {
                        "S3Uri": "s3://b/facts",
                        "LocalPath": "/opt/ml/processing/output/facts",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 2, "InstanceType": "ml.c5.xlarge", "VolumeSizeInGB": 5}
        },
    }
    (here / "job.json").write_text(json.dumps(request))
    (here / "data/sub/d.csv").unlink()
    (here / "data/sub").rmdir()
    refused = byoc("run", "process", base, "--job", "job.json", cwd=here, check=False)
    assert refused.returncode == 2
    assert "input raw: s3://b/raw" in refused.stderr
    assert "fix: add --input raw=PATH; or fetch them: --fetch" in refused.stderr
    done = byoc("run", "process", base, "--job", "job.json", "--input", "raw=data", "--input", CODE, cwd=here)
    left = Path(done.stdout.strip()) / "output/facts"
    assert {file.name: file.read_text() for file in left.iterdir()} == {
        "a.csv": "algo-1",
        "b.csv": "algo-2",
        "c.csv": "algo-1",
        "same.txt": "algo-1",
    }
    assert "output/facts/same.txt was written by algo-1, algo-2" in done.stderr
    assert "algo-2 | processing on algo-2" in done.stderr
    assert Path(done.stdout.strip()).name.startswith("from-file-")


def test_code_may_unpack_in_its_place(byoc: Command, base: str, here: Path) -> None:
    """PRC-10: what runproc.sh of a FrameworkProcessor does; the user's own folder stays as it is."""
    (here / "code").mkdir()
    with tarfile.open(here / "code/sourcedir.tar.gz", "w:gz") as tar:
        tar.add(PROGRAM, "program.py")
    script = "cd /opt/ml/processing/input/code && tar -xzf sourcedir.tar.gz && exec python3 program.py"
    words = ["--input", "code=code", "--output", "facts", "--entrypoint", f"/bin/bash -c '{script}'"]
    assert facts(byoc("run", "process", base, *words, cwd=here).stdout)["outputs"] == ["facts"]
    assert [path.name for path in (here / "code").iterdir()] == ["sourcedir.tar.gz"]


def test_inputs_are_fetched_from_s3(byoc: Command, base: str, here: Path) -> None:
    with s3_server() as environment:
        session = boto3.Session(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
        client = session.client("s3", endpoint_url=environment["AWS_ENDPOINT_URL"], region_name="us-east-1")
        client.create_bucket(Bucket="data")
        client.put_object(Bucket="data", Key="raw/a.csv", Body=b"1")
        words = ["--input", "raw=s3://data/raw/"]
        done = byoc("run", "process", base, *RUN, *words, cwd=here, env=environment)
    seen = facts(done.stdout)
    assert "/opt/ml/processing/input/raw/a.csv" in seen["files"]
    inputs = {
        each["InputName"]: each["S3Input"]
        for each in seen["config"]["processingjobconfig.json"]["ProcessingInputs"]
    }
    assert inputs["raw"]["S3Uri"].startswith("s3://data/raw")


def test_an_input_may_lie_within_another(byoc: Command, base: str, here: Path) -> None:
    """The SDK's usual places: data at .../input, and the script at .../input/code."""
    words = ["--input", "all=data:/opt/ml/processing/input"]
    seen = facts(byoc("run", "process", base, *RUN, *words, cwd=here).stdout)
    assert {"/opt/ml/processing/input/a.csv", "/opt/ml/processing/input/code/program.py"} <= set(
        seen["files"]
    )
    assert sorted(path.name for path in (here / "data").iterdir()) == ["a.csv", "b.csv", "c.csv", "sub"]


FAILURES: Mapping[str, tuple[str, int, str]] = {
    "fail": (
        "error [BYOC-E443]: processing failed: the container ended with exit code 3",
        3,
        "the data are sour",
    ),
    "bytes": ("error [BYOC-E445]: the container wrote /opt/ml/output/message, and it is not UTF-8", 0, ""),
}


@pytest.mark.parametrize("do", FAILURES)
def test_a_failed_job_says_why(byoc: Command, base: str, here: Path, do: str) -> None:
    """PRC-03, PRC-07."""
    error, code, message = FAILURES[do]
    done = byoc("run", "process", base, *RUN, "--", do, cwd=here, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert error in done.stderr
    assert f"  {message}" in done.stderr
    told = record(here)
    assert (told["status"], told["exit_code"]) == ("Failed", code)


def test_a_time_limit_stops_it(byoc: Command, base: str, here: Path) -> None:
    """PRC-02, PRC-08."""
    done = byoc("run", "process", base, *RUN, "--time-limit", "2", "--", "wait", cwd=here, check=False)
    assert "error [BYOC-E444]: the processing job was stopped after 2 s" in done.stderr
    assert "the handler has run" in done.stderr
    assert record(here)["status"] == "Stopped"


def test_ctrl_c_stops_it_and_leaves_nothing(base: str, here: Path, engine: docker.DockerClient) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "byoc_kit", "run", "process", base, *RUN, "--", "wait"],
        cwd=here,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "ready to be stopped" in line:
            break
    process.send_signal(signal.SIGINT)
    assert "the handler has run" in process.communicate(timeout=60)[1]
    assert process.returncode == 130
    run = record(here)["name"]
    assert not engine.api.containers(all=True, filters={"label": f"byoc.run={run}"})


def test_what_is_not_uploaded_is_told(byoc: Command, base: str, here: Path) -> None:
    """PRC-05: links are not followed, an empty output is empty in S3 too."""
    done = byoc("run", "process", base, *RUN, "--output", "other", "--", "link", cwd=here)
    assert "warning: output facts holds 1 symbolic links, which are not uploaded (PRC-05)" in done.stderr
    assert "warning: the job left nothing in the output other" in done.stderr


def test_an_isolated_job_has_an_internal_network(
    byoc: Command, base: str, here: Path, engine: docker.DockerClient
) -> None:
    """NetworkConfig.EnableNetworkIsolation."""
    done = byoc("run", "process", base, "--isolated", "--keep", "--entrypoint", "env", cwd=here)
    run = Path(done.stdout.strip()).name
    network = engine.networks.get(f"byoc-{run}")
    internal = network.attrs["Internal"]
    engine.api.remove_container(f"byoc-{run}-algo-1")
    network.remove()
    assert internal
    assert "AWS_REGION" not in done.stderr


def test_a_shell_is_where_the_job_would_start(byoc: Command, base: str, here: Path) -> None:
    script = "ls /opt/ml/config /opt/ml/processing/input/code; hostname\n"
    done = byoc("run", "process", base, *RUN, "--shell", "--", "tell", cwd=here, input=script)
    assert f"note: here the service would start: {PYTHON} tell" in done.stderr
    for words in ("processingjobconfig.json", "program.py", ".ec2.internal"):
        assert words in done.stdout


MISTAKES: Mapping[str, tuple[list[str], str]] = {
    "no pair": (["--input", "data"], "--input 'data' is not NAME=VALUE"),
    "no data": (["--input", "raw=nowhere"], "nowhere is not there"),
    "no name": (["--output", "a/b"], "--output 'a/b' names no output"),
    "place": (["--output", "a:/tmp/a"], "output 'a': /tmp/a is not below /opt/ml/processing"),
    "hosts": (["--hosts", "0"], "a processing job cannot have 0 hosts"),
    "quotes": (["--entrypoint", "'"], "cannot be split into words"),
    "live": (["--live"], "--live has nothing to mount"),
    "job file": (["--job", "none.json"], "the job file none.json cannot be read"),
}


@pytest.mark.parametrize(("words", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_says_what_why_and_fix(
    byoc: Command, base: str, here: Path, words: list[str], said: str
) -> None:
    done = byoc("run", "process", base, *words, cwd=here, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "  why: " in done.stderr
    assert "  fix: " in done.stderr
    assert "Traceback" not in done.stderr
