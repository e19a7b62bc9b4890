"""The second step, part one: are these the keys and types of byoc.toml? Told in TOML's words."""

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from byoc_kit.spec.mistake import Mistake
from byoc_kit.spec.model import TABLES, SpecFile, fields_of
from byoc_kit.spec.parse import Key, dotted

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["check_shape"]

TYPES = {
    "string_type": "text in quotes",
    "enum": "text in quotes",
    "literal_error": "text in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "an array [...]",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
"""pydantic's error types to what should stand there."""
MEANT = {
    "serve": "hosting",
    "serving": "hosting",
    "inference": "hosting",
    "endpoint": "hosting",
    "real-time": "hosting",
    "realtime": "hosting",
    "transform": "batch",
    "mme": "multi-model",
    "multi-model-server": "mms",
    "sagemaker-inference": "mms",
    "uvicorn": "asgi",
    "x86_64": "linux/amd64",
    "linux/x86_64": "linux/amd64",
    "arm64": "linux/arm64",
    "aarch64": "linux/arm64",
    "linux/aarch64": "linux/arm64",
}
"""Other people's words to ours, where their letters are no help."""
MISSING = "is missing"
LONGEST = 60  # characters of a wrong value that a message repeats


def check_shape(data: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[Mistake]]:
    """The data with every default in it, or None and what is wrong with keys and types."""
    try:
        return SpecFile.model_validate(data).model_dump(by_alias=True), []
    except ValidationError as error:
        return None, _without_echo([_mistake(detail, data) for detail in error.errors(include_url=False)])


def _without_echo(mistakes: list[Mistake]) -> list[Mistake]:
    """A misspelt key that must be there is one mistake, not two: unknown and missing."""
    meant = {(*mistake.key[:-1], mistake.fix) for mistake in mistakes}
    return [
        mistake
        for mistake in mistakes
        if mistake.what != MISSING or (*mistake.key[:-1], _did_you_mean(str(mistake.key[-1]))) not in meant
    ]


def _did_you_mean(word: str) -> str:
    return f"did you mean {word!r}?"


def _mistake(detail: "ErrorDetails", data: Mapping[str, Any]) -> Mistake:
    key = _key(detail["loc"])
    kind = detail["type"]
    if kind == "extra_forbidden":
        return _unknown(key, data)
    if kind == "missing":
        return _missing(key)
    written = detail["input"]
    if kind in TYPES and not (kind in {"enum", "literal_error"} and isinstance(written, str)):
        return _wrong_type(key, TYPES[kind], written)
    if kind in {"enum", "literal_error"}:
        return _not_a_choice(key, written, detail)
    return _malformed(key, detail)


def _key(loc: tuple[str | int, ...]) -> Key:
    """pydantic's location without its own words for the form that an entry of [files] has."""
    return loc[:2] + loc[3:] if loc[0] == "files" else loc


def _unknown(key: Key, data: Mapping[str, Any]) -> Mistake:
    """A key that does not exist; the likeliest meant one is named."""
    word = str(key[-1])
    known = _keys_of(key[:-1])
    free = [name for name in known if not _written(key[:-1], name, data)]
    like = word.lower().replace("_", "-")
    near = difflib.get_close_matches(like, free, n=1) or difflib.get_close_matches(like, known, n=1)
    homes = [dotted(place) for place in TABLES if place and "*" not in place and word in _keys_of(place)]
    if near:
        fix = _did_you_mean(near[0])
    elif homes:
        fix = f"it belongs to [{homes[0]}]"
    else:
        fix = f"one of {', '.join(known)}"
    return Mistake(
        key=key,
        what="there is no such key",
        why="a misspelt key that is silently ignored costs a job",
        fix=fix,
        id="BYOC-E105",
    )


def _keys_of(place: Key) -> list[str]:
    return list(fields_of(TABLES[_general(place)]))


def _general(place: Key) -> Key:
    """The table's name in the list of tables, where entries of [files] and of arrays are ``*``."""
    return tuple(
        "*" if isinstance(part, int) or place[:depth] == ("files",) else part
        for depth, part in enumerate(place)
    )


def _written(place: Key, name: str, data: Any) -> bool:
    for part in place:
        data = data[part]
    return name in data


def _missing(key: Key) -> Mistake:
    return Mistake(
        key=key,
        what="this table is missing" if len(key) == 1 else MISSING,
        why="byoc has no default that would be right",
        fix=f"add [{key[0]}] with name, style and base" if len(key) == 1 else f"add {key[-1]} = ...",
        id="BYOC-E106",
    )


def _wrong_type(key: Key, wanted: str, written: object) -> Mistake:
    return Mistake(
        key=key,
        what=f"must be {wanted}, is {_kind(written)}",
        why="nothing is converted silently",
        fix=f"write {wanted}",
        id="BYOC-E107",
    )


def _kind(value: object) -> str:
    """The type of a TOML value in words."""
    if isinstance(value, bool):
        return "true or false"
    names = {str: "text", int: "a whole number", float: "a number", list: "an array", dict: "a table"}
    return names.get(type(value), "a date or time")


def _not_a_choice(key: Key, written: str, detail: "ErrorDetails") -> Mistake:
    choices = _choices(detail)
    meant = MEANT.get(written.lower(), written.lower())
    near = [meant] if meant in choices else difflib.get_close_matches(meant, choices, n=1)
    return Mistake(
        key=key,
        what=f"{_cut(written)} is not one of its values",
        why=f"the values are {', '.join(choices)}",
        fix=_did_you_mean(near[0]) if near else "choose one of these",
        id="BYOC-E108",
    )


def _choices(detail: "ErrorDetails") -> list[str]:
    return [word.strip("'") for word in detail["ctx"]["expected"].replace(" or ", ", ").split(", ")]


def _malformed(key: Key, detail: "ErrorDetails") -> Mistake:
    limits = detail.get("ctx", {})
    if detail["type"] in {"string_too_short", "too_short"}:
        what, fix = "must not be empty", "write a value, or take the line out"
    elif "ge" in limits or "le" in limits:
        bound = f"at least {limits['ge']}" if "ge" in limits else f"at most {limits['le']}"
        what, fix = f"must be {bound}, is {_cut(detail['input'])}", "correct the number"
    else:
        what, fix = f"{_cut(detail['input'])} does not have the form of such a value", _example(key)
    return Mistake(
        key=key, what=what, why="better told now than by a build or a job", fix=fix, id="BYOC-E109"
    )


def _cut(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python does not write numbers of thousands of digits
        text = "a number of thousands of digits"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _example(key: Key) -> str:
    """A right value for the innermost named key that has an example."""
    for depth in range(len(key), 0, -1):
        table = TABLES.get(_general(key[: depth - 1]))
        field = fields_of(table).get(str(key[depth - 1])) if table else None
        if field and field.examples:
            return f"write for example {field.examples[0]!r}"
    return "correct the value"
