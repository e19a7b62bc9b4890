"""A channel from what was said of it: by the command line, by a job file, by the defaults of the service."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any

from byoc_kit.errors import UsageError
from byoc_kit.job.types import Channel, TrainingJob

__all__ = ["check_channels", "make_channel"]


def make_channel(name: str, source: PurePath, settings: Mapping[str, str], uri: str | None = None) -> Channel:
    """The channel *name* with *settings*, whose values are known to be words of the service's."""
    words: dict[str, Any] = dict(settings)
    return Channel(
        name=name,
        source=source,
        uri=uri,
        mode=words.get("mode", "File"),
        content_type=words.get("type"),
        distribution=words.get("distribution", "FullyReplicated"),
        record_wrapper=words.get("wrapper", "None"),
        data_type=words.get("data", "S3Prefix"),
        attributes=_names(settings.get("attributes")),
        compression=words.get("compression", "None"),
        shuffle=int(settings["shuffle"]) if "shuffle" in settings else None,
        groups=_names(settings.get("groups")),
        read_only=settings.get("access", "ro") == "ro",
    )


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(text.split("+")) if text else ()


def check_channels(job: TrainingJob) -> None:
    """Raise one UsageError that tells everything in *job*'s channels that does not go together."""
    known = {group.name for group in job.groups}
    problems = [
        f"channel {channel.name}: {fault}"
        for channel in job.channels
        for fault in (*_faults(channel), *_unknown_groups(channel, known))
    ]
    if problems:
        raise UsageError(
            "the settings of the job's channels do not go together",
            why="the service would refuse the job, or its data could not arrive as asked",
            fix="change what is named above in --channel, or in a copy of the job file",
            id="BYOC-E423",
            details=problems,
        )


def _unknown_groups(channel: Channel, known: Iterable[str]) -> Iterator[str]:
    for name in channel.groups:
        if name not in known:
            yield f"{name} is no instance group of this job"


def _faults(channel: Channel) -> Iterator[str]:
    pipe = channel.mode == "Pipe"
    if channel.mode == "FastFile" and channel.data_type != "S3Prefix":
        yield f"mode FastFile streams an S3Prefix only, not an {channel.data_type} (CHN-02)"
    if channel.data_type == "AugmentedManifestFile":
        if not (pipe and channel.record_wrapper == "RecordIO"):
            yield "an AugmentedManifestFile comes through mode Pipe with wrapper RecordIO (CHN-06)"
        if not channel.attributes:
            yield "an AugmentedManifestFile needs attributes, e.g. attributes=source-ref+label (CHN-06)"
    elif channel.attributes:
        yield "attributes are those of an AugmentedManifestFile (CHN-06)"
    if not pipe and channel.compression == "Gzip":
        yield f"compression Gzip is undone in mode Pipe only, and this is mode {channel.mode} (CHN-04)"
    if not channel.read_only and (pipe or channel.mode == "FastFile" or channel.uri):
        yield "only a file system can be written to (access=rw), and its mode is File (CHN-02, CHN-05)"
