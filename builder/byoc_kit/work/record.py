"""``byoc record``: what a publish left, read again."""

import json
from pathlib import Path

from byoc_kit.errors import ByocError
from byoc_kit.oci.reference import is_ecr
from byoc_kit.plan.record import Record
from byoc_kit.work.project import Project, load
from byoc_kit.work.state import keep_out_of_git

__all__ = ["find_record", "read_record", "record_path", "usable_in_sagemaker", "write_record"]

FILE = "record.json"


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


def find_record(source: str | None, file: Path | None) -> Record:
    """The record that *source* names: a file, or the URI of what this project published last.

    *file* chooses another byoc.toml. Raises ByocError (BYOC-E516).
    """
    if source is not None and Path(source).is_file():
        return read_record(Path(source))
    path = record_path(load(file))
    record = read_record(path)
    if source is None or source in {
        record.reference,
        *(uri for uris in record.uris.values() for uri in uris),
    }:
        return record
    raise ByocError(
        f"there is no record of {source} here",
        why=f"{path} is about {record.reference}; registries hold no records in this release",
        fix="name the file of its record, or look in the project that published it",
        id="BYOC-E516",
    )


def read_record(path: Path) -> Record:
    """The record in the file *path*. Raises ByocError (BYOC-E516)."""
    try:
        return Record.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ByocError(
            f"there is no record {path}",
            why="a record is what `byoc publish` leaves; nothing was published from here",
            fix="run `byoc publish`, or name the file of a record",
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
