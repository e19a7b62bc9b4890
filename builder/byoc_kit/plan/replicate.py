"""Copies of a published image in other registries, as values: where to, what moves, and what became of it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.ecr import EcrRegistry
from byoc_kit.oci.reference import Repository, parse_repository
from byoc_kit.oci.transfer import Transfer
from byoc_kit.plan.promote import Move
from byoc_kit.plan.publish import OCI_SUFFIX
from byoc_kit.plan.tags import is_release

__all__ = ["Replica", "Replication", "places", "taken", "travelling"]

REGION = r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]+"
PLACE = re.compile(rf"(?:(?P<account>[0-9]{{12}})/)?(?P<region>{REGION})(?:/(?P<path>.+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """The image in one other repository: what is to be done, or what was done."""

    repository: Repository
    digest: Digest
    prepare: tuple[str, ...] = ()
    """What is done about the repository itself first."""
    transfer: Transfer = field(default_factory=Transfer)
    moves: tuple[Move, ...] = ()
    """Tags that do not mean the image there yet."""
    error: ByocError | None = None
    """Why it is not there."""

    @property
    def reference(self) -> str:
        """``registry/repository@sha256:...``."""
        return f"{self.repository}@{self.digest}"

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "repository": str(self.repository),
            "reference": None if self.error else self.reference,
            "prepare": list(self.prepare),
            "transfer": {
                way: [{"digest": blob.digest, "size": blob.size} for blob in getattr(self.transfer, way)]
                for way in ("reuse", "mount", "relay", "upload")
            },
            "moves": [{"tag": each.tag, "from": each.before, "to": each.digest} for each in self.moves],
            "error": self.error and self.error.to_json(),
        }

    def to_text(self) -> str:
        """For a person."""
        transfer = self.transfer
        there = sum(blob.size for blob in transfer.reuse) / 1e6
        mounted = f", {len(transfer.mount)} blobs mounted" if transfer.mount else ""
        lines = [
            str(self.repository),
            *(f"  first  {line}" for line in self.prepare),
            f"  blobs  {transfer.sent / 1e6:,.1f} MB to send{mounted}, {there:,.1f} MB there already",
            *(
                f"  tag    {each.tag} ({'was ' + each.before if each.before else 'new'})"
                for each in self.moves
            ),
            *([f"  ERROR  {self.error.what}: {self.error.why}"] if self.error else []),
        ]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
    """One image and all its replicas: schema ``byoc/replication/1``, or ``byoc/replication-plan/1``."""

    source: str
    """By digest."""
    replicas: tuple[Replica, ...]
    done: bool
    """False: it is what would be done."""

    @property
    def errors(self) -> tuple[tuple[Repository, ByocError], ...]:
        """The places where the image is not, and why."""
        return tuple((each.repository, each.error) for each in self.replicas if each.error is not None)

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "schema": "byoc/replication/1" if self.done else "byoc/replication-plan/1",
            "source": self.source,
            "replicas": [each.to_json() for each in self.replicas],
        }

    def to_text(self) -> str:
        """A plan in full; of what was done, each replica's exact reference."""
        if not self.done:
            return "\n".join([self.source, *(each.to_text() for each in self.replicas)])
        return "\n".join(each.reference for each in self.replicas if each.error is None)


def places(texts: Iterable[str], source: Repository) -> tuple[Repository, ...]:
    """The repositories that *texts* name: ``ACCOUNT/REGION``, ``REGION``, or ``registry/repository``.

    In ECR the repository is called as in *source*, unless a name follows: ``ACCOUNT/REGION/NAME``.
    Raises UsageError (BYOC-E587) for anything else, for *source* itself, and for the same place twice.
    """
    found = [_place(text, source) for text in texts]
    for place, text in zip(found, texts, strict=True):
        if place == source:
            raise _wrong(text, "that is where the image is already", "name other places")
        if found.count(place) > 1:
            raise _wrong(text, "it is named twice", "name each place once")
    return tuple(found)


def travelling(found: Mapping[str, Digest], digest: Digest) -> tuple[str, ...]:
    """Of the tags *found* in the source, those that travel with the image: all that mean it.

    What another form of it is called follows from them, and indexes of artifacts do not travel.
    """
    return tuple(
        sorted(
            name
            for name, each in found.items()
            if each == digest
            and not name.endswith(OCI_SUFFIX)
            and not re.fullmatch("sha256-[0-9a-f]{64}", name)
        )
    )


def taken(repository: Repository, moves: Sequence[Move]) -> ByocError | None:
    """Why *moves* must not be done: a release means one image for ever."""
    names = [each for each in moves if each.before is not None and is_release(each.tag)]
    if not names:
        return None
    return ByocError(
        f"{repository} has {', '.join(each.tag for each in names)} already, for another image",
        why="a release means one image for ever; nothing was sent there",
        fix="replicate the release that the source has now, or remove the tag there by hand if it is wrong",
        id="BYOC-E588",
        details=[f"{each.tag}: {each.before}" for each in names],
    )


def _place(text: str, source: Repository) -> Repository:
    found = PLACE.fullmatch(text)
    if found is None:
        repository = parse_repository(text)
        if repository.host is None:
            why = "it is neither an account and a region of AWS, nor a registry and a repository"
            raise _wrong(text, why, "write ACCOUNT/REGION, REGION, or registry/repository")
        return repository
    here = EcrRegistry.of_host(source.host)
    account = found["account"] or (here.account if here else None)
    if account is None:
        raise _wrong(text, "the image is not in ECR, so no account is known", f"write ACCOUNT/{text}")
    name = found["path"] or source.path
    return parse_repository(f"{EcrRegistry(account, found['region']).host}/{name}")


def _wrong(text: str, why: str, fix: str) -> UsageError:
    return UsageError(f"--to {text}: nothing is replicated", why=why, fix=fix, id="BYOC-E587")
