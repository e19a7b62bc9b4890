"""The bytes behind a file of a plan: the project's, byoc's own, or text that the plan decided."""

import hashlib
import io
from io import BufferedIOBase
from pathlib import Path

from byoc_kit.assets import containers
from byoc_kit.errors import UsageError
from byoc_kit.plan.types import Asset, Content, Inline, ProjectFile

__all__ = ["open_content", "sha256_of"]


def open_content(content: Content, root: Path, *, unix_lines: bool = False) -> BufferedIOBase:
    """The bytes of *content* as they go into the image; *root*: the project's folder.

    With *unix_lines* (programs) the file is read whole and CRLF becomes LF. Raises UsageError (BYOC-E214) for
    a file of the project that has gone or cannot be read.
    """
    match content:
        case Inline(text):
            return io.BytesIO(text.encode())
        case Asset(path):
            return (containers() / path).open("rb")
        case ProjectFile(path):
            return _open_project(root / path, unix_lines)


def sha256_of(content: Content, root: Path, *, unix_lines: bool = False) -> str:
    """SHA-256 (hex) of what :func:`open_content` gives."""
    with open_content(content, root, unix_lines=unix_lines) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open_project(path: Path, unix_lines: bool) -> BufferedIOBase:
    try:
        return io.BytesIO(path.read_bytes().replace(b"\r\n", b"\n")) if unix_lines else path.open("rb")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read",
            why=str(error.strerror),
            fix="correct its permissions, or leave it out with .dockerignore",
            id="BYOC-E214",
        ) from error
