"""What the two clients of processing share: the session, and what a job has uploaded."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import loopback  # type: ignore[import-not-found]

__all__ = ["main"]

Run = Callable[[dict[str, Any], Any], None]


def main(run: Run, session_class: type) -> None:
    """Make a bucket, *run* what is wished for in a local session, and say what is in S3 then."""
    wish = json.loads(Path(sys.argv[1]).read_text())
    session = boto3.Session(region_name="us-east-1")
    session.client("s3").create_bucket(Bucket=wish["bucket"])
    local: Any = session_class(session, default_bucket=wish["bucket"])
    local.config = {"local": {"container_root": wish["root"]}}
    run(wish, local)
    answer = {"outputs": _objects(session, wish["bucket"]), "lookups": loopback.lookups}
    (Path(wish["root"]) / "answer.json").write_text(json.dumps(answer))


def _objects(session: Any, bucket: str) -> dict[str, str]:
    """Key below ``out/`` to the text of the object."""
    client = session.client("s3")
    listed = client.list_objects_v2(Bucket=bucket, Prefix="out/").get("Contents", [])
    return {
        each["Key"][len("out/") :]: client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read().decode()
        for each in listed
    }
