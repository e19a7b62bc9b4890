"""What a host gets of a channel: the objects as this machine has them, dealt out as the service does."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TypeVar

from byoc_kit.errors import UsageError
from byoc_kit.job.objects import Object, Reference, augmented, manifest, shard
from byoc_kit.job.types import Channel, TrainingJob

__all__ = ["Fields", "fields_of", "fill_view", "has_view", "objects_of"]

T = TypeVar("T")
Fields = tuple[bytes | Path, ...]
"""What is sent for one object, or for one line of an augmented manifest: bytes, or files that hold them."""


def has_view(channel: Channel, job: TrainingJob) -> bool:
    """Whether a host does not simply see the whole of the channel's source."""
    sharded = channel.distribution == "ShardedByS3Key" and len(job.hosts_of(channel)) > 1
    return channel.mode != "Pipe" and (sharded or channel.data_type == "ManifestFile")


def fill_view(view: Path, channel: Channel, job: TrainingJob, host: str) -> None:
    """Give the files that *host* gets second names below *view*; copies where the disk cannot do that."""
    view.mkdir(parents=True)
    for found in objects_of(channel, job, host):
        target = view / found.key
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(Path(found.path).resolve(), target)
        except OSError:
            shutil.copyfile(found.path, target)


def objects_of(channel: Channel, job: TrainingJob, host: str) -> tuple[Object, ...]:
    """The objects that *host* gets, in the order of their keys (CHN-07). Raises UsageError."""
    found = tuple(_listed(channel) if channel.data_type == "ManifestFile" else _found(Path(channel.source)))
    return _own(found, channel, job, host)


def fields_of(channel: Channel, job: TrainingJob, host: str) -> tuple[Fields, ...]:
    """What mode Pipe sends to *host*, object by object or line by line. Raises UsageError."""
    if channel.data_type != "AugmentedManifestFile":
        return tuple((Path(found.path),) for found in objects_of(channel, job, host))
    source = Path(channel.source)
    lines = augmented(source.read_text(encoding="utf-8"), channel.attributes, str(source))
    own = _own(tuple(lines), channel, job, host)
    return tuple(tuple(_field(each, source) for each in line) for line in own)


def _own(items: tuple[T, ...], channel: Channel, job: TrainingJob, host: str) -> tuple[T, ...]:
    sharded = channel.distribution == "ShardedByS3Key"
    return shard(items, job.hosts_of(channel), host) if sharded else items


def _found(source: Path) -> Iterator[Object]:
    """The files below a folder as S3 lists keys, or the one file."""
    if source.is_file():
        yield Object(source.name, source)
        return
    files = (path for path in source.rglob("*") if path.is_file())
    found = {path.relative_to(source).as_posix(): path for path in files}
    yield from (Object(key, found[key]) for key in sorted(found, key=str.encode))


def _listed(channel: Channel) -> Iterator[Object]:
    """The files that a manifest of this machine names; a relative prefix starts at the manifest."""
    source = Path(channel.source)
    prefix, names = manifest(source.read_text(encoding="utf-8"), str(source))
    for name in names:
        yield Object(PurePosixPath(name).as_posix(), _existing(source.parent / prefix / name, source))


def _field(field: bytes | Reference, manifest: Path) -> bytes | Path:
    return field if isinstance(field, bytes) else _existing(manifest.parent / field.place, manifest)


def _existing(path: Path, manifest: Path) -> Path:
    if not path.is_file():
        raise UsageError(
            f"{manifest} names {path}, which is not there",
            why="what a manifest of this machine names are files of this machine, or objects in s3://",
            fix="correct the manifest, or its prefix; relative paths start at its folder",
            id="BYOC-E424",
        )
    return path
