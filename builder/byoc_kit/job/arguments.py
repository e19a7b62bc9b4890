"""What people type for a job, turned into the job's own values: ``K=V`` and ``NAME=PATH,mode=FastFile``."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from byoc_kit.errors import UsageError

__all__ = ["MODES", "SETTINGS", "ChannelArgument", "channel", "group", "hyperparameter", "pairs", "size"]

MODES = ("File", "FastFile", "Pipe")  # api:TrainingInputMode


SETTINGS: Mapping[str, tuple[str, ...] | None] = {
    "mode": MODES,
    "type": None,
    "distribution": ("FullyReplicated", "ShardedByS3Key"),
    "wrapper": ("None", "RecordIO"),
    "data": ("S3Prefix", "ManifestFile", "AugmentedManifestFile"),
    "attributes": None,
    "compression": ("None", "Gzip"),
    "shuffle": None,
    "groups": None,
    "access": ("ro", "rw"),
}
"""What can be said of a channel after its path, and the words that are allowed; None: any."""


@dataclass(frozen=True, slots=True)
class ChannelArgument:
    """A channel as it is asked for; whether *path* exists is not known here."""

    path: str
    """A file or folder of this machine, or ``s3://...``."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Only what was said, by the names of ``SETTINGS``."""


def pairs(texts: Iterable[str], *, option: str) -> dict[str, str]:
    """``K=V`` texts as a mapping; the value may be empty and may hold ``=``. Raises UsageError."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise _not_a_pair(text, option)
        if key in found:
            raise UsageError(
                f"{option} gives {key} twice",
                why="only one value can be sent, and byoc does not guess which",
                fix=f"leave one {option} {key}=...",
                id="BYOC-E406",
            )
        found[key] = value
    return found


def _not_a_pair(text: str, option: str) -> UsageError:
    return UsageError(
        f"{option} {text!r} is not NAME=VALUE",
        why="a name, an equals sign and a value are needed, without spaces around the sign",
        fix=f"write it as {option} NAME=VALUE; quote the whole for the shell if the value has spaces",
        id="BYOC-E406",
    )


def channel(name: str, text: str) -> ChannelArgument:
    """``PATH[,SETTING=VALUE]...``, see ``SETTINGS``. Raises UsageError."""
    path, *settings = text.split(",")
    given = pairs(settings, option=f"--channel {name}={path},")
    fault = _channel_fault(path, given)
    if fault:
        raise UsageError(
            f"channel {name}: {text!r} is not PATH[,mode=MODE][,type=CONTENT-TYPE]...",
            why=fault,
            fix=f"for example --channel {name}=data/{name},mode=FastFile; after the path there may be"
            f" {', '.join(SETTINGS)}",
            id="BYOC-E406",
        )
    return ChannelArgument(path, given)


def _channel_fault(path: str, given: Mapping[str, str]) -> str | None:
    if not path:
        return "the path is empty"
    if unknown := sorted(given.keys() - SETTINGS.keys()):
        return f"there is no setting {unknown[0]!r}"
    for key, value in given.items():
        words = SETTINGS[key]
        if words is not None and value not in words:
            what = "input mode" if key == "mode" else key
            return f"there is no {what} {value!r}: {', '.join(words)} are known (CHN-01 to CHN-06)"
    if not given.get("shuffle", "0").isdigit():
        return f"the seed of shuffle, {given['shuffle']!r}, is no whole number"
    return None


def group(text: str) -> tuple[str, str, int]:
    """``NAME=INSTANCE-TYPE:COUNT`` as name, type and count. Raises UsageError."""
    name, equals, rest = text.partition("=")
    kind, colon, count = rest.rpartition(":")
    if not (name and equals and kind and colon and count.isdigit() and int(count)):
        raise UsageError(
            f"--group {text!r} is not NAME=INSTANCE-TYPE:COUNT",
            why="a group of hosts has a name, one instance type and at least one host",
            fix="for example --group trainers=ml.g5.xlarge:2 --group readers=ml.c5.large:1",
            id="BYOC-E422",
        )
    return name, kind, int(count)


def hyperparameter(value: object, *, sdk: bool = False) -> str:
    """The string that the service would be given for *value* (CFG-01: all values are strings).

    A string is sent as it is, anything else as JSON (``true``, ``[64, 32]``). With *sdk* the value is encoded
    as the SageMaker SDK does it (CFG-02): strings that are not JSON already get quotes.
    """
    if isinstance(value, str):
        return _encoded(value) if sdk else value
    return json.dumps(value, default=str)


def _encoded(text: str) -> str:
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text)
    return text


def size(text: str, *, option: str) -> int:
    """A size such as ``64m`` or ``2g`` in bytes (powers of 1024, as Docker counts). Raises UsageError."""
    factors = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
    number = text.strip().lower().rstrip("bkmg")
    unit = text.strip().lower()[len(number) :]
    if not number.isdigit() or unit not in factors:
        raise UsageError(
            f"{option} {text!r} is not a size",
            why="a whole number and one of b, k, m, g are needed (powers of 1024)",
            fix=f"for example {option} 2g",
            id="BYOC-E406",
        )
    return int(number) * factors[unit]
