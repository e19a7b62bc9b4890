"""Templates of ``[publish] tags``: what may stand in braces, and what a template becomes.

``{version}-{framework}`` becomes ``1.4.2-pytorch``. The fields are few, so that a tag means the same in every
project; anything else that is fixed is written as it is.
"""

import difflib
import re
import string
from collections.abc import Iterator, Mapping
from typing import Final

from byoc_kit.spec.mistake import Mistake, View

__all__ = ["FIELDS", "check_tags", "fill", "framework_of"]

FIELDS: Final[Mapping[str, str]] = {
    "version": "[image] version",
    "name": "[image] name, '/' written as '-'",
    "style": "[image] style",
    "framework": "the base's repository, without sagemaker- before it and -training or -inference behind it",
    "arch": "amd64 or arm64",
    "commit": "12 digits of the git commit, -dirty behind them where the tree has changes",
    "date": "the day of the commit, UTC: YYYYMMDD",
    "content": "16 digits of the content key",
}
"""What may stand in braces."""

TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
SAMPLES: Final = {"commit": "0" * 18, "date": "20260101", "content": "0" * 16}
"""The longest that what is known only when publishing can be."""


def fields(template: str) -> tuple[str, ...]:
    """The names in braces. Raises ValueError for braces that do not close, and for conversions."""
    found = list(string.Formatter().parse(template))
    if any(conversion or form for _, _, form, conversion in found):
        raise ValueError("between braces stands a name alone")
    return tuple(name for _, name, _, _ in found if name is not None)


def fill(template: str, values: Mapping[str, str | None]) -> str | None:
    """The tag that *template* becomes; None where one of its fields has no value."""
    if any(values.get(name) is None for name in fields(template)):
        return None
    return template.format_map(values)


def framework_of(base: str) -> str | None:
    """What ``{framework}`` is for the base *base*; None where that names no repository."""
    if base.startswith(("oci:", "archive:")):
        return None
    name = base.removeprefix("docker:").removeprefix("dlc:").partition("@")[0].rpartition("/")[2]
    found = re.sub(r"^sagemaker-|-(?:training|inference)$", "", name.partition(":")[0])
    return found if TAG.fullmatch(found) else None


def check_tags(view: View) -> Iterator[Mistake]:
    """Every template is one, and what it becomes is a tag."""
    values = {**_known(view), **SAMPLES}
    for key, template in view.texts("publish", "tags"):
        why = _wrong(template, values)
        if why:
            yield Mistake(
                key=key,
                what=f"{template[:60]!r} does not become a tag",
                why=why[0],
                fix=why[1],
                id="BYOC-E580",
            )


def _wrong(template: str, values: Mapping[str, str | None]) -> tuple[str, str] | None:
    """Why *template* cannot be a tag, and what to do; None: it can."""
    names = ", ".join(f"{{{name}}}" for name in FIELDS)
    try:
        asked = fields(template)
    except ValueError as error:
        return f"{error}", f"the fields are {names}"
    for name in asked:
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, 1)
            return f"there is no field {{{name[:40]}}}", (
                f"write {{{near[0]}}}" if near else f"the fields are {names}"
            )
        if values[name] is None:
            return f"{{{name}}} has no value here: it is {FIELDS[name]}", f"add that, or leave out {{{name}}}"
    if not TAG.fullmatch(str(fill(template, values))):
        what = f"it becomes {str(fill(template, values))[:140]!r}"
        return what, "a tag has at most 128 of letters, digits, '_', '.', '-', and starts with none of '.-'"
    return None


def _known(view: View) -> dict[str, str | None]:
    """What the file alone says."""
    name, platform = view.text("image", "name"), view.text("image", "platform") or "linux/amd64"
    return {
        "version": view.text("image", "version"),
        "name": name and name.replace("/", "-"),
        "style": view.text("image", "style") or "basic",
        "framework": framework_of(view.text("image", "base") or "oci:"),
        "arch": platform.rpartition("/")[2],
    }
