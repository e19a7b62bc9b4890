"""``byoc explain``: an error or a clause of the contract in full."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.types import Clause
from byoc_kit.errors import UsageError

__all__ = ["Explanation", "explain", "explanations", "known_ids"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What is known of one id."""

    id: str
    title: str
    text: str


def explanations() -> Mapping[str, Explanation]:
    """Every error, by id, in order. They are kept in ``explanations/<room>.toml`` of this package."""
    found: dict[str, Explanation] = {}
    for file in resources.files("byoc_kit").joinpath("explanations").iterdir():
        if file.name.endswith(".toml"):
            table = tomllib.loads(file.read_text(encoding="utf-8"))
            found |= {name: _of_error(name, entry) for name, entry in table.items()}
    return dict(sorted(found.items()))


def known_ids() -> tuple[Explanation, ...]:
    """All errors and clauses."""
    return (*explanations().values(), *map(_of_clause, CLAUSES))


def explain(name: str) -> Explanation:
    """Error or clause *name*, in any case, errors also without ``BYOC-``. Raises UsageError (BYOC-E604)."""
    known = {each.id: each for each in known_ids()}
    wanted = name.strip().upper()
    for candidate in (wanted, f"BYOC-{wanted}"):
        if candidate in known:
            return known[candidate]
    short = {key.removeprefix("BYOC-") for key in known}
    near = difflib.get_close_matches(wanted.removeprefix("BYOC-"), sorted(short), n=3)
    raise UsageError(
        f"there is no error and no clause {name[:40]!r}",
        why=f"did you mean {' or '.join(near)}?" if near else "ids look like BYOC-E101 or IMG-02",
        fix="`byoc explain` lists all of them",
        id="BYOC-E604",
    )


def _of_error(name: str, entry: Mapping[str, str]) -> Explanation:
    return Explanation(id=name, title=entry["title"], text=" ".join(entry["text"].split()))


def _of_clause(clause: Clause) -> Explanation:
    text = "\n".join(
        [
            f"A {clause.severity.value} of SageMaker's contract.",
            f"source: {clause.source}",
            f"fix: {clause.fix}",
        ]
    )
    return Explanation(id=clause.id, title=clause.says, text=text)
