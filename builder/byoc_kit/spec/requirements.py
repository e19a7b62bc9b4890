"""A requirements file of the project, as far as byoc understands it: requirements, comments, and -r.

Also a pyproject.toml (project.dependencies) and a lock file of PEP 751.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from byoc_kit.errors import UsageError
from byoc_kit.spec.files import ProjectLook
from byoc_kit.spec.mistake import Mistake
from byoc_kit.spec.packages import wrong_requirement
from byoc_kit.spec.paths import is_inside

__all__ = ["Line", "check_lines", "read_lines"]

KEY = ("python", "requirements-file")
DEEPEST = 10  # files that include one another; more is a circle
COMMENT = re.compile(r"(^|\s)#.*$")
INCLUDE = re.compile(r"(?:-r|--requirement)(?:\s+|=|(?<=-r))(?P<path>\S+)")
INDEX = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--trusted-host")


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement as it stands in a file."""

    path: PurePosixPath
    number: int
    """From 1: where it starts."""
    text: str


def read_lines(path: PurePosixPath, look: ProjectLook) -> tuple[tuple[Line, ...], tuple[Mistake, ...]]:
    """The lines of a requirements file and of those it includes, and what could not be read."""
    wrong: list[Mistake] = []
    read = _of_another_tool(path, look, wrong) if path.suffix in {".toml", ".lock"} else None
    return tuple(_lines(path, look, wrong, DEEPEST) if read is None else read), tuple(wrong)


def check_lines(lines: Iterable[Line]) -> Iterator[Mistake]:
    """Lines that cannot be used."""
    for line in lines:
        if (reason := _refused(line.text)) is not None:
            yield _mistake(f"{line.path}:{line.number}: this cannot be used", *reason)


def _lines(path: PurePosixPath, look: ProjectLook, wrong: list[Mistake], depth: int) -> Iterator[Line]:
    """Lines with something on them, includes resolved; what cannot be read goes to *wrong*."""
    try:
        text = look.read_bytes(path).decode("utf-8-sig")
    except OSError:
        wrong.append(
            _mistake(f"there is no file {path}", "it is included with -r", "create it, or correct the line")
        )
        return
    except UnicodeDecodeError:
        wrong.append(_mistake(f"{path} is not UTF-8", "pip would not read it either", "save it as UTF-8"))
        return
    for line in _logical(path, text):
        found = INCLUDE.fullmatch(line.text)
        if found is None:
            yield line
        elif depth == 0 or not is_inside(str(path.parent / found["path"])):
            why = "it includes itself" if depth == 0 else "it leaves the project"
            wrong.append(
                _mistake(f"{path}:{line.number}: this include cannot be followed", why, "correct the line")
            )
        else:
            yield from _lines(path.parent / found["path"], look, wrong, depth - 1)


def _of_another_tool(path: PurePosixPath, look: ProjectLook, wrong: list[Mistake]) -> tuple[Line, ...] | None:
    """What a file asks for that another tool reads too; None for one that is none of these."""
    from byoc_kit.spec.asked import asked_in, is_known

    if not is_known(path.name):
        return None
    if path.name == "uv.lock":
        fix = "`uv export --format pylock.toml -o pylock.toml`, and name that file"
        wrong.append(_mistake(f"{path} cannot be used here", "it is for every platform and every group", fix))
        return ()
    try:
        asked = asked_in(path.name, look.read_bytes(path).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        wrong.append(_mistake(f"{path} cannot be read", str(error), "save it as UTF-8 text"))
        return ()
    except UsageError as error:
        wrong.append(_mistake(error.what, error.why, error.fix))
        return ()
    return tuple(Line(path, 1, text) for text in asked.requirements)


def _logical(path: PurePosixPath, text: str) -> Iterator[Line]:
    """Lines without comments; a backslash at the end joins a line with the next."""
    pending, start = "", 0
    for number, physical in enumerate(text.splitlines(), 1):
        start = start or number
        if physical.endswith("\\"):
            pending += physical[:-1]
            continue
        whole = COMMENT.sub("", pending + physical).strip()
        if whole:
            yield Line(path, start, whole)
        pending, start = "", 0
    if pending.strip():
        yield Line(path, start, COMMENT.sub("", pending).strip())


def _refused(text: str) -> tuple[str, str] | None:
    """Why a line cannot be used, and what to do instead; None: it can."""
    word = re.split(r"[\s=]", text, maxsplit=1)[0]
    if word in INDEX:
        return (
            "package indexes are chosen in byoc.toml",
            "write it as [python] index-url, extra-index-urls or find-links",
        )
    if word in {"-e", "--editable"}:
        return (
            "an editable install needs its folder, and the image will not have it",
            "name it in [python] packages",
        )
    if word in {"-c", "--constraint"}:
        return "constraints are not used in this version", "write the versions into the requirements"
    if " --hash" in text:
        return "hashes are not checked in this version, and silently dropped they would protect nobody", (
            "export the file without hashes"
        )
    return wrong_requirement(text)


def _mistake(what: str, why: str, fix: str) -> Mistake:
    return Mistake(key=KEY, what=what, why=why, fix=fix, id="BYOC-E114")
