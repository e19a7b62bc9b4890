"""Which modules the user's programs load when they start, as far as the files tell. Pure.

Followed are the ``import`` statements that a module executes when it is itself imported: at its top, also in
``if``, ``try``, ``with`` and classes, but not in functions. What is imported by name at run time
(``importlib``, lazy packages) is not seen; then only the byte code of that module is missing.
"""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["imports_of", "module_names", "reached"]

BLOCKS = (ast.stmt, ast.ExceptHandler, ast.match_case)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def module_names(paths: Iterable[str], sites: Iterable[str]) -> dict[str, str]:
    """Module name to path, for the modules among *paths* that lie in one of *sites* (all physical)."""
    found: dict[str, str] = {}
    for site in (f"{site}/" for site in sites):
        for path in paths:
            if path.startswith(site) and path.endswith(".py"):
                name = path.removeprefix(site).removesuffix(".py").removesuffix("/__init__")
                found.setdefault(name.replace("/", "."), path)
    return found


def imports_of(source: bytes, name: str, *, package: bool, everywhere: bool = False) -> tuple[str, ...]:
    """The modules, absolute, that the module *name* may load when it is imported; sorted.

    *package*: whether it is an ``__init__.py``. *everywhere*: also what its functions import. Nothing where
    *source* is not understood.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    around = name if package else name.rpartition(".")[0]
    return tuple(sorted({each for node in _executed(tree, everywhere) for each in _named(node, around)}))


def reached(
    start: Iterable[str], modules: Mapping[str, str], imports: Callable[[str], Iterable[str]]
) -> frozenset[str]:
    """Paths of all of *modules* that importing *start* loads; *imports* gives what a module imports."""
    found, todo = set[str](), list(start)
    while todo:
        name = todo.pop()
        while name:
            if name in modules and name not in found:
                found.add(name)
                todo.extend(imports(name))
            name = name.rpartition(".")[0]
    return frozenset(modules[name] for name in found)


def _executed(tree: ast.AST, everywhere: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and _is_for_checkers(node.test):
            todo.extend(node.orelse)
        elif everywhere or not isinstance(node, FUNCTIONS):
            todo.extend(each for each in ast.iter_child_nodes(node) if isinstance(each, BLOCKS))


def _is_for_checkers(test: ast.expr) -> bool:
    """Whether *test* is ``TYPE_CHECKING``: what stands there is never executed."""
    return ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"


def _named(node: ast.Import | ast.ImportFrom, around: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    parts = around.split(".") if node.level else []
    base = ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])
    yield base
    yield from (f"{base}.{alias.name}" for alias in node.names)
