"""Objects of S3 brought here: which, where to, and what is not brought again."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byoc_kit.aws.s3 import fetch_objects, fetch_prefix, read_text
from byoc_kit.errors import ByocError
from byoc_kit.talk import Silence

pytestmark = pytest.mark.long

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Ear(Silence):
    """A listener who remembers what was fetched."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture(autouse=True)
def emptied(s3: "S3Client") -> Iterator[None]:
    for key in ("train/a.csv", "train/sub/b.csv", "trained/c.csv", "train/folder/", "test/d.csv"):
        s3.put_object(Bucket="data", Key=key, Body=key.encode())
    yield
    for entry in s3.list_objects_v2(Bucket="data").get("Contents", ()):
        s3.delete_object(Bucket="data", Key=entry["Key"])
    s3.delete_bucket(Bucket="data")


def files(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


def test_a_prefix_is_a_folder_with_the_structure_of_the_keys(tmp_path: Path) -> None:
    """CHN-01."""
    fetch_prefix("s3://data/train/", tmp_path / "x", Silence())
    assert files(tmp_path / "x") == {"a.csv": "train/a.csv", "sub/b.csv": "train/sub/b.csv"}


def test_a_prefix_is_the_beginning_of_names_too(tmp_path: Path) -> None:
    fetch_prefix("s3://data/tr", tmp_path / "x", Silence())
    assert sorted(files(tmp_path / "x")) == ["train/a.csv", "train/sub/b.csv", "trained/c.csv"]


def test_what_is_here_is_not_fetched_again(tmp_path: Path, s3: "S3Client") -> None:
    ear = Ear()
    for _ in range(2):
        fetch_prefix("s3://data/train/", tmp_path / "x", ear)
    assert ear.said == ["fetching 2 of 2 objects of s3://data/train/, 0.0 MB"]
    s3.put_object(Bucket="data", Key="train/a.csv", Body=b"other bytes")
    s3.delete_object(Bucket="data", Key="train/sub/b.csv")
    fetch_prefix("s3://data/train/", tmp_path / "x", ear)
    assert files(tmp_path / "x") == {"a.csv": "other bytes"}
    assert ear.said[1:] == ["fetching 1 of 1 objects of s3://data/train/, 0.0 MB"]


def test_what_was_cut_short_is_fetched_again(tmp_path: Path) -> None:
    fetch_prefix("s3://data/test", tmp_path / "x", Silence())
    (tmp_path / "x/d.csv").write_text("cut")
    fetch_prefix("s3://data/test", tmp_path / "x", Silence())
    assert files(tmp_path / "x") == {"d.csv": "test/d.csv"}


def test_named_objects_lie_where_they_are_wanted(tmp_path: Path) -> None:
    fetch_objects(
        {"one": "s3://data/train/a.csv", "y/two": "s3://data/test/d.csv"}, tmp_path / "x", Silence()
    )
    assert files(tmp_path / "x") == {"one": "train/a.csv", "y/two": "test/d.csv"}
    assert read_text("s3://data/test/d.csv") == "test/d.csv"


def test_an_object_stays_in_its_folder(tmp_path: Path) -> None:
    with pytest.raises(ByocError) as caught:
        fetch_objects({"../x": "s3://data/test/d.csv"}, tmp_path / "x", Silence())
    assert caught.value.id == "BYOC-E811"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("uri", "number", "said"),
    [
        ("s3://data/none", "BYOC-E812", "no object has a key that begins like this"),
        ("s3://no-such-bucket/x", "BYOC-E811", "NoSuchBucket"),
    ],
)
def test_what_is_not_there_says_so(tmp_path: Path, uri: str, number: str, said: str) -> None:
    with pytest.raises(ByocError) as caught:
        fetch_prefix(uri, tmp_path / "x", Silence())
    assert caught.value.id == number
    assert said in caught.value.why
    assert uri in caught.value.what


def test_without_credentials_the_fix_is_to_log_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ByocError) as caught:
        fetch_prefix("s3://data/train/", tmp_path / "x", Silence())
    assert caught.value.id == "BYOC-E810"
