"""``byoc run transform`` with a real engine."""

import gzip
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from rig.projects import Command
from rig.s3 import s3_server

pytestmark = pytest.mark.engine

Left = Callable[[], list[str]]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with input, without a project."""
    (tmp_path / "rows.csv").write_text("id1,x\nid2,y\nid3,z\n")
    return tmp_path


def test_the_container_is_told_that_it_is_a_batch(byoc: Command, host: str, here: Path, left: Left) -> None:
    """BAT-01, BAT-02, INF-14."""
    (here / "model").mkdir()
    (here / "model/weights").touch()
    words = ["--input", "rows.csv", "--max-concurrent", "3", "--env", "K=V", "--model", "model"]
    done = byoc("run", "transform", host, *words, cwd=here)
    output = Path(done.stdout.strip())
    assert output.parent.parent == here / ".byoc/runs"
    seen = json.loads((output / "rows.csv.out").read_text())
    told = {name: value for name, value in seen["env"].items() if name.startswith("SAGEMAKER_")}
    assert told == {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "3",
        "SAGEMAKER_SAFE_PORT_RANGE": "25000-25999",
    }
    assert (seen["env"]["K"], seen["mounts"]["/opt/ml/model"]) == ("V", "ro")
    assert "the container says nothing of batches, so 3 at a time, MultiRecord, 6 MB" in done.stderr
    assert "1 records in 1 requests" in done.stderr
    assert json.loads((output.parent / "job.json").read_text())["status"] == "Completed"
    assert not left()
    byoc("run", "serve", host, "--invoke", "rows.csv", cwd=here)  # a transform is no run that made a model


def test_the_container_is_asked_how_it_wants_requests(byoc: Command, host: str, here: Path) -> None:
    """BAT-02."""
    asked = {"MaxConcurrentTransforms": 2, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 1}
    words = ["--env", f"PARAMETERS={json.dumps(asked)}", "--env", "DO=upper", "--split", "line"]
    words += ["--join", "--input-filter", "$[1:]", "--output-filter", "$[0,-1]", "--output", "out", "--json"]
    done = byoc("run", "transform", host, "--input", "rows.csv", *words, cwd=here)
    told = json.loads(done.stdout)
    assert told["schema"] == "byoc/run-transform/1"
    assert (told["batch_strategy"], told["max_concurrent_transforms"], told["max_payload_in_mb"]) == (
        "SingleRecord",
        2,
        1,
    )
    assert told["files"] == [
        {"name": "rows.csv", "output": str(here / "out/rows.csv.out"), "records": 3, "requests": 3}
    ]
    assert (here / "out/rows.csv.out").read_text() == "id1,X\nid2,Y\nid3,Z\n"


def test_a_job_file_says_how(byoc: Command, host: str, here: Path) -> None:
    request = {
        "TransformJobName": "nightly",
        "ModelName": "churn",
        "BatchStrategy": "SingleRecord",
        "Environment": {"DO": "upper"},
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}},
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": "s3://b/out", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    (here / "job.json").write_text(json.dumps(request))
    done = byoc("run", "transform", host, "--job", "job.json", "--input", "rows.csv", cwd=here)
    assert "/nightly-" in done.stdout
    assert (Path(done.stdout.strip()) / "rows.csv.out").read_text() == "ID1,X\nID2,Y\nID3,Z\n"
    assert "note: job.json: without effect on this machine: ModelName, TransformResources" in done.stderr
    lost = byoc("run", "transform", host, "--job", "job.json", cwd=here, check=False)
    assert lost.returncode == 2
    assert "the job file's data are at s3://b/in" in lost.stderr


def test_a_packed_file_has_the_type_of_what_is_in_it(byoc: Command, host: str, here: Path) -> None:
    (here / "rows.csv.gz").write_bytes(gzip.compress((here / "rows.csv").read_bytes()))
    words = ["--input", "rows.csv.gz", "--compression", "gzip", "--env", "DO=upper"]
    done = byoc("run", "transform", host, *words, cwd=here)
    assert "asked with ['text/csv', None]" in done.stderr
    assert (Path(done.stdout.strip()) / "rows.csv.gz.out").read_text() == "ID1,X\nID2,Y\nID3,Z\n"


def test_data_are_fetched_from_s3_when_that_is_said(byoc: Command, host: str, here: Path) -> None:
    with s3_server() as environment:
        s3 = boto3.client(
            "s3",
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            region_name="us-east-1",
        )
        s3.create_bucket(Bucket="data")
        for key in ("in/a.csv", "in/deep/b.csv"):
            s3.put_object(Bucket="data", Key=key, Body=key.encode())
        words = ["--input", "s3://data/in", "--env", "DO=upper", "--output", "out"]
        done = byoc("run", "transform", host, *words, cwd=here, env=environment)
    assert "fetching 2 of 2 objects of s3://data/in" in done.stderr
    assert (here / "out/a.csv.out").read_text() == "IN/A.CSV"
    assert (here / "out/deep/b.csv.out").read_text() == "IN/DEEP/B.CSV"


def test_a_bad_file_fails_the_job_and_no_other_file(byoc: Command, host: str, here: Path, left: Left) -> None:
    (here / "in").mkdir()
    (here / "in/a.csv").write_text("bad\n")
    (here / "in/b.csv").write_text("good\n")
    words = ["--input", "in", "--env", "DO=upper", "--output", "out"]
    done = byoc("run", "transform", host, *words, cwd=here, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "error [BYOC-E463]: 1 of 2 files could not be transformed" in done.stderr
    assert "  a.csv: status 400: cannot read that" in done.stderr
    assert f"  1 outputs are in {here / 'out'}" in done.stderr
    assert [path.name for path in (here / "out").iterdir()] == ["b.csv.out"]
    assert not left()


def test_a_server_that_dies_ends_the_job(byoc: Command, host: str, here: Path, left: Left) -> None:
    (here / "die.csv").write_text("die\n")
    done = byoc("run", "transform", host, "--input", "die.csv", cwd=here, check=False, timeout=60)
    assert "error [BYOC-E413]: the server ended while it should serve" in done.stderr
    assert "exit code 9" in done.stderr
    assert not left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_job_leaves_nothing_half(host: str, here: Path, left: Left, number: signal.Signals) -> None:
    (here / "many.csv").write_text("row\n" * 500)
    words = ["--input", "many.csv", "--split", "line", "--strategy", "singlerecord", "--output", "out"]
    command = [sys.executable, "-m", "byoc_kit", "run", "transform", host, *words]
    command += ["--env", "DO=upper", "--env", "SECONDS=0.1"]
    process = subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end = time.monotonic() + 60
    while not list((here / "out").glob(".*.part")) and time.monotonic() < end:
        time.sleep(0.1)
    process.send_signal(number)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 128 + number, said
    assert not list((here / "out").iterdir())
    assert not left()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no input is given"),
        (["--input", "none"], "it is not there"),
        (["--input", "empty"], "there is no file in it"),
        (["--input", "rows.csv", "--output", "rows.csv"], "the folder"),
        (["--input", ".", "--output", "out"], "is inside the input"),
        (["--input", "rows.csv", "--input-filter", "x"], "is not a JSONPath that batch transform takes"),
        (["--input", "rows.csv", "--content-type", "image/png", "--join"], "filters and joins read text/csv"),
        (["--input", "rows.csv", "--max-payload", "60", "--max-concurrent", "2"], "are not allowed"),
        (["--input", "rows.csv", "--env", "PARAMETERS=[]"], "/execution-parameters cannot be used"),
    ],
    ids=["none", "missing", "empty", "output", "inside", "path", "join", "payload", "parameters"],
)
def test_a_mistake_says_what_why_and_fix(
    byoc: Command, host: str, here: Path, words: list[str], said: str
) -> None:
    (here / "empty").mkdir()
    done = byoc("run", "transform", host, *words, cwd=here, check=False)
    assert done.returncode in {1, 2}
    assert said in done.stderr
    assert "  why: " in done.stderr
    assert "  fix: " in done.stderr


def test_a_shell_is_where_the_service_would_serve(byoc: Command, host: str, here: Path) -> None:
    words = ["--input", "rows.csv", "--shell"]
    done = byoc("run", "transform", host, *words, cwd=here, input="echo $SAGEMAKER_BATCH\n")
    assert done.stdout == "true\n"
