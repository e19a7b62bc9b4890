"""One thing that ``byoc doctor`` has looked at."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from byoc_kit.errors import ByocError

__all__ = ["Check", "Result", "State", "checked"]


class State(enum.StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at."""

    name: str
    state: State
    seen: str
    fix: str = ""
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Policies that are missing: what each is for, and its JSON."""


Result = tuple[State, str, str]
"""State, what was seen, fix."""


def checked(name: str, look: Callable[[], Result]) -> Check:
    """What *look* sees; an error of ours is a check that failed."""
    try:
        state, seen, fix = look()
    except ByocError as error:
        seen = "; ".join([error.what, *error.details, error.why])
        return Check(name=name, state=State.FAIL, seen=seen, fix=error.fix)
    return Check(name=name, state=state, seen=seen, fix=fix)
