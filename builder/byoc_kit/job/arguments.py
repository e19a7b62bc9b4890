"""What people type for a job, turned into the job's own values: ``K=V`` and ``NAME=PATH,mode=FastFile``."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from byoc_kit.errors import UsageError

__all__ = ["MODES", "ChannelArgument", "channel", "group", "hyperparameter", "pairs", "size"]

Mode = Literal["File", "FastFile", "Pipe"]
MODES: tuple[Mode, ...] = ("File", "FastFile", "Pipe")  # api:TrainingInputMode


@dataclass(frozen=True, slots=True)
class ChannelArgument:
    """A channel as it is asked for; whether *path* exists is not known here."""

    path: str
    mode: Mode = "File"
    content_type: str | None = None


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
    """``PATH[,mode=File|FastFile|Pipe][,type=CONTENT/TYPE]``. Raises UsageError."""
    path, *settings = text.split(",")
    given = pairs(settings, option=f"--channel {name}={path},")
    unknown = sorted(given.keys() - {"mode", "type"})
    mode = given.get("mode", "File")
    if not path or unknown or mode not in MODES:
        raise UsageError(
            f"channel {name}: {text!r} is not PATH[,mode=MODE][,type=CONTENT-TYPE]",
            why=_channel_fault(path, unknown, mode),
            fix=f"for example --channel {name}=data/{name},mode=FastFile; the modes are {', '.join(MODES)}",
            id="BYOC-E406",
        )
    return ChannelArgument(path, mode, given.get("type"))


def _channel_fault(path: str, unknown: list[str], mode: str) -> str:
    if not path:
        return "the path is empty"
    if unknown:
        return f"there is no setting {unknown[0]!r}"
    return f"there is no input mode {mode!r} (CHN-01 to CHN-03)"


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
