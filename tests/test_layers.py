"""Who may import whom. The table is the architecture; this test keeps it true, also through others."""

import ast
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "builder" / "byoc_kit"

VALUES = ("errors", "talk", "oci", "inventory", "spec", "catalogue", "plan", "job", "contract")
"""Ordered: a room may import those before it, and itself."""
SHARED = {"contents", "docker_api", "docker_helper", "pip_settings", "store"}
DOORS = {"images", "engines", "local", "aws", "resolve"}
ASSETS = {"assets"}

MAY_IMPORT: Mapping[str, set[str]] = (
    {name: set(VALUES[: place + 1]) for place, name in enumerate(VALUES)}
    | {name: set(VALUES) | SHARED | ASSETS | {name} for name in DOORS | SHARED | ASSETS}
    | {"work": set(VALUES) | SHARED | DOORS | ASSETS | {"work"}, "cli": set(VALUES) | {"work", "cli"}}
)

OWNERS = {
    "boto3": {"aws"},
    "botocore": {"aws"},
    "docker": {"docker_api", "docker_helper", "images", "engines", "local"},
    "urllib3": {"images", "local", "resolve"},
    "uv": {"resolve"},
    "jinja2": {"plan"},
    "tomlkit": {"spec"},
    "pydantic": {"spec"},
    "click": {"cli"},
    "rich": {"cli"},
}
"""Third-party packages and the rooms that may touch them."""

PURE = {"oci", "inventory", "spec", "catalogue", "plan", "job", "contract", "errors", "talk"}
IMPURE_MODULES = {"socket", "subprocess", "time", "shutil", "tempfile", "requests", "http", "urllib.request"}
IMPURE_CALLS = {
    "open",
    "print",
    "input",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "now",
    "utcnow",
}
"""What a value may neither import nor call: files, sockets, processes, the clock."""


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if "_assets" not in path.parts)


def home(path: Path) -> str:
    """The room that *path* belongs to; the package's own ``__init__`` and ``__main__`` belong to the cli."""
    name = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    return "cli" if name.startswith("__") else name


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imported(path: Path) -> Iterator[str]:
    """The dotted names that a module imports, also late and for type checking."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write `from byoc_kit.x import y`: relative imports hide it"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_reached(room: str) -> set[str]:
    """Every room that *room* reaches, through others too."""
    direct: dict[str, set[str]] = {}
    for path in modules():
        names = (name.split(".") for name in imported(path))
        ours = {parts[1] for parts in names if parts[0] == "byoc_kit" and parts[1:]}
        found = {name for name in ours if not name.startswith("__")}
        direct.setdefault(home(path), set()).update(found)
    reached, todo = set[str](), [room]
    while todo:
        for name in direct.get(todo.pop(), set()) - reached:
            reached.add(name)
            todo.append(name)
    return reached


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path: Path) -> None:
    room = home(path)
    allowed = MAY_IMPORT[room]
    for name in imported(path):
        top, *rest = name.split(".")
        if top == "byoc_kit" and rest and not rest[0].startswith("__"):
            assert rest[0] in allowed, f"{room} may not import {rest[0]}: see MAY_IMPORT"
        assert room in OWNERS.get(top, {room}), f"{room} may not import {top}: only {sorted(OWNERS[top])} may"


@pytest.mark.parametrize("room", sorted(PURE))
def test_values_reach_no_door(room: str) -> None:
    assert rooms_reached(room) <= set(VALUES)


@pytest.mark.parametrize("room", sorted(DOORS))
def test_doors_do_not_know_each_other(room: str) -> None:
    assert not (rooms_reached(room) & (DOORS - {room})), "compose doors in work"


PURE_FILES = [path for path in modules() if home(path) in PURE]


@pytest.mark.parametrize("path", PURE_FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_values_touch_nothing(path: Path) -> None:
    for name in imported(path):
        assert not any(name == bad or name.startswith(f"{bad}.") for bad in IMPURE_MODULES), name
    for node in nodes(path):
        if isinstance(node, ast.Call):
            called = node.func
            word = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            asks = isinstance(called, ast.Attribute) and getattr(called.value, "id", "") in {"look", "self"}
            assert word not in IMPURE_CALLS or asks, f"line {node.lineno}: {word}() touches the world"


def test_only_the_command_line_prints() -> None:
    printing = {
        home(path)
        for path in modules()
        for node in nodes(path)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    }
    assert printing <= {"cli"}


def test_every_room_is_in_the_table() -> None:
    assert {home(path) for path in modules()} <= set(MAY_IMPORT)


def test_what_goes_into_images_never_imports_byoc_kit() -> None:
    containers = SOURCE.parents[1] / "containers"
    for path in containers.rglob("*.py"):
        assert not [name for name in imported(path) if name.startswith("byoc_kit")], path
