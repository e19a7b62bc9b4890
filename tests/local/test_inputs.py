"""``byoc run train`` with a real engine: what containers read of their channels, in every mode."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from rig.projects import Command
from rig.s3 import s3_server

pytestmark = pytest.mark.engine


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with data and without a project."""
    for name in ("a", "b", "c"):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / name).write_text(name * 5)
    (tmp_path / "m").write_text('[{"prefix": "data"}, "none"]')
    return tmp_path


@pytest.fixture
def s3() -> Iterator[Mapping[str, str]]:
    """The environment in which S3 has a bucket ``data`` with ``train/a``, ``b``, ``c``, and manifests."""
    with s3_server() as environment:
        session = boto3.Session(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
        client = session.client("s3", endpoint_url=environment["AWS_ENDPOINT_URL"], region_name="us-east-1")
        client.create_bucket(Bucket="data")
        content = {f"train/{name}": name * 5 for name in "abc"}
        content["listed"] = '[{"prefix": "s3://data/train/"}, "c", "a"]'
        content["lines"] = '{"x-ref": "s3://data/train/b", "label": 7}\n'
        for key, text in content.items():
            client.put_object(Bucket="data", Key=key, Body=text.encode())
        yield environment
        for key in content:
            client.delete_object(Bucket="data", Key=key)
        client.delete_bucket(Bucket="data")


def read(run: str, host: str = "algo-1") -> dict[str, Any]:
    """What the container of *host* has read."""
    content = json.loads((Path(run.strip()) / f"output/data/{host}.json").read_text())
    assert isinstance(content, dict)
    return content


def test_hosts_get_their_shards_as_files_and_through_pipes(
    byoc: Command, algo: str, here: Path, left: Callable[[], list[str]]
) -> None:
    """CHN-01, CHN-03, CHN-04, CHN-07."""
    sharded = "data,distribution=ShardedByS3Key"
    words = ["--channel", f"files={sharded}", "--channel", f"pipe={sharded},mode=Pipe,wrapper=RecordIO"]
    words += ["--channel", "val-set.x=data/a,mode=Pipe", "--hp", "do=read", "--hp", "epochs=2"]
    done = byoc("run", "train", algo, "--hosts", "2", *words, cwd=here)
    one, two = read(done.stdout), read(done.stdout, "algo-2")
    assert (one["files"], two["files"]) == ({"a": "aaaaa", "c": "ccccc"}, {"b": "bbbbb"})
    record = {name: f"0a23d7ce05000000{name.encode().hex() * 5}000000" for name in "abc"}
    assert one["pipe"] == [record["a"] + record["c"]] * 2
    assert two["pipe"] == [record["b"]] * 2
    assert one["val-set.x"] == two["val-set.x"] == [b"aaaaa".hex()] * 2
    run = Path(done.stdout.strip())
    assert not [path for path in run.rglob("*") if path.is_fifo()]
    assert (here / "data/a").stat().st_nlink == 2, "a second name, no copy"
    assert not left()


def test_a_pipe_may_be_closed_early(byoc: Command, algo: str, here: Path) -> None:
    """CHN-03."""
    (here / "data/a").write_text("a" * (4 << 20))
    words = ["--channel", "train=data,mode=Pipe", "--hp", "do=read", "--hp", "epochs=2", "--hp", "most=2"]
    done = byoc("run", "train", algo, *words, cwd=here)
    assert read(done.stdout) == {"train": ["6161", "6161"]}


def test_an_input_cannot_be_written_to(byoc: Command, algo: str, here: Path) -> None:
    """CHN-02."""
    words = ["--channel", "train=data,mode=FastFile", "--hp", "do=read", "--hp", "write=train"]
    done = byoc("run", "train", algo, *words, cwd=here, check=False)
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr
    assert sorted(path.name for path in (here / "data").iterdir()) == ["a", "b", "c"]


def job(here: Path, *channels: Mapping[str, object], **hyperparameters: str) -> Path:
    request = {
        "TrainingJobName": "from-file",
        "RoleArn": "arn:aws:iam::111122223333:role/sagemaker",
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "HyperParameters": {"do": "read", **hyperparameters},
        "InputDataConfig": channels,
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
    }
    (here / "job.json").write_text(json.dumps(request))
    return here / "job.json"


def test_a_folder_stands_in_for_a_file_system(byoc: Command, algo: str, here: Path) -> None:
    """CHN-05: all hosts see the same, and may write to it where the access mode is rw."""
    source = {
        "FileSystemId": "fs-0123456789abcdef0",
        "FileSystemType": "EFS",
        "FileSystemAccessMode": "rw",
        "DirectoryPath": "/data",
    }
    file = job(here, {"ChannelName": "train", "DataSource": {"FileSystemDataSource": source}}, write="train")
    refused = byoc("run", "train", algo, "--job", file, "--fetch", cwd=here, check=False)
    assert "why: a folder of this machine has to stand in for a file system" in refused.stderr
    byoc("run", "train", algo, "--job", file, "--channel", "train=data", cwd=here)
    assert sorted(path.name for path in (here / "data").iterdir()) == [
        "a",
        "b",
        "c",
        "written-by-algo-1",
        "written-by-algo-2",
    ]


def test_data_are_fetched_from_s3(byoc: Command, algo: str, here: Path, s3: Mapping[str, str]) -> None:
    """CHN-01, CHN-06, CHN-07; the credentials stay here."""

    def source(kind: str, key: str, **more: object) -> dict[str, object]:
        return {"S3DataSource": {"S3DataType": kind, "S3Uri": f"s3://data/{key}", **more}}

    sharded = {"S3DataDistributionType": "ShardedByS3Key"}
    channels = [
        {"ChannelName": "prefix", "DataSource": source("S3Prefix", "train", **sharded)},
        {"ChannelName": "listed", "DataSource": source("ManifestFile", "listed")},
        {
            "ChannelName": "lines",
            "DataSource": source("AugmentedManifestFile", "lines", AttributeNames=["x-ref", "label"]),
            "InputMode": "Pipe",
            "RecordWrapperType": "RecordIO",
        },
    ]
    file = job(here, *channels)
    refused = byoc("run", "train", algo, "--job", file, cwd=here, env=s3, check=False)
    named = "--channel prefix=PATH --channel listed=PATH --channel lines=PATH"
    assert f"fix: add {named}; or fetch them: --fetch" in refused.stderr
    done = byoc("run", "train", algo, "--job", file, "--fetch", cwd=here, env=s3)
    one, two = read(done.stdout), read(done.stdout, "algo-2")
    assert (one["prefix"], two["prefix"]) == ({"a": "aaaaa", "c": "ccccc"}, {"b": "bbbbb"})
    assert one["listed"] == two["listed"] == {"a": "aaaaa", "c": "ccccc"}
    assert one["lines"] == ["0a23d7ce050000006262626262000000" + "0a23d7ce0100000037000000"]
    words = ["--channel", "train=s3://data/train/", "--hp", "do=read"]
    done = byoc("run", "train", algo, *words, cwd=here, env=s3)
    assert read(done.stdout)["train"] == {"a": "aaaaa", "b": "bbbbb", "c": "ccccc"}
    again = byoc("run", "train", algo, *words, cwd=here, env=s3)
    assert "fetching 3 of 3 objects" in done.stderr
    assert "fetching" not in again.stderr


MISTAKES: Mapping[str, tuple[list[str], str, str]] = {
    "no such mode": (["--channel", "train=data,mode=Stream"], "BYOC-E406", "there is no input mode 'Stream'"),
    "gzip in a file": (["--channel", "train=data,compression=Gzip"], "BYOC-E423", "undone in mode Pipe only"),
    "no group": (["--channel", "train=data,groups=gpu"], "BYOC-E423", "gpu is no instance group of this job"),
    "no manifest": (["--channel", "train=data/a,data=ManifestFile"], "BYOC-E424", "it is no JSON list"),
    "nothing listed": (["--channel", "x=m,data=ManifestFile"], "BYOC-E424", "which is not there"),
    "nothing to send": (["--channel", "x=m,data=ManifestFile,mode=Pipe"], "BYOC-E424", "which is not there"),
    "no folder": (["--channel", "train=none,mode=Pipe"], "BYOC-E405", "none is not there"),
    "no address": (["--channel", "train=s3://"], "BYOC-E406", "s3:// is not an address in S3"),
}


@pytest.mark.parametrize(("words", "number", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_says_what_why_and_fix(
    byoc: Command, algo: str, here: Path, words: list[str], number: str, said: str
) -> None:
    done = byoc("run", "train", algo, *words, cwd=here, check=False)
    assert done.returncode == 2
    assert f"error [{number}]" in done.stderr
    assert not (here / ".byoc/runs").exists(), "a mistake leaves no run"
    assert said in done.stderr
    assert "  why: " in done.stderr
    assert "  fix: " in done.stderr
