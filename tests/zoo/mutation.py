"""Weakens the predicates of clauses one way at a time, and asks whether evidence of the zoo notices.

A way is: a clause is always kept; one ``broken(...)`` of a predicate says kept instead; one comparison or
``not`` says the opposite. What the zoo demands is its verdicts: who fails and who is warned, and by what.
"""

import ast
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from byoc_kit.contract import clauses as parts
from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.clauses.verdicts import kept
from byoc_kit.contract.judge import judge
from byoc_kit.contract.types import Clause, Evidence, Status

__all__ = ["Mutant", "always_kept", "mutants", "noticed", "verdicts"]

Verdicts = Mapping[tuple[str, str], Status]
"""By image and clause: who fails and who is warned."""
OPPOSITE: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """Clauses of one part, weakened in one way."""

    what: str
    """Where and how, for a reader: ``signals.py:41 broken -> kept``."""
    clauses: Sequence[Clause]


def verdicts(evidence: Mapping[str, Evidence], clauses: Sequence[Clause]) -> Verdicts:
    """Who fails and who is warned of the images with *evidence*, by *clauses*."""
    return {
        (name, found.id): found.status
        for name, seen in evidence.items()
        for found in judge(seen, clauses).findings
        if found.status in {Status.FAIL, Status.WARN}
    }


def noticed(mutant: Mutant, evidence: Mapping[str, Evidence], before: Verdicts) -> str | None:
    """The first image on which *mutant* judges otherwise than *before*; None: nobody notices."""
    ids = {clause.id for clause in mutant.clauses}
    for name, seen in evidence.items():
        own = {key: status for key, status in before.items() if key[0] == name and key[1] in ids}
        try:
            if verdicts({name: seen}, mutant.clauses) != own:
                return name
        except Exception:  # a predicate that falls over is seen by whoever runs it
            return name
    return None


def always_kept() -> Iterator[Mutant]:
    """Each clause that says kept whatever it sees."""
    for clause in CLAUSES:
        weak = replace(clause, judge=lambda _: kept("whatever was seen"))
        yield Mutant(what=f"{clause.id} is always kept", clauses=[weak])


def mutants() -> Iterator[Mutant]:
    """Every way to weaken one place of one part."""
    for path in sorted(Path(parts.__file__).parent.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "PART: Final" in text:
            yield from _of_part(path, text)


def _of_part(path: Path, text: str) -> Iterator[Mutant]:
    for number in range(len(list(_places(ast.parse(text))))):
        tree = ast.parse(text)
        line, how, change = list(_places(tree))[number]
        change()
        module = types.ModuleType(f"weakened_{path.stem}")
        module.__dict__["kept"] = kept
        exec(compile(ast.fix_missing_locations(tree), str(path), "exec"), module.__dict__)
        yield Mutant(what=f"{path.name}:{line} {how}", clauses=module.PART)


def _places(tree: ast.Module) -> Iterator[tuple[int, str, Callable[[], None]]]:
    """Line, sentence and change of each place that can be weakened."""
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "broken":
                yield node.lineno, "broken -> kept", lambda node=node: _keep(node)  # type: ignore[misc]
            elif isinstance(node, ast.Compare) and type(node.ops[0]) in OPPOSITE:
                yield node.lineno, "the opposite comparison", lambda node=node: _turn(node)  # type: ignore[misc]
            elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
                yield node.lineno, "without not", lambda node=node: _affirm(node)  # type: ignore[misc]


def _keep(call: ast.Call) -> None:
    assert isinstance(call.func, ast.Name)
    call.func.id = "kept"
    del call.args[1:], call.keywords[:]


def _turn(compare: ast.Compare) -> None:
    compare.ops[0] = OPPOSITE[type(compare.ops[0])]()


def _affirm(node: ast.UnaryOp) -> None:
    """``not x`` becomes ``bool(x)``: another ``not`` before it."""
    node.operand = ast.UnaryOp(op=ast.Not(), operand=node.operand)
