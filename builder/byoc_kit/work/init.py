"""Scaffold a project: look at the folder, decide every file, write all of them or none.

A folder that has files already is adopted: nothing in it is overwritten, and byoc.toml points to the
``train.py``, ``inference.py``, ``requirements.txt`` and ``Dockerfile`` that are there.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from byoc_kit import assets
from byoc_kit.errors import UsageError
from byoc_kit.oci.short import SHORT
from byoc_kit.spec.bases import check_base
from byoc_kit.spec.mistake import View
from byoc_kit.spec.types import Style
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.bases import show
from byoc_kit.work.scaffold import PROCESSING, SPEC, Found, compose, look, parts_of

__all__ = ["DEFAULT_BASE", "SAYS", "Scaffolded", "init"]

DEFAULT_BASE = "public.ecr.aws/docker/library/python:3.12-slim"

SAYS: Mapping[Style, str] = {
    Style.BASIC: "your own training program, copied into the image: full control, no toolkit",
    Style.SCRIPT_MODE_1: "a script copied into the image, run by sagemaker-training: frozen with the image",
    Style.SCRIPT_MODE_2: "a script that each job fetches, run by sagemaker-training: changed without a build",
    Style.FRAMEWORK: "scripts fetched by jobs and run by a package of yours in the image: for platform teams",
}
"""One sentence for each style."""

SILENCE = Silence()
FILE_MODE, FOLDER_MODE = 0o644, 0o755  # never those of the installed package: a wheel may lose them


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaffolded:
    """What :func:`init` did."""

    folder: Path
    style: Style
    files: tuple[PurePosixPath, ...]
    """Written, relative to *folder*."""
    kept: tuple[PurePosixPath, ...]
    """There already and left as they were, although the scaffold has a file of that name."""


def init(
    target: Path,
    *,
    style: Style = Style.BASIC,
    processing: bool = False,
    base: str | None = None,
    talk: Talk = SILENCE,
    shipped: Path | None = None,
) -> Scaffolded:
    """Make a project of *style* in *target* (made if absent), on *base*; *processing*: for processing jobs.

    *shipped* is where the scaffolds are; None: those of this installation. Raises UsageError: a bad name
    or base (BYOC-E701, E113; a short name: E112, E840 to E842), not a folder (E702), a project already
    (E703), not writable (E704), a style beside *processing* (E710).
    """
    if processing:
        _refuse_style(style)
    values = {"base": base or DEFAULT_BASE, "name": image_name(target.resolve())}
    _refuse_base(values["base"])
    with _translated(target):
        _refuse(target)
        found = look(target, processing=processing)
        parts = (PROCESSING, "_shared/any") if processing else parts_of(style)
        files = compose(shipped or assets.containers(), parts, found, values)
        kept = tuple(path for path in files if _exists(target / path))
        new = {path: text for path, text in files.items() if path not in kept}
        _refuse_blocked(target, new)
        _place(target, new)
    _tell(talk, found, kept)
    return Scaffolded(folder=target, style=style, files=tuple(new), kept=kept)


def _refuse_style(style: Style) -> None:
    if style is not Style.BASIC:
        raise UsageError(
            f"--process and --style {style.value} do not go together",
            why="a style is how training code gets into a container; processing code is always in the image",
            fix="leave --style out; [process] can also be added to the byoc.toml of any project",
            id="BYOC-E710",
        )


def image_name(folder: Path) -> str:
    """The folder's name as a repository name of the engine. Raises UsageError if nothing of it is left."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")
    if name:
        return name
    raise UsageError(
        f"the folder's name {folder.name!r} cannot name an image",
        why="an image's name is made of lower-case letters, digits and dashes",
        fix="choose a folder with a letter or digit in its name, e.g. byoc init churn --style basic",
        id="BYOC-E701",
    )


def _refuse_base(base: str) -> None:
    for mistake in check_base(View({"image": {"base": base}})):
        raise UsageError(f"--base: {mistake.what}", why=mistake.why, fix=mistake.fix, id=mistake.id)
    if base.startswith(SHORT):
        show(base)


@contextmanager
def _translated(target: Path) -> Iterator[None]:
    """What the operating system refuses, told as an error of the user's folder."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{target} cannot be made a project",
            why=error.strerror or str(error),
            fix="choose a folder you may write to, with room on its disk; nothing was left half done",
            id="BYOC-E704",
        ) from error


def _exists(path: Path) -> bool:
    return os.path.lexists(path)


def _refuse(target: Path) -> None:
    if _exists(target) and not target.is_dir():
        raise UsageError(
            f"{target} is not a folder",
            why="a project is a folder; there is a file of that name",
            fix="name another folder, or leave DIR out to use the current one",
            id="BYOC-E702",
        )
    if _exists(target / SPEC):
        raise UsageError(
            f"{target} is a project already",
            why=f"there is a {SPEC}, and init overwrites nothing",
            fix="go on with byoc build, or init another folder",
            id="BYOC-E703",
        )


def _refuse_blocked(target: Path, files: Mapping[PurePosixPath, str]) -> None:
    for folder in sorted({parent for path in files for parent in path.parents if parent.parts}):
        if _exists(target / folder) and not (target / folder).is_dir():
            raise UsageError(
                f"{target / folder} is not a folder",
                why=f"the scaffold has files in {folder}/, and init overwrites nothing",
                fix="move or rename that file and run init again",
                id="BYOC-E702",
            )


def _place(target: Path, files: Mapping[PurePosixPath, str]) -> None:
    """Write all of *files* or, whatever happens on the way, none of them."""
    made: list[Path] = []
    try:
        if target.is_dir():
            _write_all(target, files, made)
        else:
            _make(target, files, made)
    except BaseException:
        _take_back(made)
        raise


def _make(target: Path, files: Mapping[PurePosixPath, str], made: list[Path]) -> None:
    """A new folder appears at once and complete: it is made under another name, beside its place."""
    place = target.resolve().parent
    _make_folders(place, made)
    folder = Path(tempfile.mkdtemp(prefix=".byoc-init-", dir=place))
    made.append(folder)
    _write_all(folder, files, made)
    folder.chmod(FOLDER_MODE)
    folder.rename(target)


def _write_all(folder: Path, files: Mapping[PurePosixPath, str], made: list[Path]) -> None:
    for path, text in files.items():
        file = folder / path
        _make_folders(file.parent, made)
        with file.open("x", encoding="utf-8", newline="\n") as stream:  # never over somebody's file
            made.append(file)
            stream.write(text)
        file.chmod(FILE_MODE)


def _make_folders(folder: Path, made: list[Path]) -> None:
    for missing in reversed([part for part in (folder, *folder.parents) if not part.exists()]):
        missing.mkdir(mode=FOLDER_MODE)
        made.append(missing)


def _take_back(made: list[Path]) -> None:
    for path in reversed(made):
        with suppress(OSError):  # what is there is told by the error that brought us here
            path.rmdir() if path.is_dir() else path.unlink()


def _tell(talk: Talk, found: Found, kept: tuple[PurePosixPath, ...]) -> None:
    for path in kept:
        hint = ": add the line .byoc/ to it" if path.name.endswith("ignore") else ""
        talk.note(f"kept your {path}{hint}")
    own = {"train": found.train, "serve": found.serve, "process": found.process, "build": found.dockerfile}
    for table, program in own.items():
        if program:
            talk.note(f"[{table}] in byoc.toml points to your {program}")
    if (found.train or found.serve) and not found.dockerfile and not (found.train and found.serve):
        missing = "inference.py" if found.train else "train.py"
        talk.note(f"there is no {missing}: byoc.toml says so in targets")
