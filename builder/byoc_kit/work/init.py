"""Scaffold a project: look at the folder, decide every file, write all of them or none.

A folder that has files already is adopted: nothing in it is overwritten, and byoc.toml points to the
``train.py``, ``inference.py``, ``requirements.txt`` and ``Dockerfile`` that are there.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from byoc_kit import assets
from byoc_kit.errors import UsageError
from byoc_kit.oci.reference import parse_image
from byoc_kit.spec.model import SpecFile
from byoc_kit.spec.types import Style
from byoc_kit.talk import Silence, Talk

__all__ = ["DEFAULT_BASE", "SAYS", "Scaffolded", "init"]

DEFAULT_BASE = "public.ecr.aws/docker/library/python:3.12-slim"

SAYS: Mapping[Style, str] = {
    Style.BASIC: "your own training program, copied into the image: full control, no toolkit",
    Style.SCRIPT_MODE_1: "a script copied into the image and run by sagemaker-training: frozen with the image",
    Style.SCRIPT_MODE_2: "a script that each job fetches, run by sagemaker-training: changed without building",
    Style.FRAMEWORK: "scripts fetched by jobs and run by a package of yours in the image: for platform teams",
}
"""One sentence for each style."""

SPEC, SCHEMA = PurePosixPath("byoc.toml"), PurePosixPath("byoc.schema.json")
SOURCES = ("src", ".", "code", "source", "app")
"""Where a program of the user's is looked for, in this order."""
DOTTED = {"gitignore": ".gitignore", "dockerignore": ".dockerignore"}
"""Files that carry another name in byoc, where they would have an effect of their own."""
EXAMPLE = ("data", "sample.csv", "src", "tests", "requirements.txt", "README.md")
"""The example and what speaks of it: left out where the user brings a program or a Dockerfile."""
ONLY_EXAMPLE = re.compile(r"^(hyperparameters|metrics) = .*\n", re.MULTILINE)
"""Keys that describe the example's own script."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the folder brings along; each None if there is no such thing."""

    train: PurePosixPath | None
    serve: PurePosixPath | None
    dockerfile: PurePosixPath | None
    requirements: bool
    data: bool

    @property
    def programs(self) -> bool:
        """Whether the user's own code or Dockerfile takes the place of the example."""
        return any((self.train, self.serve, self.dockerfile))


def init(
    target: Path,
    *,
    style: Style,
    base: str | None = None,
    talk: Talk = SILENCE,
    shipped: Path | None = None,
) -> Scaffolded:
    """Make a project of *style* in *target* (made if absent), on *base*.

    *shipped* is where the scaffolds are; None: those of this installation. Raises UsageError: a bad name
    or base (BYOC-E701, E501), not a folder (E702), a project already (E703), not writable (E704).
    """
    reference = base or DEFAULT_BASE
    parse_image(reference)
    name = image_name(target.resolve())
    _refuse(target)
    found = look(target)
    files = compose(shipped or assets.containers(), style, found, {"name": name, "base": reference})
    kept = tuple(path for path in files if _exists(target / path))
    new = {path: text for path, text in files.items() if path not in kept}
    _refuse_blocked(target, new)
    _place(target, new)
    _tell(talk, found, kept)
    return Scaffolded(folder=target, style=style, files=tuple(new), kept=kept)


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


def look(target: Path) -> Found:
    """What is in the folder that byoc.toml should point to."""
    return Found(
        train=_program(target, "train.py"),
        serve=_program(target, "inference.py"),
        dockerfile=PurePosixPath("Dockerfile") if (target / "Dockerfile").is_file() else None,
        requirements=(target / "requirements.txt").is_file(),
        data=(target / "data").is_dir(),
    )


def compose(shipped: Path, style: Style, found: Found, values: Mapping[str, str]) -> dict[PurePosixPath, str]:
    """Every file of the project, byoc.toml last. A file that several parts have is put together from them."""
    parts = [style.value, *(["_shared/script"] if style.has_toolkit else []), "_shared/every"]
    texts: dict[PurePosixPath, str] = {}
    for part in parts:
        for path, text in _files(shipped / part):
            texts[path] = texts.get(path, "") + text
    spec = texts.pop(SPEC)
    if found.programs:
        texts = {path: text for path, text in texts.items() if path.parts[0] not in EXAMPLE}
        spec = adopt(spec, found)
    texts |= {SCHEMA: json.dumps(SpecFile.model_json_schema(), indent=2) + "\n", SPEC: spec}
    return {
        path: _fill(text, values) if path.suffix in {".toml", ".md"} else text for path, text in texts.items()
    }


def adopt(spec: str, found: Found) -> str:
    """The scaffold's byoc.toml for what the user brings: only tables and keys that are true for it."""
    tables = {_header(text): text for text in re.split(r"(?m)^(?=\[)", ONLY_EXAMPLE.sub("", spec))}
    for table, program in {"train": found.train, "serve": found.serve}.items():
        if program is None:
            tables.pop(table)
        else:
            tables[table] = _point(tables[table], program)
    if not found.data and "train" in tables:
        tables["train"] = re.sub(r"(?m)^channels = .*$", "channels = {}", tables["train"])
    if not found.requirements:
        tables["python"] = re.sub(r"(?m)^requirements-file = .*$", "requirements = []", tables["python"])
    if found.dockerfile:
        tables["image"] = re.sub(r"(?m)^base = .*\n", "", tables["image"])
        tables["build"] = tables["build"].replace("# dockerfile =", "dockerfile =")
    elif not (found.train and found.serve):
        only = "training" if found.train else "hosting"
        tables["image"] = re.sub(r"(?m)^targets = .*$", f'targets = ["{only}"]', tables["image"])
    return "".join(tables.values())


def _header(table: str) -> str:
    return table[1 : table.index("]")] if table.startswith("[") else ""


def _point(table: str, program: PurePosixPath) -> str:
    table = re.sub(r'(?m)^program = "[^"]*"', f'program = "{program.name}"', table)
    return re.sub(r'(?m)^source = "[^"]*"', f'source = "{program.parent}"', table)


def _program(target: Path, name: str) -> PurePosixPath | None:
    places = (PurePosixPath(source) / name for source in SOURCES)
    return next((place for place in places if (target / place).is_file()), None)


def _files(part: Path) -> Iterator[tuple[PurePosixPath, str]]:
    """The text files of a part of a scaffold, sorted; never bytecode that an installer left there."""
    for file in sorted(part.rglob("*")):
        path = PurePosixPath(file.relative_to(part).as_posix())
        if file.is_file() and "__pycache__" not in path.parts:
            yield path.with_name(DOTTED.get(path.name, path.name)), file.read_text(encoding="utf-8")


def _fill(text: str, values: Mapping[str, str]) -> str:
    for key, value in values.items():
        text = text.replace("{{" + key + "}}", value)
    return text


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
    except BaseException as error:
        _take_back(made)
        if isinstance(error, OSError):
            raise _not_writable(target, error) from error
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


def _not_writable(target: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{target} cannot be written",
        why=error.strerror or str(error),
        fix="choose a folder you may write to, with room on its disk; nothing was left half done",
        id="BYOC-E704",
    )


def _tell(talk: Talk, found: Found, kept: tuple[PurePosixPath, ...]) -> None:
    for path in kept:
        hint = ": add the line .byoc/ to it" if path.name.endswith("ignore") else ""
        talk.note(f"kept your {path}{hint}")
    for table, program in {"train": found.train, "serve": found.serve, "build": found.dockerfile}.items():
        if program:
            talk.note(f"[{table}] in byoc.toml points to your {program}")
    if found.programs and not found.dockerfile and not (found.train and found.serve):
        missing = "inference.py" if found.train else "train.py"
        talk.note(f"there is no {missing}: byoc.toml says so in targets")
