"""What a new project consists of: the shipped scaffolds, put together for one style and one folder."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from byoc_kit.spec.types import Style
from byoc_kit.work.schema import schema_text

__all__ = ["PROCESSING", "SPEC", "Found", "compose", "look", "parts_of"]

SPEC, SCHEMA = PurePosixPath("byoc.toml"), PurePosixPath("byoc.schema.json")
SOURCES = ("src", ".", "code", "source", "app")
"""Where a program of the user's is looked for, in this order."""
DOTTED = {"gitignore": ".gitignore", "dockerignore": ".dockerignore"}
"""Files that carry another name in byoc, where they would have an effect of their own."""
PROCESSING = "processing"
"""The scaffold of a project whose image is for processing jobs."""
EXAMPLE = ("data", "sample.csv", "src", "tests", "requirements.txt", "README.md")
"""The example and what speaks of it: left out where the user brings a program or a Dockerfile."""
ONLY_EXAMPLE = re.compile(r"^(hyperparameters|metrics|outputs) = .*\n", re.MULTILINE)
"""Keys that describe the example's own script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the folder brings along; each None if there is no such thing."""

    train: PurePosixPath | None
    serve: PurePosixPath | None
    process: PurePosixPath | None
    dockerfile: PurePosixPath | None
    requirements: bool
    data: bool

    @property
    def programs(self) -> bool:
        """Whether the user's own code or Dockerfile takes the place of the example."""
        return any((self.train, self.serve, self.process, self.dockerfile))


def look(target: Path, *, processing: bool = False) -> Found:
    """What is in the folder that byoc.toml should point to: programs of one of the two sorts."""
    return Found(
        train=None if processing else _program(target, "train.py"),
        serve=None if processing else _program(target, "inference.py"),
        process=_program(target, "process.py") if processing else None,
        dockerfile=PurePosixPath("Dockerfile") if (target / "Dockerfile").is_file() else None,
        requirements=(target / "requirements.txt").is_file(),
        data=(target / "data").is_dir(),
    )


def parts_of(style: Style) -> tuple[str, ...]:
    """The folders of the shipped scaffolds that make up a project of *style*."""
    return (style.value, *(["_shared/script"] if style.has_toolkit else []), "_shared/every", "_shared/any")


def compose(
    shipped: Path, parts: Sequence[str], found: Found, values: Mapping[str, str]
) -> dict[PurePosixPath, str]:
    """Every file of the project, byoc.toml last. A file that several *parts* have is joined from them."""
    texts: dict[PurePosixPath, str] = {}
    for part in parts:
        for path, text in _files(shipped / part):
            texts[path] = texts.get(path, "") + text
    spec = texts.pop(SPEC)
    if found.programs:
        texts = {path: text for path, text in texts.items() if path.parts[0] not in EXAMPLE}
        spec = adopt(spec, found)
    texts |= {SCHEMA: schema_text(), SPEC: spec}
    return {
        path: _fill(text, values) if path.suffix in {".toml", ".md"} else text for path, text in texts.items()
    }


def adopt(spec: str, found: Found) -> str:
    """The scaffold's byoc.toml for what the user brings: only tables and keys that are true for it."""
    tables = {_header(text): text for text in re.split(r"(?m)^(?=\[)", ONLY_EXAMPLE.sub("", spec))}
    for table, program in {"train": found.train, "serve": found.serve, "process": found.process}.items():
        if program is None:
            tables.pop(table, None)
        else:
            tables[table] = _point(tables[table], program)
    if not found.data:
        tables = {name: re.sub(r"(?m)^(channels|inputs) = .*$", r"\1 = {}", t) for name, t in tables.items()}
    if not found.requirements:
        tables["python"] = re.sub(r"(?m)^requirements-file = .*$", "requirements = []", tables["python"])
    if found.dockerfile:
        return _with_dockerfile(tables)
    if not (found.train and found.serve) and not found.process:
        only = "training" if found.train else "hosting"
        tables["image"] = re.sub(r"(?m)^targets = .*$", f'targets = ["{only}"]', tables["image"])
    return "".join(tables.values())


def _with_dockerfile(tables: Mapping[str, str]) -> str:
    """Without what only a rendered Dockerfile needs, and what comments say of one."""
    plain = {name: re.sub(r" +#.*", "", text) for name, text in tables.items() if name not in {"", "build"}}
    plain["image"] = re.sub(r"(?m)^base = .*\n", "", plain["image"])
    plain["build"] = re.sub(r'(?m)^# (dockerfile = "\w+").*$', r"\1", tables["build"])
    return "".join((dict(tables) | plain)[name] for name in tables if name != "python")


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
