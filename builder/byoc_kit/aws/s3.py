"""Objects fetched from S3 for the channels of a local job; what is here already is not fetched again."""

import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from byoc_kit.aws import session
from byoc_kit.errors import ByocError
from byoc_kit.job.s3 import S3Uri
from byoc_kit.talk import Talk

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["fetch_objects", "fetch_prefix", "read_text"]

AT_ONCE = 8  # objects
INDEX = ".json"  # beside the folder: which version of each object is in it


@dataclass(frozen=True, slots=True)
class Remote:
    """An object, and the version of it that is there now."""

    bucket: str
    key: str
    size: int
    version: str
    """Its ETag."""


def read_text(uri: str) -> str:
    """The object at *uri*, as text. Raises ByocError."""
    place = S3Uri.parse(uri)
    with s3_errors(uri):
        return _client().get_object(Bucket=place.bucket, Key=place.key)["Body"].read().decode()


def fetch_prefix(uri: str, folder: Path, talk: Talk) -> None:
    """Make *folder* hold all objects whose keys begin as *uri* says (CHN-01). Raises ByocError."""
    place = S3Uri.parse(uri)
    with s3_errors(uri):
        client = _client()
        _fetch(client, dict(_listed(client, place)), folder, uri, talk)


def fetch_objects(uris: Mapping[str, str], folder: Path, talk: Talk) -> None:
    """Make *folder* hold the objects of *uris*, each by the path below it. Raises ByocError."""
    what = "the objects of a manifest"
    with s3_errors(what):
        client = _client()

    def look(uri: str) -> Remote:
        place = S3Uri.parse(uri)
        with s3_errors(uri):
            head = client.head_object(Bucket=place.bucket, Key=place.key)
        return Remote(place.bucket, place.key, head["ContentLength"], head["ETag"])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        remotes = dict(zip(uris, pool.map(look, uris.values()), strict=True))
    with s3_errors(what):
        _fetch(client, remotes, folder, "a manifest", talk)


def _client() -> "S3Client":
    return session.client(session.AwsSettings(), "s3")  # type: ignore[no-any-return]


def _listed(client: "S3Client", place: S3Uri) -> Iterator[tuple[str, Remote]]:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key):
        for entry in page.get("Contents", ()):
            name = place.below(entry["Key"])
            if name:
                yield name, Remote(place.bucket, entry["Key"], entry["Size"], entry["ETag"])


def _fetch(client: "S3Client", wanted: Mapping[str, Remote], folder: Path, uri: str, talk: Talk) -> None:
    if not wanted:
        raise ByocError(
            f"there is nothing at {uri}",
            why="no object has a key that begins like this",
            fix="correct the bucket or the prefix; `aws s3 ls` shows what there is",
            id="BYOC-E812",
        )
    index = folder.with_name(folder.name + INDEX)
    had = _read(index)
    missing = {name: each for name, each in wanted.items() if _is_missing(folder / name, each, had.get(name))}
    _remove_others(folder, wanted)
    total = sum(each.size for each in missing.values())
    if bad := [name for name in wanted if not _is_inside(name)]:
        raise ByocError(
            f"{uri} has an object that leads out of its folder",
            why=f"its name there would be {bad[0]}",
            fix="give the object another key",
            id="BYOC-E811",
        )
    if missing:
        talk.say(f"fetching {len(missing)} of {len(wanted)} objects of {uri}, {total / 1e6:.1f} MB")
    _require_space(folder, total)
    try:
        _download(client, missing, folder, talk)
    finally:
        index.parent.mkdir(parents=True, exist_ok=True)
        index.write_text(json.dumps({name: each.version for name, each in wanted.items()}), encoding="utf-8")


def _is_inside(name: str) -> bool:
    return not name.startswith("/") and ".." not in name.split("/")


def _read(index: Path) -> Mapping[str, str]:
    try:
        found = json.loads(index.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_missing(path: Path, remote: Remote, version: str | None) -> bool:
    return version != remote.version or not path.is_file() or path.stat().st_size != remote.size


def _remove_others(folder: Path, wanted: Mapping[str, Remote]) -> None:
    """What is in S3 no more must not be seen by a job."""
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()


def _require_space(folder: Path, needed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ByocError(
            f"there is no room for {needed / 1e9:.1f} GB in {folder}",
            why=f"the disk has {free / 1e9:.1f} GB left",
            fix="make room, or try the job with a part of the data: --channel NAME=PATH",
            id="BYOC-E813",
        )


def _download(client: "S3Client", missing: Mapping[str, Remote], folder: Path, talk: Talk) -> None:
    total, lock = sum(each.size for each in missing.values()), threading.Lock()
    done = 0

    def arrived(size: int) -> None:
        nonlocal done
        with lock:
            done += size
            talk.progress("s3", done, total)

    def one(item: tuple[str, Remote]) -> None:
        target = folder / item[0]
        target.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(item[1].bucket, item[1].key, str(target), Callback=arrived)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, missing.items()))


@contextmanager
def s3_errors(uri: str) -> Iterator[None]:
    """Tell what S3 refuses, or what keeps one from asking it, as ByocError."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except NoCredentialsError as error:
        raise ByocError(
            f"{uri} cannot be fetched without AWS credentials",
            why="boto3 finds none in the environment, the profile, SSO or an instance role",
            fix="log in first (`aws sso login`, AWS_PROFILE), or give a copy: --channel NAME=PATH",
            id="BYOC-E810",
        ) from error
    except (ClientError, BotoCoreError, OSError) as error:
        raise ByocError(
            f"{uri} cannot be fetched",
            why=str(error),
            fix="see that the bucket and the key are right and that you may read them (`aws s3 ls`)",
            id="BYOC-E811",
        ) from error
