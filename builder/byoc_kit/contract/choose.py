"""Which clauses are judged: those that ``--only`` and ``--skip`` leave."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from byoc_kit.contract.types import Clause

__all__ = ["chosen", "unknown"]


def chosen(clauses: Sequence[Clause], *, only: Iterable[str] = (), skip: Iterable[str] = ()) -> list[Clause]:
    """Those of *clauses* that *only* names, or all, without those that *skip* names.

    A name is an id (``IMG-02``), a section (``IMG``) or a pattern (``SIG-*``), in any case.
    """
    wanted, left = tuple(only), tuple(skip)
    return [
        clause
        for clause in clauses
        if (not wanted or any(_names(name, clause) for name in wanted))
        and not any(_names(name, clause) for name in left)
    ]


def unknown(names: Iterable[str], clauses: Sequence[Clause]) -> list[str]:
    """Those of *names* that name no clause."""
    return [name for name in names if not any(_names(name, clause) for clause in clauses)]


def _names(name: str, clause: Clause) -> bool:
    pattern = name.strip().upper()
    return fnmatchcase(clause.id, pattern) or clause.id.partition("-")[0] == pattern
