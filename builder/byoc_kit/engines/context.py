"""A rendered plan as a folder on disk: the context of a build, or what ``byoc render --out`` leaves."""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from byoc_kit.contents import open_content
from byoc_kit.errors import UsageError
from byoc_kit.plan.dockerignore import Ignore
from byoc_kit.plan.types import ContextFile, Rendered

__all__ = ["Written", "heaviest", "sizes_below", "write_context"]

CHUNK = 1 << 20  # bytes (1 MiB) that are copied at a time

LARGE = 200_000_000
"""Bytes of a context from which on its heaviest files are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One file of a context that was written."""

    path: str
    size: int
    """Bytes."""


def write_context(rendered: Rendered, root: Path, out: Path) -> tuple[Written, ...]:
    """Write Dockerfile and files into *out*; *root*: the project's folder. Modes come from the plan.

    Raises UsageError where a file of the project has gone or cannot be read.
    """
    out.mkdir(parents=True, exist_ok=True)
    out.chmod(0o755)
    dockerfile = out / "Dockerfile"
    dockerfile.write_text(rendered.dockerfile, encoding="utf-8", newline="\n")
    return tuple(_write(file, root, out) for file in rendered.context)


def _write(file: ContextFile, root: Path, out: Path) -> Written:
    target = out / file.path
    _folders(target.parent, out)
    try:
        with (
            open_content(file.content, root, unix_lines=file.unix_lines) as source,
            target.open("wb") as sink,
        ):
            shutil.copyfileobj(source, sink, CHUNK)
            size = sink.tell()
    except OSError as error:
        raise UsageError(
            f"{error.filename or file.path} cannot be copied into the build context",
            why=str(error.strerror),
            fix="correct its permissions, leave it out with .dockerignore, or free space for temporary files",
            id="BYOC-E214",
        ) from error
    target.chmod(file.mode)
    return Written(path=file.path.as_posix(), size=size)


def _folders(folder: Path, out: Path) -> None:
    """Make *folder* below *out*, readable for all whatever the umask says."""
    if folder != out and not folder.is_dir():
        _folders(folder.parent, out)
        folder.mkdir()
        folder.chmod(0o755)


def sizes_below(root: Path, ignore: Ignore) -> dict[str, int]:
    """Bytes of each file that a build in *root* would send to the engine."""
    found = {}
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = [name for name in folders if name not in {".git", ".byoc"}]
        for path in (here / name for name in names):
            inside = PurePosixPath(path.relative_to(root))
            if not ignore.leaves_out(inside) and path.is_file():
                found[str(inside)] = path.stat().st_size
    return found


def heaviest(sizes: Mapping[str, int], top: int = 10) -> Iterable[str]:
    """Lines about the *top* largest files where all of *sizes* (bytes) together are large; else nothing."""
    total = sum(sizes.values())
    if total < LARGE:
        return
    yield f"the build context is large, {total / 1e6:,.0f} MB; .dockerignore leaves files out. The heaviest:"
    for path, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:top]:
        yield f"  {size / 1e6:9,.1f} MB  {path}"
