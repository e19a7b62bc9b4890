"""model.tar.gz: written and unpacked, with the checks of the service (OUT-08, INF-15)."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from byoc_kit.errors import ByocError
from byoc_kit.talk import Talk

__all__ = ["ModelFile", "files", "refuse_links", "unpack", "write"]

LEVEL = 1  # gzip: the archive stays on this machine, so speed counts more than size


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model; *path* is relative to the model's folder, *size* in bytes."""

    path: PurePosixPath
    size: int


def files(model: Path) -> tuple[ModelFile, ...]:
    """The regular files below *model*, by path."""
    found = (path for path in sorted(model.rglob("*")) if path.is_file())
    return tuple(
        ModelFile(PurePosixPath(path.relative_to(model).as_posix()), path.stat().st_size) for path in found
    )


def refuse_links(model: Path) -> None:
    """Raise ByocError for symbolic links below *model*: an archive with links is not hosted (OUT-08)."""
    links = [path for path in sorted(model.rglob("*")) if path.is_symlink()]
    if links:
        raise ByocError(
            f"the model in {model} holds {len(links)} symbolic link{'s' * (len(links) > 1)}",
            why="a model.tar.gz with links is refused when the model is hosted (OUT-08)",
            fix="let the training program write files there, not links: copy what they point to",
            id="BYOC-E409",
            details=[f"{link.relative_to(model)} -> {link.readlink()}" for link in links[:10]],
        )


def write(model: Path, archive: Path, talk: Talk) -> int:
    """Write *archive* from the files below *model*, without a folder around them; gives its size in bytes.

    Raises ByocError for links in the model.
    """
    refuse_links(model)
    total, done = sum(file.size for file in files(model)), 0
    # dereference: a file with two names goes in twice, for a hosted archive holds no hard links (INF-15)
    with tarfile.open(archive, "w:gz", compresslevel=LEVEL, dereference=True) as tar:
        for path in sorted(model.rglob("*")):
            if path.is_dir() or path.is_file():
                tar.add(path, path.relative_to(model).as_posix(), recursive=False)
                done += path.stat().st_size if path.is_file() else 0
                if total > 100e6:
                    talk.progress("model.tar.gz", done, total)
    return archive.stat().st_size


def unpack(archive: Path, target: Path) -> None:
    """Unpack *archive* into the folder *target*. Raises ByocError for what the service would refuse."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            members = list(_checked(tar, archive))
            if hasattr(tarfile, "data_filter"):
                tar.extractall(target, members, filter="data")
            else:
                tar.extractall(target, members)  # noqa: S202 - every member has been checked
    except (tarfile.TarError, EOFError, OSError) as error:
        raise _bad(archive, f"it cannot be read as a gzipped tar: {error}") from error


def _checked(tar: tarfile.TarFile, archive: Path) -> Iterator[tarfile.TarInfo]:
    for member in tar:
        path = PurePosixPath(member.name)
        if member.issym() or member.islnk():
            raise _bad(archive, f"{member.name} is a link to {member.linkname} (INF-15)")
        if not (member.isfile() or member.isdir()):
            raise _bad(archive, f"{member.name} is neither a file nor a folder")
        if path.is_absolute() or ".." in path.parts:
            raise _bad(archive, f"{member.name} leads out of the model's folder")
        yield member


def _bad(archive: Path, why: str) -> ByocError:
    return ByocError(
        f"{archive} is not a model archive that can be hosted",
        why=why,
        fix="make it from inside the model's folder, of plain files: tar czf model.tar.gz --dereference *",
        id="BYOC-E410",
    )
