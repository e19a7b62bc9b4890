"""What .dockerignore leaves out, in Docker's own reading of its patterns."""

import posixpath
from collections.abc import Iterable
from pathlib import PurePosixPath

from pathspec import PathSpec

__all__ = ["Ignore"]

ALWAYS = ("**/__pycache__", "**/*.pyc", "**/.git", "**/.venv", "**/.byoc", "**/.DS_Store")
"""Never wanted in an image; a later line of the file (``!...``) may bring one of them back."""


class Ignore:
    """Decides for paths relative to the project's root."""

    def __init__(self, text: str = "") -> None:
        """*text*: content of .dockerignore; empty where the project has none."""
        # Docker: anchored at the root, the last match wins, an exclusion covers everything below
        self._spec = PathSpec.from_lines("gitignore", [*_patterns(ALWAYS), *_patterns(text.splitlines())])

    def leaves_out(self, path: PurePosixPath) -> bool:
        """Whether the file *path* is left out of images."""
        return self._spec.match_file(path.as_posix())


def _patterns(lines: Iterable[str]) -> Iterable[str]:
    """Docker's patterns in Git's grammar: in Docker a name without a slash is at the root only."""
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        negated, body = text.startswith("!"), text.removeprefix("!").strip()
        body = posixpath.normpath(body).lstrip("/")
        for pattern in ("/**",) if body == "." else (f"/{body}", f"/{body}/**"):
            yield f"!{pattern}" if negated else pattern
