"""What becomes of every id of the contract: judged, emulated by scenarios, or why it cannot be judged."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.types import Clause

__all__ = ["EMULATED", "TESTED", "UNTESTED", "Covered", "beyond", "covered"]

TESTED: Final = "tested"
EMULATED: Final = "emulated"
UNTESTED: Final = "untested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """One id of the contract."""

    id: str
    severity: str
    says: str
    how: str
    """``tested``, ``emulated`` (what the service does around the image is done here too) or ``untested``."""
    why: str
    """Tested: by which scenarios; emulated: where; untested: why not."""


@cache
def covered() -> tuple[Covered, ...]:
    """Every id that is judged or told of in ``untested.toml``, judged ones first."""
    return (*map(_tested, CLAUSES), *_others())


def beyond() -> dict[str, str]:
    """The MUST clauses that cannot be judged here: id to why."""
    return {each.id: each.why for each in covered() if each.how == UNTESTED and each.severity == "must"}


def _tested(clause: Clause) -> Covered:
    by = f"run: {', '.join(clause.needs)}" if clause.needs else "read without a run"
    severity = f"{clause.severity.value}, open" if clause.contested else clause.severity.value
    return Covered(id=clause.id, severity=severity, says=clause.says, how=TESTED, why=by)


def _others() -> Iterator[Covered]:
    text = resources.files("byoc_kit").joinpath("contract", "untested.toml").read_text(encoding="utf-8")
    for how, table in tomllib.loads(text).items():
        for name, (severity, says, why) in table.items():
            yield Covered(id=name, severity=severity, says=says, how=how, why=why)
