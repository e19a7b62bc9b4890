"""Write docs/clauses.md, a table of all clauses of the contract: ``python tools/clause_table.py``."""

from collections import Counter
from pathlib import Path

from byoc_kit.contract.ids import IDS
from byoc_kit.contract.sections import by_section, title
from byoc_kit.work.coverage import EMULATED, TESTED, UNTESTED, Covered, covered

PAGE = Path(__file__).parents[1] / "docs" / "clauses.md"
WORDS = {TESTED: "tested", EMULATED: "emulated", UNTESTED: "not here"}
HEAD = """\
# Every clause of the contract

SageMaker's contract for containers, as far as AWS documents it, its API models and its open sources show
it, or people have seen it, is a list of {all} clauses. `byoc verify` judges {tested} of them; {emulated} more
are about what the service does around a container, and the scenarios that byoc plays do the same; the other
{untested} cannot be judged on this machine or are no demand on an image, each for its own reason.
`byoc explain IMG-02` tells one in full.

*must*: jobs fail without it. *should*: it helps, or bites later. *open*: AWS contradicts itself, or nothing
confirms it, so that it warns and never fails. *platform* and *info*: good to know. This page is written by
`tools/clause_table.py`.
"""


def page() -> str:
    """The whole page."""
    known = {each.id: each for each in covered()}
    counts = Counter(each.how for each in known.values())
    head = HEAD.format(all=len(IDS), **{how: counts[how] for how in WORDS})
    return "\n".join(
        [head, *(section(letters, [known[name] for name in names]) for letters, names in places())]
    )


def places() -> list[tuple[str, list[str]]]:
    """The sections of the contract with their ids."""
    return list(by_section(IDS).items())


def section(letters: str, clauses: list[Covered]) -> str:
    """One table."""
    rows = "\n".join(f"| {each.id} | {each.severity} | {cell(each.says)} | {how(each)} |" for each in clauses)
    return f"## {title(letters)} ({letters})\n\n| id | binds | what | here |\n|---|---|---|---|\n{rows}\n"


def how(each: Covered) -> str:
    """The last cell of a row."""
    return f"{WORDS[each.how]}: {cell(each.why)}"


def cell(text: str) -> str:
    """*text* as it may stand in a table."""
    return text.replace("|", "\\|").rstrip(".")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
