"""Rules for ``[verify]``: what an image is tried with, and which clauses are waived."""

import math
import re
from collections.abc import Iterator
from datetime import date

from byoc_kit.spec.mistake import Mistake, View

__all__ = ["LIMITS", "check_verify"]

LIMITS = ("training", "startup", "invocation")
"""What a limit in time can be given for."""


def check_verify(view: View) -> Iterator[Mistake]:
    """Limits, the expression for the answer, and the last days of waivers."""
    yield from _check_limits(view)
    yield from _check_expect(view)
    for key, text in _last_days(view):
        if not _is_day(text):
            yield Mistake(
                key=key,
                what=f"{text!r} is not a day",
                why="a waiver ends with a day of the calendar, YYYY-MM-DD",
                fix='write for example until = "2027-01-31"',
                id="BYOC-E109",
            )


def _check_limits(view: View) -> Iterator[Mistake]:
    for name, limit in view.table("verify", "time-limits").items():
        key = ("verify", "time-limits", name)
        if name not in LIMITS:
            yield Mistake(
                key=key,
                what="there is no such limit",
                why="a misspelt key that is silently ignored helps nobody",
                fix=f"one of {', '.join(LIMITS)}",
                id="BYOC-E105",
            )
        if isinstance(limit, int | float) and not (limit > 0 and math.isfinite(limit)):
            yield Mistake(
                key=key,
                what="a limit is more than 0 seconds",
                why="nothing ends before it starts",
                fix="write a positive number of seconds",
                id="BYOC-E109",
            )


def _check_expect(view: View) -> Iterator[Mistake]:
    try:
        re.compile(view.text("verify", "expect") or "")
    except (re.error, RecursionError, OverflowError) as error:
        yield Mistake(
            key=("verify", "expect"),
            what="this is not a regular expression",
            why=str(error),
            fix="mend it; a sign that stands for itself gets a backslash",
            id="BYOC-E109",
        )


def _last_days(view: View) -> Iterator[tuple[tuple[str | int, ...], str]]:
    waivers = view.data.get("verify")
    entries = waivers.get("waivers") if isinstance(waivers, dict) else None
    for place, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict) and isinstance(entry.get("until"), str):
            yield ("verify", "waivers", place, "until"), entry["until"]


def _is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False
