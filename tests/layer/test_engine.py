"""Layers pulled by a real Docker engine, and looked at inside: what a naive layer would have broken."""

import contextlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import docker
import pytest

from byoc_kit.engines.layer.build import build_layers
from byoc_kit.engines.layer.materials import Materials
from byoc_kit.errors import ByocError
from byoc_kit.images.sink import open_sink
from byoc_kit.images.source import open_image
from byoc_kit.oci.append import append
from byoc_kit.oci.image import Image
from byoc_kit.oci.reference import parse_location
from byoc_kit.plan.types import ConfigStep, Content, FileEntry, FilesStep, Inline, PythonStep
from byoc_kit.store import Store
from byoc_kit.talk import Silence
from byoc_kit.work.copy import copy
from byoc_kit.work.inspect import Inspected, read_image_files
from layer.test_layers import plan
from layer.wheels import Made, lock

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

VENV = "/opt/venv/lib/python3.11/site-packages"
SAME_SIZE = b'v = "1.0.%d"\n'

OLD = Made(
    "demo",
    "0.9",
    {
        "demo/__init__.py": SAME_SIZE % 1,
        "demo/gone.py": b"",
        "demo/a_file": b"becomes a directory",
        "demo/a_folder/x": b"its folder becomes a file",
        "oldname/__init__.py": b"",
        "demo-0.9.data/data/share/demo/old": b"",
    },
    scripts="demo = demo:main\ndemo-old = demo:main",
)
NEW = Made(
    "demo",
    "1.0",
    {
        "demo/__init__.py": SAME_SIZE % 2 + b"def main():\n    print('demo', v)\n",
        "demo/data/" + "n" * 120 + "/" + "ü" * 60 + ".txt": "grüße".encode(),
        "demo-1.0.data/scripts/demo-script": b"#!python\nimport sys\nprint(sys.prefix)\n",
        "demo-1.0.data/data/share/demo/new": b"new",
        "demo/a_file/x": b"now a directory",
        "demo/a_folder": b"now a file",
        "demo-1.0.data/headers/demo.h": b"",
    },
    scripts="demo = demo:main",
)
SAME = Made("same", "0.9", {"same.py": SAME_SIZE % 1})
SAME_NEW = Made("same", "1.0", {"same.py": SAME_SIZE % 2}, purelib=False)
FIRST = Made("ns-first", "1.0", {"ns/first.py": b"x = 1\n"})
SECOND = Made("ns_second", "1.0", {"ns/second.py": b"x = 2\n"})
THIRD = Made(
    "ns_third", "1.0", {"ns/third.py": b"x = 3\n", "ns/large.bin": bytes(range(256)) * 8192}, purelib=False
)
ADDED = (NEW, SAME_NEW, SECOND, THIRD)
"""Two that replace, two that join a namespace which the base has begun; two of them through lib64."""

PREPARE = f"""
set -e
python3 -m venv /opt/venv
/opt/venv/bin/pip install --quiet --no-index --no-compile /wheels/*.whl
touch -d 2024-02-29T12:30:02Z {VENV}/same.py
/opt/venv/bin/python -m compileall -q {VENV}
chmod 0775 {VENV}
chown 1234:1234 {VENV}
touch -d 2001-02-03T04:05:06Z {VENV}
rm -rf /tmp/* && chmod 1777 /tmp
ls -ld /opt/venv/lib64 | grep -q -- '-> lib$'
"""

LOOK = """
import importlib, importlib.metadata as m, json, os, subprocess, sys
sys.dont_write_bytecode = True
def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    return [done.returncode, done.stdout.strip(), done.stderr.strip()]
def stat(path):
    found = os.lstat(path)
    return [oct(found.st_mode & 0o7777), found.st_uid, found.st_gid, int(found.st_mtime)]
site = sys.argv[1]
print(json.dumps({
    "version": importlib.import_module("demo").v,
    "same": importlib.import_module("same").v,
    "ns": [importlib.import_module("ns." + name).x for name in ("first", "second", "third")],
    "large": len(open(site + "/ns/large.bin", "rb").read()),
    "installed": sorted(f"{each.name} {each.version}" for each in m.distributions()),
    "leftovers": [each for each in ("demo/gone.py", "oldname", "demo-0.9.dist-info", "../../../bin/demo-old",
                                    "../../../share/demo/old") if os.path.lexists(os.path.join(site, each))],
    "oldname": importlib.util.find_spec("oldname") is None,
    "check": run("/opt/venv/bin/pip", "check"),
    "script": run("/opt/venv/bin/demo"),
    "data script": run("/opt/venv/bin/demo-script"),
    "lib64": os.readlink("/opt/venv/lib64"),
    "tmp": stat("/tmp"), "site": stat(site), "moved": stat("/tmp/moved"),
    "long": open(f"{site}/demo/data/{'n' * 120}/{chr(252) * 60}.txt", encoding="utf-8").read(),
    "through": open(site + "/through_a_link.py").read(),
    "turned": [open(site + "/demo/" + name).read() for name in ("a_file/x", "a_folder")],
    "new data": open("/opt/venv/share/demo/new").read(),
    "files": run("/opt/venv/bin/pip", "show", "--files", "demo"),
    "freeze": run("/opt/venv/bin/pip", "freeze", "--all"),
    "env": {name: os.environ.get(name) for name in ("BYOC_TEST", "PATH")},
    "cwd": os.getcwd(),
    "byte code": [each for each in run(sys.executable, "-B", "-v", "-c", "import demo, same")[2].splitlines()
                  if each.startswith("# code object from") and ("/demo/" in each or "same" in each)],
}))
"""


@dataclass(frozen=True)
class Extended:
    """A base in a registry, and the image made of it."""

    base: str
    reference: str
    image: Image
    base_image: Image


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for made in (OLD, SAME, FIRST):
        made.write(folder)
    for made in ADDED:
        (folder / "new").mkdir(exist_ok=True)
        made.write(folder / "new")
    return folder


@pytest.fixture(scope="module")
def prepared(engine: docker.DockerClient, base: str, wheels: Path) -> Iterator[str]:
    """A base with a venv in which old versions are installed, byte code included."""
    name = f"byoc-test-layer-{uuid.uuid4().hex[:12]}"
    container = engine.containers.run(
        base, ["sh", "-c", PREPARE], volumes={str(wheels): {"bind": "/wheels", "mode": "ro"}}, detach=True
    )
    try:
        status = container.wait()["StatusCode"]
        assert status == 0, container.logs().decode()
        container.commit(name, conf={"Env": ["PATH=/opt/venv/bin:/usr/bin:/bin"], "Cmd": ["python3"]})
    finally:
        container.remove(force=True, v=True)
    yield f"{name}:latest"
    engine.images.remove(name, force=True)


def contents(content: Content) -> bytes:
    assert isinstance(content, Inline)
    return content.text.encode()


def entry(path: str, text: str) -> FileEntry:
    return FileEntry(dest=PurePosixPath(path), content=Inline(text))


THROUGH = "/opt/venv/lib64/python3.11/site-packages/through_a_link.py"
FILES = FilesStep(
    layer="program",
    files=(entry("/tmp/moved", "x"), entry("/opt/program/train.py", "import demo\n"), entry(THROUGH, "")),
    roots=(PurePosixPath("/tmp"), PurePosixPath("/opt/program"), PurePosixPath(THROUGH)),
)
BYTE_CODE = PythonStep(
    requirements=(), runtime=(), packages=(), sources=(), compiler=False, bytecode="imports"
)
"""Only ``demo`` is imported: ``same`` has none, and the base's would be believed."""
CONFIG = ConfigStep(
    env={"BYOC_TEST": "1"},
    labels={"org.opencontainers.image.base.name": "base"},
    entrypoint=("/opt/venv/bin/python", "-c"),
    cmd=("print('cmd')",),
    workdir="/opt/program",
    user=None,
)


def locked(wheels: Path) -> Any:
    replaced = {"demo": "0.9", "same": "0.9"}
    return lock(
        *(
            each.locked(wheels / "new" / each.filename, direct=each is NEW, replaces=replaced.get(each.name))
            for each in ADDED
        )
    )


@pytest.fixture(scope="module")
def extended(
    engine: docker.DockerClient,
    prepared: str,
    registry: str,
    wheels: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Extended]:
    """The new image, pulled by the engine from the registry."""
    store, environ = Store(tmp_path_factory.mktemp("store")), dict(os.environ)
    environ["BYOC_CACHE_DIR"] = str(store.root)
    place = f"{registry}/layer/extended"
    copied = copy(parse_location(f"docker:{prepared}"), parse_location(f"{place}:base"), environ=environ)
    with open_image(parse_location(copied.reference), environ=environ) as image:
        seen = read_image_files(image, store=store, talk=Silence())
        layers = build_layers(
            plan(BYTE_CODE, FILES), locked(wheels), materials(seen, wheels), store=store, talk=Silence()
        )
        made = append(image, layers, CONFIG)
        with open_sink(parse_location(f"{place}:new"), environ=environ) as sink:
            reference = sink.write(made, tag=True)
        engine.images.pull(reference)
        yield Extended(base=copied.reference, reference=reference, image=made, base_image=image)
    for each in (reference, copied.reference):
        with contextlib.suppress(docker.errors.ImageNotFound):
            engine.images.remove(each, force=True)


def materials(seen: Inspected, wheels: Path) -> Materials:
    return Materials(
        inventory=seen.inventory,
        index=seen.index,
        wheels={each.filename: wheels / "new" / each.filename for each in ADDED},
        contents=contents,
    )


def run(engine: docker.DockerClient, extended: Extended, *command: str, entrypoint: str = "") -> str:
    output = engine.containers.run(
        extended.reference, list(command), entrypoint=entrypoint or None, remove=True
    )
    assert isinstance(output, bytes)
    return output.decode()


@pytest.fixture(scope="module")
def inside(engine: docker.DockerClient, extended: Extended) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads(run(engine, extended, LOOK, VENV))
    return found


def test_new_versions_run_and_old_byte_code_does_not(inside: Mapping[str, Any]) -> None:
    """``same.py`` has the old one's length; the base's byte code of it would be believed."""
    assert (inside["version"], inside["same"]) == ("1.0.2", "1.0.2")


def test_byte_code_is_used_where_it_was_asked_for(inside: Mapping[str, Any]) -> None:
    words = (line.removeprefix("# code object from ") for line in inside["byte code"])
    told = [word.strip("'").removeprefix(VENV) for word in words]
    assert told == ["/demo/__pycache__/__init__.cpython-311.pyc", "/same.py"]


def test_nothing_of_the_replaced_is_left(inside: Mapping[str, Any]) -> None:
    assert inside["leftovers"] == []
    assert inside["oldname"] is True


def test_each_distribution_is_there_once(inside: Mapping[str, Any]) -> None:
    names = [each for each in inside["installed"] if not each.startswith(("pip ", "setuptools "))]
    assert names == ["demo 1.0", "ns-first 1.0", "ns_second 1.0", "ns_third 1.0", "same 1.0"]


def test_pip_sees_a_consistent_environment(inside: Mapping[str, Any]) -> None:
    assert inside["check"] == [0, "No broken requirements found.", ""]
    assert "demo==1.0" in inside["freeze"][1].splitlines()


def test_pip_knows_the_files(inside: Mapping[str, Any]) -> None:
    assert "../../../bin/demo-script" in inside["files"][1]
    assert "Cannot locate" not in inside["files"][1]


def test_a_namespace_over_base_and_two_wheels(inside: Mapping[str, Any]) -> None:
    assert inside["ns"] == [1, 2, 3]
    assert inside["large"] == 256 * 8192


def test_scripts_run_with_the_images_python(inside: Mapping[str, Any]) -> None:
    assert inside["script"] == [0, "demo 1.0.2", ""]
    assert inside["data script"] == [0, "/opt/venv", ""]


def test_links_and_modes_of_the_base_stay(inside: Mapping[str, Any]) -> None:
    assert inside["lib64"] == "lib"
    assert inside["through"] == ""
    assert inside["tmp"][:3] == ["0o1777", 0, 0]
    assert inside["site"][:3] == ["0o775", 1234, 1234]


def test_a_file_may_become_a_directory_and_a_directory_a_file(inside: Mapping[str, Any]) -> None:
    assert inside["turned"] == ["now a directory", "now a file"]


def test_long_and_foreign_names(inside: Mapping[str, Any]) -> None:
    assert inside["long"] == "grüße"
    assert inside["new data"] == "new"


def test_config(inside: Mapping[str, Any], engine: docker.DockerClient, extended: Extended) -> None:
    assert inside["env"] == {"BYOC_TEST": "1", "PATH": "/opt/venv/bin:/usr/bin:/bin"}
    assert inside["cwd"] == "/opt/program"
    assert inside["moved"] == ["0o644", 0, 0, 315619200]
    found = engine.images.get(extended.reference).attrs["Config"]
    assert found["Entrypoint"] == ["/opt/venv/bin/python", "-c"]
    assert found["Cmd"] == ["print('cmd')"]
    assert run(engine, extended) == "cmd\n"


def test_history_has_a_line_for_each_layer(engine: docker.DockerClient, extended: Extended) -> None:
    lines = engine.images.get(extended.reference).history()
    told = [line["CreatedBy"] for line in lines if line["CreatedBy"].startswith("byoc ")]
    assert told == [
        "byoc config",
        "byoc program",
        "byoc byte code (1 modules)",
        "byoc demo 1.0, ns-second 1.0, ns-third 1.0, same 1.0",
    ]


def test_pip_can_uninstall_what_was_added(engine: docker.DockerClient, extended: Extended) -> None:
    script = (
        "pip uninstall --yes --quiet demo ns_second same && pip check && "
        "ls /opt/venv/bin/demo /opt/venv/share/demo/new 2>&1; "
        f"cd {VENV} && ls -d demo* same* ns/* 2>&1; true"
    )
    output = run(engine, extended, "-c", script, entrypoint="/bin/sh")
    assert "ns/first.py" in output
    assert "ns/second.py" not in output
    for gone in ("/opt/venv/bin/demo", "/opt/venv/share/demo/new", "demo*", "same*"):
        assert f"cannot access '{gone}'" in output, output


def test_only_new_layers_are_new(extended: Extended) -> None:
    old, new = extended.base_image.manifest.layers, extended.image.manifest.layers
    assert [each.digest for each in new[: len(old)]] == [each.digest for each in old]
    assert sum(each.size for each in new[len(old) :]) < 100_000


def test_a_lock_for_another_base_is_refused(wheels: Path, extended: Extended, tmp_path: Path) -> None:
    store = Store(tmp_path)
    with open_image(parse_location(extended.base)) as image:
        seen = read_image_files(image, store=store, talk=Silence())
    undecided = lock(NEW.locked(wheels / "new" / NEW.filename))
    with pytest.raises(ByocError, match=r"demo 0.9, which the lock does not know"):
        build_layers(plan(), undecided, materials(seen, wheels), store=store, talk=Silence())
