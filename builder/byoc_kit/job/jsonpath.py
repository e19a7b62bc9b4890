"""The part of JSONPath that batch transform knows (api:DataProcessing), and nothing beyond it.

``$``, ``.name``, ``['name','name']``, ``[0]``, ``[-1]``, ``[0,2]``, ``[1:]``, ``[:3]``, ``.*`` and ``[*]``.
Expressions with filters, scripts or ``..`` are refused here, as they are by the service.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from byoc_kit.errors import UsageError

__all__ = ["WHOLE", "JsonPath", "parse"]

LONGEST = 63  # characters (api:JsonPath)

INTEGER = r"-?\d+"
STEPS = re.compile(
    rf"""
      \.(?P<name>[\w$-]+)
    | \.?\[\s*(?P<quoted>'[^']*'(?:\s*,\s*'[^']*')*)\s*\]
    | \[\s*(?P<numbers>{INTEGER}(?:\s*,\s*{INTEGER})*)\s*\]
    | \[\s*(?P<first>(?:{INTEGER})?)\s*:\s*(?P<last>(?:{INTEGER})?)\s*\]
    | (?P<all>\.\*|\[\s*\*\s*\])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Names:
    """One member of an object; of several names, an object of these members."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """One element of an array; of several numbers, an array of these elements."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """Elements from *first* up to, but not with, *last*."""

    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class All:
    """Every element of an array, every member of an object."""


Step = Names | Numbers | Range | All


@dataclass(frozen=True, slots=True)
class JsonPath:
    """Made by :func:`parse` only, so it is always one the service takes."""

    text: str
    steps: tuple[Step, ...]

    def select(self, value: Any) -> Any:
        """What the path means in *value*. Raises LookupError where it has no such place."""
        return _select(value, self.steps)


def _select(value: Any, steps: tuple[Step, ...]) -> Any:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, Names):
        found = {name: _member(value, name) for name in step.names}
        return found if len(found) > 1 else _select(found[step.names[0]], rest)
    if isinstance(step, Numbers) and len(step.numbers) == 1:
        return _select(_element(value, step.numbers[0]), rest)
    return [_select(each, rest) for each in _several(value, step)]


def _several(value: Any, step: Numbers | Range | All) -> list[Any]:
    if isinstance(step, Numbers):
        return [_element(value, number) for number in step.numbers]
    if isinstance(step, Range):
        return _array(value)[step.first : step.last]
    return list(value.values()) if isinstance(value, dict) else _array(value)


def _member(value: Any, name: str) -> Any:
    if not isinstance(value, dict):  # a mistake in the user's data, not in a type of ours
        raise LookupError(f"there is no member {name!r} in {_kind(value)}")  # noqa: TRY004
    if name not in value:
        raise LookupError(
            f"the object has no member {name!r}; it has {', '.join(map(repr, value)) or 'none'}"
        )
    return value[name]


def _element(value: Any, number: int) -> Any:
    elements = _array(value)
    try:
        return elements[number]
    except IndexError:
        raise LookupError(f"there is no element {number} in an array of {len(elements)}") from None


def _array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise LookupError(f"there are no elements in {_kind(value)}")  # noqa: TRY004
    return value


def _kind(value: Any) -> str:
    return (
        "an object"
        if isinstance(value, dict)
        else "an array"
        if isinstance(value, list)
        else json.dumps(value)
    )


def parse(text: str, *, option: str) -> JsonPath:
    """The path that *option* gives. Raises UsageError for what the service does not take."""
    steps = tuple(_steps(text))
    if problem := _fault(text, steps):
        raise UsageError(
            f"{option} {text!r} is not a JSONPath that batch transform takes",
            why=problem,
            fix="for example $.features, $['id','SageMakerOutput'], $[1:] or $[0,-1]",
            id="BYOC-E461",
        )
    return JsonPath(text, steps)


def _fault(text: str, steps: tuple[Step, ...]) -> str | None:
    if len(text) > LONGEST:
        return f"it is {len(text)} characters long; {LONGEST} are allowed"
    if not text.startswith("$"):
        return "it does not start with $"
    if any(isinstance(step, Names) and len(step.names) > 1 for step in steps[:-1]):
        return "several names can only stand at its end"
    if not steps and text != "$":
        return "the service knows .name, ['name','name'], [0], [-1], [0,2], [1:3], * and no more"
    return None


def _steps(text: str) -> Iterator[Step]:
    """The steps after ``$``; none at all where one of them cannot be read."""
    place, found = 1, list[Step]()
    while place < len(text):
        match = STEPS.match(text, place)
        if match is None:
            return
        found.append(_step(match))
        place = match.end()
    yield from found


def _step(match: "re.Match[str]") -> Step:
    if match["name"]:
        return Names((match["name"],))
    if match["quoted"]:
        return Names(tuple(re.findall(r"'([^']*)'", match["quoted"])))
    if match["numbers"]:
        return Numbers(tuple(map(int, match["numbers"].split(","))))
    if match["all"]:
        return All()
    return Range(*(int(end) if end else None for end in (match["first"], match["last"])))


WHOLE = JsonPath("$", ())
"""Everything, as it is."""
