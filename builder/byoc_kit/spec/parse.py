"""The first step: text to plain data, and where in the text a key stands."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from byoc_kit.errors import UsageError

if TYPE_CHECKING:
    import tomlkit

__all__ = ["Key", "dotted", "find_lines", "parse"]

Key = tuple[str | int, ...]
"""The way to a value: keys of tables and places in arrays, from the top of the file."""

MARK = "byoc-looks-for-this-place"
PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
TOO_DEEP = "arrays or tables are nested too deeply"
DEEPEST = 100  # tables and arrays inside one another; more is no description of an image
LONGEST = 60  # characters of a key that a message repeats
BARE = re.compile(r"[A-Za-z0-9_-]+")


def parse(text: str, name: str) -> dict[str, Any]:
    """The data of the TOML document *text*. Raises UsageError that names line and column."""
    try:
        data = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError is one; a whole number of 5000 digits raises the plain kind
        raise _not_toml(str(error), text, name) from error
    except RecursionError as error:
        raise _not_toml(TOO_DEEP, text, name) from error
    if _depth(data) > DEEPEST:
        raise _not_toml(TOO_DEEP, text, name)
    return data


def _depth(data: Any) -> int:
    """How many tables and arrays are inside one another, counted without recursion."""
    depth, level = 0, [data]
    while level and depth <= DEEPEST:
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        depth += 1
    return depth


def _not_toml(message: str, text: str, name: str) -> UsageError:
    found = PLACE.search(message)
    what = PLACE.sub("", message)
    line, column = (found[1], found[2]) if found and found[1] else (str(text.count("\n") + 1), None)
    where = f"{name}:{line}:{column}" if column else f"{name}:{line}" if found else name
    return UsageError(
        f"{where}: {what[:1].lower()}{what[1:]}",
        why="the file is not valid TOML, so nothing in it could be read",
        fix='correct that place; text needs quotes ("text"), a table is [name], a key is written once',
        id="BYOC-E104",
    )


def dotted(key: Key) -> str:
    """The key as people write it: ``serve.server``, ``image.targets[1]``, ``files."/opt/x"``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{_quoted(part)}" for part in key)
    return "".join(parts).removeprefix(".")


def _quoted(part: str) -> str:
    if BARE.fullmatch(part) and len(part) <= LONGEST:
        return part
    part = part if len(part) <= LONGEST else f"{part[: LONGEST - 3]}..."
    escaped = part.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{escaped}"'


def find_lines(text: str, keys: Iterable[Key]) -> dict[Key, int]:
    """The line (from 1) on which each key stands, or the nearest table around it; absent: not in the file.

    tomlkit keeps a document as it was written, but not the positions in it. So the value is replaced by a
    mark, which moves nothing before it, and the mark is looked for.
    """
    places = {key: next(filter(None, map(partial(_line, text), _upwards(key))), None) for key in keys}
    return {key: line for key, line in places.items() if line}


def _upwards(key: Key) -> Iterator[Key]:
    """The key, then the tables around it, nearest first."""
    return (key[:depth] for depth in range(len(key), 0, -1))


def _line(text: str, key: Key) -> int | None:
    import tomlkit

    try:
        document = tomlkit.parse(text)
        _mark(document, key)
        marked = tomlkit.dumps(document)
    except Exception:  # no such key, or a form that tomlkit cannot edit: told without a line
        return None
    before, found, _ = marked.partition(MARK)
    return before.count("\n") + 1 if found else None


def _mark(document: "tomlkit.TOMLDocument", key: Key) -> None:
    """Put the mark at *key*: on a table's header as a comment, else in the place of the value."""
    from tomlkit.items import AoT, InlineTable, Table

    parent: Any = document
    for part in key[:-1]:
        parent = parent[part]
    item = parent[key[-1]]
    if isinstance(item, AoT):
        item[0].comment(MARK)
    elif isinstance(item, Table) and not item.is_super_table():
        item.comment(MARK)
    elif isinstance(item, Mapping) and not isinstance(item, InlineTable):
        _mark(document, (*key, next(iter(item))))  # no header: opened by a dotted key or by a table below it
    else:
        parent[key[-1]] = MARK
