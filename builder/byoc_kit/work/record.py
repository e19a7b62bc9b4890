"""``byoc record``: what a publish left, read again: from a file, or from beside its image in the registry."""

import getpass
import json
import os
import platform
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from byoc_kit.aws.session import whoami
from byoc_kit.errors import ByocError
from byoc_kit.images.referrers import Artifact, artifacts, has_artifact, put_artifact
from byoc_kit.images.session import Session
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.ecr import EcrRegistry
from byoc_kit.oci.manifest import Descriptor, Manifest
from byoc_kit.oci.reference import Named, is_ecr, parse_image
from byoc_kit.plan.record import FILE_NAME, MEDIA_TYPE, Published, Record
from byoc_kit.work.accounts import accounts_of
from byoc_kit.work.images import open_repository
from byoc_kit.work.places import destination
from byoc_kit.work.project import Project, load
from byoc_kit.work.state import keep_out_of_git, writing

__all__ = [
    "find_record",
    "keep_record",
    "last_record",
    "read_record",
    "record_beside",
    "record_path",
    "stamped",
    "usable_in_sagemaker",
    "write_copy",
    "write_record",
]

FILE = "record.json"
TITLE = "org.opencontainers.image.title"


def record_path(project: Project) -> Path:
    """Where the project's record is."""
    return project.state / FILE


def write_record(project: Project, record: Record) -> None:
    """Leave *record* in the project: whole or not at all."""
    keep_out_of_git(project)
    path = record_path(project)
    new = path.with_suffix(".new")
    new.write_bytes(record.to_bytes())
    new.replace(path)


def write_copy(record: Record, path: Path) -> None:
    """Write *record* to *path*, too. Raises UsageError (BYOC-E315) where that cannot be."""
    with writing(path):
        path.write_bytes(record.to_bytes())


def stamped(project: Project) -> Published:
    """Who publishes, in ECR by the ARN that AWS knows and elsewhere by user and machine, and the time."""
    registry = EcrRegistry.of_host(destination(project).host)
    if registry is not None:
        by = whoami(accounts_of(project.spec.publish).of(registry.account)).arn
    else:
        by = f"{getpass.getuser()}@{platform.node()}"
    return Published(by, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")


def last_record(project: Project) -> Record | None:
    """The record of the project's last publish; None: there is none that can be read."""
    try:
        return read_record(record_path(project))
    except ByocError:
        return None


def keep_record(session: Session, manifest: Manifest, record: Record) -> bool:
    """Keep *record* beside the image *manifest* in its registry; whether it was not there yet.

    Raises ByocError where the registry takes no such thing.
    """
    subject = Descriptor(manifest.media_type, manifest.digest, len(manifest.raw))
    artifact = Artifact(kind=MEDIA_TYPE, content=record.to_bytes(), annotations={TITLE: FILE_NAME})
    if has_artifact(session, subject, artifact):
        return False
    put_artifact(session, subject, artifact)
    return True


def record_beside(session: Session, digest: Digest) -> Record | None:
    """The newest record beside the image *digest*; None: nobody kept one. Raises ByocError."""
    for artifact in artifacts(session, digest, MEDIA_TYPE):
        try:
            found = Record.from_json(json.loads(artifact.content))
        except (ValueError, AttributeError):
            continue
        if found.digest == digest or digest in {form.digest for form in found.forms.values()}:
            return found
    return None


def find_record(source: str | None, file: Path | None, *, environ: Mapping[str, str] = os.environ) -> Record:
    """The record that *source* names: a file, or an image in a registry; else of this project's last publish.

    *file* chooses another byoc.toml. Raises ByocError (BYOC-E516).
    """
    if source is None:
        return read_record(record_path(load(file)))
    if Path(source).is_file():
        return read_record(Path(source))
    reference = parse_image(source)
    if not isinstance(reference, Named) or reference.repository.host is None:
        raise _none(source, "records are in files, and beside images in registries", "name one of those")
    remote = open_repository(reference.repository, environ)
    with closing(remote.session) as session:
        digest = reference.digest or remote.digest(reference.target)
        found = record_beside(session, digest) if digest else None
    if found is None:
        what = "the image has none" if digest else "there is no such image"
        raise _none(source, what, "publish it with `byoc publish`, or name the file of its record")
    return found


def read_record(path: Path) -> Record:
    """The record in the file *path*. Raises ByocError (BYOC-E516)."""
    try:
        return Record.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ByocError(
            f"there is no record {path}",
            why="a record is what `byoc publish` leaves; nothing was published from here",
            fix="run `byoc publish`, or name the file of a record, or an image in a registry",
            id="BYOC-E516",
        ) from error
    except (OSError, ValueError, AttributeError) as error:
        raise ByocError(
            f"{path} is not a record",
            why=str(error),
            fix="name a file that `byoc publish` has written (.byoc/record.json)",
            id="BYOC-E516",
        ) from error


def usable_in_sagemaker(record: Record) -> bool:
    """Whether SageMaker can pull it without more ado: from a private ECR registry."""
    return is_ecr(record.repository.partition("/")[0])


def _none(source: str, why: str, fix: str) -> ByocError:
    return ByocError(f"there is no record of {source}", why=why, fix=fix, id="BYOC-E516")
