"""byoc.toml to Spec, in three steps: parse the text, check what it says, complete it.

All mistakes of a file are told at once. What depends on the text alone is remembered by the text's content,
so that a file that was right yesterday costs next to nothing today.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Protocol

from byoc_kit.errors import Problem, UsageError
from byoc_kit.spec.complete import complete
from byoc_kit.spec.files import Bare, Files, ProjectLook, Tree, check_files, line_end_notes
from byoc_kit.spec.mistake import Mistake, View
from byoc_kit.spec.notes import text_notes
from byoc_kit.spec.parse import Key, dotted, find_lines, parse
from byoc_kit.spec.paths import is_inside
from byoc_kit.spec.requirements import check_lines, read_lines
from byoc_kit.spec.types import Spec

__all__ = ["Forgetful", "Memory", "ProjectLook", "Tree", "read_spec"]


class Memory(Protocol):
    """Where the outcome of checks is kept between commands; it may forget anything at any time."""

    def read(self, kind: str, key: str) -> Any:
        """The document that was kept under *key*; None: there was none, or it is forgotten."""

    def write(self, kind: str, key: str, document: Mapping[str, Any]) -> None:
        """Keep *document*; never raises."""


class Forgetful:
    """A memory that keeps nothing."""

    def read(self, kind: str, key: str) -> Any:
        """Nothing."""
        return None

    def write(self, kind: str, key: str, document: Mapping[str, Any]) -> None:
        """Forget it."""


_: type[Memory] = Forgetful
NO_MEMORY, NO_TREE = Forgetful(), Bare()
MOST = 50  # mistakes told at once; nobody reads more, and to find each line takes milliseconds


def read_spec(
    text: str, *, name: str, look: ProjectLook, tree: Tree = NO_TREE, memory: Memory = NO_MEMORY
) -> Spec:
    """The spec that *text* holds, *name* being its file in messages; *tree*: also look into folders.

    Raises UsageError whose details are all mistakes of the file, each with line, key, reason and remedy.
    """
    data, mistakes = _checked_text(text, name, memory)
    view, files = View(data), Files(look, tree)
    mistakes += check_files(view, files)
    requirements, wrong = _requirements(view, look, memory)
    mistakes += wrong
    if mistakes:
        raise _refusal(text, name, mistakes)
    return complete(data, requirements=requirements, notes=(*line_end_notes(view, files), *text_notes(view)))


def _checked_text(text: str, name: str, memory: Memory) -> tuple[Mapping[str, Any], list[Mistake]]:
    """The data with defaults, if the text alone has no mistake; else as written, and the mistakes."""
    if (remembered := memory.read("spec", text)) is not None:
        return remembered, []
    written = parse(text, name)

    from byoc_kit.spec.rules import check_rules
    from byoc_kit.spec.shape import check_shape

    data, mistakes = check_shape(written)
    mistakes += check_rules(View(written))
    if data is None or mistakes:
        return written, mistakes
    memory.write("spec", text, data)
    return data, []


def _requirements(view: View, look: ProjectLook, memory: Memory) -> tuple[list[str], Sequence[Mistake]]:
    """The inline requirements and then those of the file."""
    inline = [text for _, text in view.texts("python", "requirements")]
    path = view.text("python", "requirements-file")
    if path is None or not is_inside(path) or not look.is_file(PurePosixPath(path)):
        return inline, ()
    lines, wrong = read_lines(PurePosixPath(path), look)
    key = "\n".join(line.text for line in lines)
    if memory.read("requirements", key) is None:
        wrong = (*wrong, *check_lines(lines))
        if not wrong:
            memory.write("requirements", key, {"right": True})
    return [*inline, *(line.text for line in lines)], wrong


def _refusal(text: str, name: str, mistakes: Iterable[Mistake]) -> UsageError:
    """One error that tells them all, in the order of the file."""
    every = list(dict.fromkeys(mistakes))
    lines = find_lines(text, {mistake.key for mistake in every[:MOST]})
    ordered = sorted(every[:MOST], key=lambda mistake: (lines.get(mistake.key, 0), dotted(mistake.key)))
    told = [(_where(name, mistake.key, lines), mistake) for mistake in ordered]
    if len(told) == 1:
        where, only = told[0]
        return UsageError(
            f"{name} has a mistake",
            why=only.why,
            fix=only.fix,
            id=only.id,
            details=[f"{where}: {only.what}"],
        )
    ids = {mistake.id for mistake in every}
    more = [f"... and {len(every) - MOST} more, told when these are corrected"] if len(every) > MOST else []
    return UsageError(
        f"{name} has {len(every)} mistakes",
        why="the file is read strictly, so that nothing in it is silently ignored",
        fix="correct the lines above; `byoc schema` lists every key",
        id=ids.pop() if len(ids) == 1 else "BYOC-E101",
        details=[*(str(_problem(where, mistake)) for where, mistake in told), *more],
    )


def _problem(where: str, mistake: Mistake) -> Problem:
    return Problem(where=where, what=f"{mistake.what}: {mistake.why}", fix=mistake.fix, id=mistake.id)


def _where(name: str, key: Key, lines: Mapping[Key, int]) -> str:
    line = f":{lines[key]}" if key in lines else ""
    return f"{name}{line}: {dotted(key)}"
