"""The objects of a channel as the service deals them out: manifests, shards, and the order of an epoch."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeVar

from byoc_kit.errors import UsageError

__all__ = ["Object", "Reference", "augmented", "manifest", "ordered", "relocated", "shard"]

T = TypeVar("T")
REFERENCE = "-ref"  # the end of an attribute's name whose value is where an object is (CHN-06)


@dataclass(frozen=True, slots=True)
class Object:
    """One object of a channel: its key below the channel's prefix, and where its bytes are."""

    key: str
    path: PurePath


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that an augmented manifest names: ``s3://...``, or a path of this machine."""

    place: str


def shard(items: Sequence[T], hosts: Sequence[str], host: str) -> tuple[T, ...]:
    """What *host* gets of *items* under ShardedByS3Key: disjoint, and perhaps nothing (CHN-07)."""
    return tuple(items[hosts.index(host) :: len(hosts)])


def ordered(items: Sequence[T], seed: int | None, epoch: int) -> list[T]:
    """*items* in the order of *epoch*: as they are without a seed, else shuffled anew for each."""
    found = list(items)
    if seed is not None:
        random.Random(f"{seed} {epoch}").shuffle(found)  # noqa: S311 - not for secrets
    return found


def manifest(text: str, name: str) -> tuple[str, tuple[str, ...]]:
    """The prefix and the objects below it that the ManifestFile *text* lists (CHN-06). Raises UsageError."""
    try:
        first, *names = json.loads(text)
        prefix = first["prefix"]
    except (ValueError, KeyError, TypeError) as error:
        raise _bad_manifest(name, 'it is no JSON list that begins with {"prefix": ...}') from error
    if not isinstance(prefix, str) or not all(isinstance(each, str) for each in names):
        raise _bad_manifest(name, "the prefix and all that follows it must be strings")
    if outside := [each for each in names if ".." in each.split("/") or each.startswith("/")]:
        raise _bad_manifest(name, f"{outside[0]} leads out of the prefix")
    return prefix, tuple(names)


def augmented(text: str, attributes: Sequence[str], name: str) -> Iterator[tuple[bytes | Reference, ...]]:
    """What is sent for each line of an augmented manifest: its *attributes*, in turn. Raises UsageError."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield _fields(line, attributes, f"{name}:{number}")


def relocated(text: str, attributes: Sequence[str], places: Mapping[str, str]) -> str:
    """An augmented manifest with its objects at other places: those that *places* has, by where they were."""
    lines = [json.loads(line) for line in text.splitlines() if line.strip()]
    for line in lines:
        for attribute in attributes:
            if attribute.endswith(REFERENCE):
                line[attribute] = places.get(line[attribute], line[attribute])
    return "".join(json.dumps(line) + "\n" for line in lines)


def _fields(line: str, attributes: Sequence[str], where: str) -> tuple[bytes | Reference, ...]:
    try:
        members = json.loads(line)
        return tuple(_field(attribute, members[attribute]) for attribute in attributes)
    except KeyError as error:
        raise _bad_manifest(where, f"the line has no member {error}") from error
    except (ValueError, TypeError) as error:
        raise _bad_manifest(where, "the line is no JSON object") from error


def _field(attribute: str, value: object) -> bytes | Reference:
    if attribute.endswith(REFERENCE):
        return Reference(str(value))
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def _bad_manifest(name: str, why: str) -> UsageError:
    return UsageError(
        f"{name} cannot be used as a manifest",
        why=why,
        fix='a ManifestFile is [{"prefix": "s3://bucket/data/"}, "a.csv", ...]; an AugmentedManifestFile'
        " has one JSON object on each line",
        id="BYOC-E424",
    )
