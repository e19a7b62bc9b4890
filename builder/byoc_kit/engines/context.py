"""A rendered plan as a folder on disk: the context of a build, or what ``byoc render --out`` leaves."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from byoc_kit.assets import containers
from byoc_kit.errors import UsageError
from byoc_kit.plan.types import Asset, Content, ContextFile, Inline, ProjectFile, Rendered

__all__ = ["Written", "heaviest", "write_context"]

LARGE = 200_000_000
"""Bytes of a context from which on its heaviest files are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One file of a context that was written."""

    path: str
    mode: int
    sha256: str
    size: int


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
    data = _bytes(file.content, root)
    if file.unix_lines:
        data = data.replace(b"\r\n", b"\n")
    target = out / file.path
    _folders(target.parent, out)
    target.write_bytes(data)
    target.chmod(file.mode)
    return Written(
        path=file.path.as_posix(), mode=file.mode, sha256=hashlib.sha256(data).hexdigest(), size=len(data)
    )


def _folders(folder: Path, out: Path) -> None:
    """Make *folder* below *out*, readable for all whatever the umask says."""
    if folder != out and not folder.is_dir():
        _folders(folder.parent, out)
        folder.mkdir()
        folder.chmod(0o755)


def _bytes(content: Content, root: Path) -> bytes:
    match content:
        case Inline(text):
            return text.encode()
        case Asset(path):
            return (containers() / path).read_bytes()
        case ProjectFile(path):
            try:
                return (root / path).read_bytes()
            except OSError as error:
                raise UsageError(
                    f"{path} cannot be read",
                    why=str(error.strerror),
                    fix="correct its permissions, or leave it out with .dockerignore",
                    id="BYOC-E214",
                ) from error


def heaviest(sizes: Mapping[str, int], top: int = 10) -> Iterable[str]:
    """Lines about the *top* largest files where all of *sizes* (bytes) together are large; else nothing."""
    total = sum(sizes.values())
    if total < LARGE:
        return
    yield f"the build context is large, {total / 1e6:,.0f} MB; .dockerignore leaves files out. The heaviest:"
    for path, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:top]:
        yield f"  {size / 1e6:9,.1f} MB  {path}"
