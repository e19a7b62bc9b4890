"""Write docs/byoc-toml.md from the models that check byoc.toml: ``python tools/spec_table.py``."""

import builtins
import json
import types
import typing
from collections.abc import Iterator
from enum import Enum, EnumType
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from byoc_kit.spec.environment import OWNED
from byoc_kit.spec.model import TABLES, Table, fields_of

PAGE = Path(__file__).parents[1] / "docs" / "byoc-toml.md"
HEAD = """# byoc.toml

<!-- Written by tools/spec_table.py from builder/byoc_kit/spec/model.py; edit there. -->

One file says what an image is made of and what it is for. Paths are relative to its folder and stay
inside it. A key that is not listed here is an error, and so is a value of another type; all mistakes are
told at once, each with its line. `byoc schema` prints the same as JSON Schema: with
`byoc schema --out byoc.schema.json` and the first line `#:schema ./byoc.schema.json`, editors complete keys
and mark mistakes. `-f FILE` chooses another file, so one folder can hold several images.

*Required* means that the file is refused without the key. The column *used by* names the commands that act on
it.
"""
NAMES: dict[object, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Any: "any value",
}
HEADINGS: dict[tuple[str | int, ...], str] = {
    (): "Top level",
    ("files", "*"): 'An entry of [files] as a table: `"/dest" = { source = "...", mode = "0755" }`',
    ("verify", "waivers", "*"): "[[verify.waivers]]",
}


def page() -> str:
    """The whole page."""
    tables = (section(place, table) for place, table in TABLES.items())
    return HEAD + "\n" + "\n".join(tables) + "\n" + tail()


def section(place: tuple[str | int, ...], table: type[Table]) -> str:
    """One table of the file: its sentence and its keys."""
    title = HEADINGS.get(place) or f"[{'.'.join(map(str, place))}]"
    lines = [f"## {title}", "", *([table.__doc__, ""] if place and table.__doc__ else [])]
    lines += ["| key | type | default | used by | meaning |", "|---|---|---|---|---|"]
    lines += [row(name, field) for name, field in fields_of(table).items() if described(field)]
    return "\n".join([*lines, ""])


def described(field: FieldInfo) -> bool:
    """Whether a key has a sentence of its own; tables have their own section instead."""
    return field.description is not None


def row(name: str, field: FieldInfo) -> str:
    """One key."""
    extra = typing.cast("dict[str, str]", field.json_schema_extra)
    example = f" Example: `{_toml(field.examples[0])}`." if field.examples else ""
    unit = f" ({extra['x-unit']})" if "x-unit" in extra else ""
    cells = (f"`{name}`", kind(field.annotation) + unit, default(field), extra["x-used-by"])
    return "| " + " | ".join(_cell(text) for text in (*cells, f"{field.description}{example}")) + " |"


def kind(annotation: object) -> str:
    """The type of a value in TOML's words."""
    inside = typing.get_args(annotation)
    match typing.get_origin(annotation):
        case typing.Annotated:
            said = kind(inside[0])
        case typing.Union | types.UnionType:
            said = " or ".join(dict.fromkeys(kind(part) for part in inside if part is not type(None)))
        case typing.Literal:
            said = ", ".join(f"`{word}`" for word in inside)
        case builtins.list:
            said = f"array of {kind(inside[0])}"
        case builtins.dict:
            said = f"table of {kind(inside[1])}"
        case _ if isinstance(annotation, EnumType):
            said = ", ".join(f"`{member.value}`" for member in typing.cast("type[Enum]", annotation))
        case _:
            said = NAMES.get(annotation, "table")
    return said


def default(field: FieldInfo) -> str:
    """What counts where the key is left out."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value in (None, PydanticUndefined, "", [], {}):
        return "none"
    return f"`{_toml(value)}`"


def tail() -> str:
    """What the types cannot say."""
    owned = ", ".join(f"`{name}`" for name in sorted(OWNED))
    return f"""## What is refused besides

- Credentials in `[env]`, `[labels]`, hyperparameters, URLs, and in files that would get into the image
  (IMG-22).
- Variables that the platform sets: `SAGEMAKER_*`, `SM_*`, `AWS_REGION`, `TRAINING_JOB_NAME` and their like.
  An image may own {owned}.
- Labels that tell SageMaker what the image can do: byoc sets them from the targets (IMG-18).
- Paths and links that lead out of the project, and `[files]` below `/opt/ml` and `/opt/byoc`.
- Hyperparameters, channels and metrics beyond SageMaker's limits (CFG-01, CFG-10, TRN-13).
- A `user` other than root for targets that serve (IMG-05), `mms` with serverless, streaming or multi-model,
  and instance types of another architecture than the platform (IMG-12).

Programs with Windows line ends are not refused: the image gets them with LF, and byoc says so.
"""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_pairs(value)) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def _pairs(table: dict[str, Any]) -> Iterator[str]:
    for name, value in table.items():
        bare = name.replace("-", "").replace("_", "").isalnum()
        yield f"{name if bare else json.dumps(name)} = {_toml(value)}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
