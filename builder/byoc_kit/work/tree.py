"""The project's files and byoc's own, as a plan may draw on them."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from byoc_kit.assets import containers
from byoc_kit.errors import UsageError
from byoc_kit.plan.dockerignore import Ignore
from byoc_kit.plan.types import Tree
from byoc_kit.spec.types import Spec

__all__ = ["read_tree", "walk"]

NEVER = {"__pycache__", ".git", ".venv", ".byoc", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
"""Folders that are not even looked into."""


def read_tree(spec: Spec, root: Path) -> Tree:
    """What *spec* can take from the folder *root*, without what its .dockerignore leaves out."""
    ignore = Ignore(_text(root / ".dockerignore"))
    found = {
        path: bits
        for source in dict.fromkeys(_sources(spec))
        for path, bits in walk(root, source)
        if not ignore.leaves_out(path)
    }
    return Tree(project=found, assets=_assets())


def walk(
    root: Path, path: PurePosixPath, seen: frozenset[Path] = frozenset()
) -> Iterator[tuple[PurePosixPath, int]]:
    """Regular files at or below *path*, relative to *root*, with permission bits; links inside are followed.

    Raises UsageError for a link that leads out of the project.
    """
    here = root / path
    real = here.resolve()
    if not real.is_relative_to(root.resolve()):
        raise UsageError(
            f"{path} leads out of the project",
            why=f"it is a link to {real}; only files of the project can be in its image",
            fix="copy the file into the project, or remove the link",
            id="BYOC-E213",
        )
    if here.is_file():
        yield path, here.stat().st_mode & 0o777
    elif here.is_dir() and real not in seen:
        for name in _names(here):
            yield from walk(root, path / name, seen | {real})


def _names(folder: Path) -> list[str]:
    try:
        return sorted(child.name for child in folder.iterdir() if child.name not in NEVER)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be read",
            why=str(error.strerror),
            fix="correct its permissions, or take it out of the source folder",
            id="BYOC-E214",
        ) from error


def _sources(spec: Spec) -> Iterator[PurePosixPath]:
    yield from (file.source for file in spec.files)
    yield from spec.python.packages
    for table in (spec.train, spec.serve):
        if table is not None and spec.image.style.bakes_code:
            yield table.source
    if spec.process is not None:
        yield spec.process.source


def _assets() -> dict[PurePosixPath, int]:
    root = containers()
    parts = [path for part in ("entry", "serving") for path, _ in walk(root, PurePosixPath(part))]
    return {path: 0o644 for path in parts if path.suffix == ".py"}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
