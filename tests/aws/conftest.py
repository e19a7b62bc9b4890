"""A stand-in for S3."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from rig.s3 import s3_server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator["S3Client"]:
    """A client of an S3 that is empty but for the bucket ``data``; boto3 finds it by the environment."""
    with s3_server() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        import boto3

        client = boto3.client("s3")
        client.create_bucket(Bucket="data")
        yield client
