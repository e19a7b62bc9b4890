"""``byoc bases update``: what registries hold now, and an installed SDK's tables, as the user's own copy."""

import datetime
import functools
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from byoc_kit.aws.listing import Listing, list_repository
from byoc_kit.aws.session import AwsSettings
from byoc_kit.catalogue.catalogue import Catalogue
from byoc_kit.catalogue.documented import FORMAT
from byoc_kit.catalogue.prebuilt import Prebuilt
from byoc_kit.catalogue.tables import Tables
from byoc_kit.catalogue.tags import moves, parse_tag, version_key
from byoc_kit.errors import ByocError, UsageError
from byoc_kit.oci.ecr import EcrRegistry
from byoc_kit.store import user_store
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.bases import region_here, today
from byoc_kit.work.catalogue import KIND, catalogue
from byoc_kit.work.sdk_tables import read_tables

__all__ = ["Updated", "update"]

JOBS = 8  # repositories asked for at the same time
HOPELESS = frozenset({"BYOC-E814", "BYOC-E815", "BYOC-E820", "BYOC-E825"})
"""No credentials, or no way to AWS: the next question would end like this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """What an update found."""

    tables: str | None
    """Source of the SDK's tables that are used from now on; None: those from before."""
    registries: tuple[str, ...]
    """Hosts that answered."""
    images: int
    """Images that were not known before."""


@dataclass(slots=True)
class _Sources:
    """Which sources gave something, and why the others did not."""

    gave: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def update(
    *,
    registries: Sequence[str] = (),
    region: str | None = None,
    sdk: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    talk: Talk | None = None,
) -> Updated:
    """Bring the user's copy of the catalogue up to date, from *registries* and from *sdk*.

    *registries* are hosts of ECR; none: those of AWS in *region*, else in that of the AWS configuration.
    *sdk* is an environment or its site-packages; None: the one that byoc runs in, if its SDK is newer than
    what is known. What fails leaves what was known. Raises ByocError (BYOC-E848, BYOC-E850, BYOC-E851).
    """
    voice, known, day = talk or Silence(), catalogue(environ), today()
    sources = _Sources()
    tables = _tables(known, sdk, day, sources)
    found = list(_asked(known, _hosts(known, registries, region, environ), sources, voice))
    for line in sources.failed:
        voice.warn(line)
    if not sources.gave:
        raise _nothing(sources.failed)
    store = user_store(environ)
    if tables is not None:
        store.write(KIND, "tables", tables.document())
    if found:
        before = store.read(KIND, "seen") or {}
        store.write(KIND, "seen", _document(known, (*before.get("images", ()), *found), sources.gave, day))
    return Updated(
        tables=tables.source if tables else None,
        registries=tuple(each for each in sources.gave if ".ecr." in each),
        images=len(found),
    )


def _tables(known: Catalogue, sdk: Path | None, day: datetime.date, sources: _Sources) -> Tables | None:
    """The tables to use from now on. With *sdk* given, ByocError passes; else only what is newer counts."""
    for folder in _packages(sdk):
        try:
            found = read_tables(folder, date=day.isoformat())
        except ByocError:
            continue
        sources.gave.append(found.source)
        newer = version_key(found.source) > version_key(known.tables.source)
        return found if sdk or newer else None
    return read_tables(sdk, date=day.isoformat()) if sdk else None


def _packages(sdk: Path | None) -> list[Path]:
    """Folders that may hold an SDK."""
    if sdk is None:
        return [Path(entry) for entry in sys.path if entry.endswith("-packages")]
    return [sdk, *sorted(sdk.glob("lib/python*/site-packages"))]


def _hosts(
    known: Catalogue, registries: Sequence[str], region: str | None, environ: Mapping[str, str]
) -> tuple[EcrRegistry, ...]:
    """The registries to ask. Raises ByocError for a host that is not ECR's."""
    if registries:
        return tuple(_registry(host) for host in registries)
    where = region or region_here(environ)
    if where is None:
        return ()
    accounts = sorted({image.accounts[where] for image in known.images if where in image.accounts})
    return tuple(EcrRegistry(account, where) for account in accounts)


def _registry(host: str) -> EcrRegistry:
    found = EcrRegistry.of_host(host)
    if found is None:
        raise UsageError(
            f"{host[:200]!r} is not a registry of Amazon ECR",
            why="images of AWS are in private registries of ECR, one for each account and region",
            fix="write --registry ACCOUNT.dkr.ecr.REGION.amazonaws.com, or --region REGION",
            id="BYOC-E851",
        )
    return found


def _asked(
    known: Catalogue, hosts: Iterable[EcrRegistry], sources: _Sources, talk: Talk
) -> Iterator[dict[str, Any]]:
    """Rows for images that *hosts* have and that are not known; nobody is asked once AWS cannot be."""
    for host in hosts:
        paths = _paths(known, host)
        talk.say(f"asking {host.host} for {len(paths)} repositories")
        answers = list(_listings(host, paths))
        refused = [each for each in answers if isinstance(each, ByocError)]
        if len(refused) == len(answers):
            why = f"{refused[0].what}: {refused[0].why}" if refused else "no prebuilt images are known there"
            sources.failed.append(f"{host.host}: {why}")
            if refused and refused[0].id in HOPELESS:
                return
            continue
        sources.gave.append(host.host)
        for path, answer in zip(paths, answers, strict=True):
            if isinstance(answer, Listing):
                yield from _rows(known, path, answer)


def _listings(host: EcrRegistry, paths: Sequence[str]) -> Iterator[Listing | ByocError | None]:
    """What *host* tells of each of *paths*; only of the first where that shows that AWS cannot be asked."""
    for path in paths[:1]:
        first = _listing(host, path)
        yield first
        if isinstance(first, ByocError) and first.id in HOPELESS:
            return
    with ThreadPoolExecutor(JOBS) as threads:
        yield from threads.map(functools.partial(_listing, host), paths[1:])


def _paths(known: Catalogue, host: EcrRegistry) -> list[str]:
    """Repositories that *host* should have."""
    images = known.images
    return sorted({image.repository for image in images if image.accounts.get(host.region) == host.account})


def _listing(host: EcrRegistry, path: str) -> Listing | ByocError | None:
    try:
        return list_repository(AwsSettings(), host, path)
    except ByocError as error:
        return error


def _rows(known: Catalogue, path: str, listing: Listing) -> Iterator[dict[str, Any]]:
    """A row for each image of *listing* whose tags are new, releases left out."""
    images = known.of_repository(path)
    have = {tag for image in images for tag in image.tags}
    by_digest: dict[str, list[str]] = {}
    for tag, digest in listing.tags.items():
        if moves(tag) and not tag.startswith("sha256-"):
            by_digest.setdefault(digest, []).append(tag)
    for tags in by_digest.values():
        if not have & set(tags):
            yield _row(images[-1], sorted(tags, key=len, reverse=True))


def _row(like: Prebuilt, tags: list[str]) -> dict[str, Any]:
    """An image of the repository of *like*, as far as its tags tell."""
    told = parse_tag(tags[0])
    row = {
        "repository": like.repository,
        "framework": like.framework,
        "version": told.version or tags[0],
        "device": told.device or like.device,
        "python": told.python and f"py{told.python.replace('.', '')}",
        "cuda": told.cuda and f"cu{told.cuda.replace('.', '')}",
        "os": told.os,
        "variant": told.variant or "sagemaker",
        "accounts": like.repository,
        "tags": tags,
    }
    return {name: value for name, value in row.items() if value}


def _document(
    known: Catalogue, rows: Sequence[Mapping[str, Any]], hosts: Sequence[str], day: datetime.date
) -> dict[str, Any]:
    """What is kept of *rows*: what was found before, and now."""
    kept = {(row["repository"], row["tags"][0]): row for row in rows}
    paths = sorted({row["repository"] for row in rows})
    return {
        "schema": FORMAT,
        "source": f"registries: {', '.join(host for host in hosts if '.ecr.' in host)}",
        "date": day.isoformat(),
        "accounts": {path: dict(known.of_repository(path)[-1].accounts) for path in paths},
        "images": list(kept.values()),
    }


def _nothing(failed: Sequence[str]) -> ByocError:
    return ByocError(
        "there is nothing to bring the catalogue up to date from",
        why="; ".join(failed) or "no AWS region is known, and no SageMaker SDK is installed here",
        fix="log in to AWS and give --region, or name an environment with the SDK: --sdk DIR; "
        "what was known is kept",
        id="BYOC-E850",
    )
