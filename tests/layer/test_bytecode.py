"""Byte code in layers: it is believed, it is the same each time, and it is only where it was asked for."""

import dataclasses
import importlib.util
import marshal
import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from byoc_kit.engines.layer.build import build_layers
from byoc_kit.engines.layer.bytecode import cache_path, interpreter
from byoc_kit.engines.layer.imports import imports_of, module_names, reached
from byoc_kit.engines.layer.made import MadeLayer
from byoc_kit.engines.layer.startup import byte_code_notes
from byoc_kit.plan.types import FilesStep, PythonStep
from byoc_kit.talk import Silence
from layer.test_layers import World, files, names, plan, program, text
from layer.wheels import PYTHON, SITE, Made, lock

MINE = f"{sys.version_info[0]}.{sys.version_info[1]}"
TAG = f"cpython-{sys.version_info[0]}{sys.version_info[1]}"
KIT = Made(
    "kit",
    files={
        "kit/__init__.py": b"from kit import used\nfrom .sub import deep\n",
        "kit/used.py": b"import os\nnames = {'b', 'a', 'c'}\n",
        "kit/sub/__init__.py": b"",
        "kit/sub/deep.py": b"from ..sibling import thing\ndef late():\n    import kit.lazy\n",
        "kit/sibling.py": b"thing = 1\n",
        "kit/lazy.py": b"",
        "kit/tests/test_kit.py": b"",
        "kit/python2.py": b"print 'hello'\n",
        "other.py": b"",
    },
)
ASKED = Made("asked", files={"asked.py": b"import other_kit\n"})
NOT_ASKED = Made("other_kit", files={"other_kit.py": b"", "unseen_kit.py": b""})


VERSION = (sys.version_info[0], sys.version_info[1])


def build(
    world: World,
    mode: str,
    *wheels: Made,
    code: str = "import kit\n",
    version: tuple[int, int] = VERSION,
) -> tuple[MadeLayer, ...]:
    """The layers of *wheels* and of a program, for an image whose Python has *version*."""
    step = PythonStep(requirements=(), runtime=(), packages=(), sources=(), compiler=False, bytecode=mode)
    python = dataclasses.replace(PYTHON, version=(*version, None))
    materials = world.materials(*wheels)
    facts = dataclasses.replace(materials.inventory, pythons=(python,))
    locked = lock(*(each.locked(materials.wheels[each.filename], direct=each is ASKED) for each in wheels))
    base = dataclasses.replace(locked.base, python=f"{version[0]}.{version[1]}")
    return build_layers(
        plan(step, program(text("/opt/program/train.py", code))),
        dataclasses.replace(locked, base=base),
        dataclasses.replace(materials, inventory=facts),
        store=world.store,
        talk=Silence(),
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def cached(*modules: str) -> set[str]:
    return {cache_path(f"{SITE}/{module}", TAG) for module in modules}


def byte_code(layers: tuple[MadeLayer, ...]) -> dict[str, bytes]:
    found = {name: data for layer in layers for name, data in files(layer).items()}
    return {name: data for name, data in found.items() if name.endswith(".pyc") and "/.wh." not in name}


def test_none_makes_none(world: World) -> None:
    assert [each.created_by for each in build(world, "none", KIT)] == ["byoc kit 1.0", "byoc program"]


def test_all_modules_that_compile(world: World) -> None:
    layers = build(world, "all", KIT)
    assert [each.created_by for each in layers][1] == "byoc byte code (8 modules)"
    everything = {name.removeprefix(f"{SITE}/") for name in files(layers[0]) if name.endswith(".py")}
    assert byte_code(layers).keys() == cached(*(everything - {"kit/python2.py"}))


def test_only_what_the_program_imports(world: World) -> None:
    found = byte_code(build(world, "imports", KIT))
    assert found.keys() == cached(
        "kit/__init__.py", "kit/used.py", "kit/sub/__init__.py", "kit/sub/deep.py", "kit/sibling.py"
    )


def test_what_functions_of_the_program_import_counts(world: World) -> None:
    code = "def model_fn(path):\n    from kit import lazy\n    import other\n"
    found = byte_code(build(world, "imports", KIT, code=code))
    assert cached("kit/lazy.py", "other.py") < found.keys()


def test_what_was_asked_for_by_name_counts_with_what_it_imports(world: World) -> None:
    found = byte_code(build(world, "imports", KIT, ASKED, NOT_ASKED, code=""))
    assert found.keys() == cached("asked.py", "other_kit.py")


def test_the_second_time_imports_are_known(world: World) -> None:
    first = build(world, "imports", KIT)
    again = build(world, "imports", KIT)
    assert not any(each.fresh for each in again)
    assert [each.descriptor for each in again] == [each.descriptor for each in first]


def test_python_believes_it_without_comparing(world: World, tmp_path: Path) -> None:
    """The flags of PEP 552 say so, and the code is that of the source, with its path in the image."""
    data = byte_code(build(world, "all", KIT))[cache_path(f"{SITE}/kit/used.py", TAG)]
    assert data[:8] == importlib.util.MAGIC_NUMBER + b"\1\0\0\0"
    assert data[8:16] == importlib.util.source_hash(KIT.files["kit/used.py"])
    code = marshal.loads(data[16:])
    assert code.co_filename == f"/{SITE}/kit/used.py"
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / f"used.{TAG}.pyc").write_bytes(data)
    (tmp_path / "used.py").write_text("raise SystemExit('the source was read')")
    done = subprocess.run(
        [sys.executable, "-c", "import used; print(sorted(used.names))"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    assert done.stdout == b"['a', 'b', 'c']\n"


def test_it_is_the_same_in_every_process(tmp_path: Path) -> None:
    def once(name: str) -> list[str]:
        return [each.descriptor.digest for each in build(World(tmp_path / name), "all", KIT)]

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    assert once("one") == once("two")


def test_a_file_of_the_user_over_a_module_hides_its_byte_code(world: World) -> None:
    """It would be believed although the source is another."""
    step = PythonStep(requirements=(), runtime=(), packages=(), sources=(), compiler=False, bytecode="all")
    patch = FilesStep(
        layer="files",
        files=(text(f"/{SITE}/kit/used.py", "patched = True"),),
        roots=(PurePosixPath(f"/{SITE}/kit/used.py"),),
    )
    materials = world.materials(KIT)
    python = dataclasses.replace(PYTHON, version=(*VERSION, None))
    facts = dataclasses.replace(materials.inventory, pythons=(python,))
    wanted = lock(KIT.locked(materials.wheels[KIT.filename]))
    layers = build_layers(
        plan(step, patch),
        dataclasses.replace(wanted, base=dataclasses.replace(wanted.base, python=MINE)),
        dataclasses.replace(materials, inventory=facts),
        store=world.store,
        talk=Silence(),
    )
    assert f"{SITE}/kit/__pycache__/.wh.used.{TAG}.pyc" in names(layers[-1])


def test_without_such_a_python_there_is_none_and_the_plan_says_so(world: World) -> None:
    layers = build(world, "all", KIT, version=(3, 99))
    assert [each.created_by for each in layers] == ["byoc kit 1.0", "byoc program"]


@pytest.mark.parametrize(
    ("mode", "python", "notes"), [("all", "3.99", 1), ("none", "3.99", 0), ("all", MINE, 0)]
)
def test_the_plan_says_where_no_byte_code_can_be_made(mode: str, python: str, notes: int) -> None:
    step = PythonStep(requirements=(), runtime=(), packages=(), sources=(), compiler=False, bytecode=mode)
    wanted = lock()
    wanted = dataclasses.replace(wanted, base=dataclasses.replace(wanted.base, python=python))
    assert len(byte_code_notes(plan(step), wanted)) == notes
    assert byte_code_notes(plan(step), None) == ()


def test_a_name_that_a_version_manager_left_is_no_interpreter(tmp_path: Path) -> None:
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\necho not installed >&2\nexit 127\n")
    shim.chmod(0o755)
    assert interpreter((3, 99), str(tmp_path)) is None
    shim.write_text("#!/bin/sh\necho cpython-399\n")
    assert interpreter((3, 99), str(tmp_path)) == str(shim)
    assert interpreter(VERSION, os.devnull) == sys.executable


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a.b, c", {"a.b", "c"}),
        ("from . import x", {"pkg", "pkg.x"}),
        ("from .m import x", {"pkg.m", "pkg.m.x"}),
        ("from ..m import x", {"m", "m.x"}),
        (
            "try:\n import a\nexcept ImportError:\n import b\nelse:\n import c\nfinally:\n import d",
            {"a", "b", "c", "d"},
        ),
        ("if x:\n import a\nelif y:\n import b\nelse:\n import c", {"a", "b", "c"}),
        ("class A:\n import a", {"a"}),
        ("match x:\n case 1:\n  import a", {"a"}),
        ("def f():\n import a", set()),
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n import a\nelse:\n import b",
            {"typing", "typing.TYPE_CHECKING", "b"},
        ),
        ("print 'python 2'", set()),
        ("\0", set()),
    ],
)
def test_imports_of(source: str, expected: set[str]) -> None:
    assert set(imports_of(source.encode(), "pkg.mod", package=False)) == expected


def test_importing_a_module_imports_the_packages_around_it() -> None:
    modules = module_names(
        ["s/a/__init__.py", "s/a/b/__init__.py", "s/a/b/c.py", "s/a/d.py", "t/x.py"], ["s"]
    )
    assert modules == {
        "a": "s/a/__init__.py",
        "a.b": "s/a/b/__init__.py",
        "a.b.c": "s/a/b/c.py",
        "a.d": "s/a/d.py",
    }
    imports = {"a": ["a.d"], "a.b": [], "a.b.c": ["a", "os"], "a.d": ["a.b.c"]}
    assert reached(["a.b.c"], modules, lambda name: imports[name]) == set(modules.values())
    assert reached(["a.b.c.CONSTANT", "x"], modules, lambda name: []) == set(modules.values()) - {"s/a/d.py"}
