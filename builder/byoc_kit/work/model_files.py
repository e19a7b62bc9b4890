"""What a model holds: a folder, or an archive as CreateModel takes it. Nothing is unpacked."""

import os
import tarfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from byoc_kit.contract.evidence import File
from byoc_kit.errors import UsageError

__all__ = ["list_model"]

MOST = 1000
"""Entries that are looked at."""
KINDS = {
    tarfile.DIRTYPE: "dir",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.FIFOTYPE: "fifo",
}


def list_model(path: Path) -> tuple[File, ...]:
    """The first thousand entries of the folder or archive *path*; none where nothing is there.

    Raises UsageError (BYOC-E661) where *path* is a file and no archive.
    """
    if path.is_dir():
        return tuple(islice(_in_folder(path), MOST))
    if not path.exists():
        return ()
    try:
        with tarfile.open(path) as archive:
            return tuple(islice(map(_member, archive), MOST))
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UsageError(
            f"{path} is no model",
            why=f"it is neither a folder nor an archive: {error}",
            fix="name a folder, or a model.tar.gz",
            id="BYOC-E661",
        ) from error


def _in_folder(top: Path) -> Iterator[File]:
    for folder, folders, files in os.walk(top):
        for name in sorted([*folders, *files]):
            path = Path(folder, name)
            kind = "symlink" if path.is_symlink() else "dir" if path.is_dir() else "file"
            yield File(path=str(path.relative_to(top)), kind=kind, size=path.lstat().st_size)


def _member(member: tarfile.TarInfo) -> File:
    path = member.name.removeprefix("./")
    return File(path=path, kind=KINDS.get(member.type, "file"), size=member.size, link=member.linkname)
