"""``byoc explain``: an error or a clause of the contract in full."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.types import ALL_TARGETS, Clause
from byoc_kit.errors import UsageError
from byoc_kit.work.coverage import EMULATED, TESTED, UNTESTED, Covered, covered

__all__ = ["Explanation", "explain", "explanations", "known_ids"]

HOW = {EMULATED: "done here as the service does it", UNTESTED: "not judged here"}


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
    others = (each for each in covered() if each.how != TESTED)
    return (*explanations().values(), *map(_of_clause, CLAUSES), *map(_of_other, others))


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
    lines = [
        f"A {clause.severity.value} of SageMaker's contract.",
        f"open: {clause.contested}" if clause.contested else "",
        f"for: {', '.join(sorted(clause.targets))}" if clause.targets != ALL_TARGETS else "",
        f"seen by: {', '.join(clause.needs) or 'reading the image'}",
        f"source: {clause.source}",
        f"fix: {clause.fix}",
    ]
    return Explanation(id=clause.id, title=clause.says, text="\n".join(filter(None, lines)))


def _of_other(each: Covered) -> Explanation:
    lines = [f"A {each.severity} of SageMaker's contract, {HOW[each.how]}.", each.why]
    return Explanation(id=each.id, title=each.says, text="\n".join(lines))
