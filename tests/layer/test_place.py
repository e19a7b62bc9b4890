"""A wheel's files at their places: the same as PyPA's ``installer`` puts there."""

import base64
import csv
import ensurepip
import hashlib
import io
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from importlib import resources
from pathlib import Path

import installer
import pytest
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile

from byoc_kit.engines.layer.content import Reader
from byoc_kit.engines.layer.entries import OLD
from byoc_kit.engines.layer.place import Placed, Target, place
from byoc_kit.engines.layer.wheel import Wheel, read_wheel
from byoc_kit.errors import ByocError
from layer.wheels import EXECUTABLE, SCHEME, Made, sha256

TARGET = Target(scheme=SCHEME, executable=EXECUTABLE)
EVERYTHING = Made(
    "demo",
    files={
        "demo/__init__.py": b"",
        "demo/tool.sh": b"#!/bin/sh\n",
        "demo/large.bin": bytes(range(256)) * 2000,
        "demo/data,with comma.txt": b"comma",
        "demo/übung.txt": b"non-ascii",
        "demo/" + "n" * 120 + "/" + "m" * 120 + ".txt": b"long",
        "demo.pth": b"import demo\n",
        "demo-1.0.data/purelib/pure.py": b"PURE = 1\n",
        "demo-1.0.data/platlib/plat.py": b"PLAT = 1\n",
        "demo-1.0.data/scripts/rewritten": b"#!python -u\nprint('hello')\n",
        "demo-1.0.data/scripts/kept": b"#!/bin/sh\necho hello\n",
        "demo-1.0.data/headers/demo.h": b"#pragma once\n",
        "demo-1.0.data/data/share/demo/readme": b"read me\n",
    },
    executables=frozenset({"demo/tool.sh", "demo-1.0.data/scripts/rewritten", "demo-1.0.data/scripts/kept"}),
    scripts="demo = demo:main\ndemo-sub = demo.sub:cli.main [extra]",
)


def placed(wheel: Wheel, target: Target = TARGET, **options: bool | bytes) -> dict[str, Placed]:
    with Reader() as reader:
        files = place(wheel, target, lambda member: reader.small(wheel.path, member), **options)  # type: ignore[arg-type]
    assert len({each.path for each in files}) == len(files)
    return {each.path: each for each in files}


def content(file: Placed) -> bytes:
    with Reader(copy=False) as reader:
        return b"".join(each for each in reader(file.body) if isinstance(each, bytes))


def by_installer(path: Path, root: Path, extra: Mapping[str, bytes]) -> dict[str, Path]:
    """What PyPA's installer makes of the wheel: path in the image to the file on disk."""
    scheme = {name: str(folder) for name, folder in asdict(SCHEME).items()}
    scheme["headers"] += f"/{path.name.split('-')[0]}"
    destination = SchemeDictionaryDestination(scheme, EXECUTABLE, "posix", destdir=str(root))
    with WheelFile.open(path) as source, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # __pycache__ in a wheel
        installer.install(source, destination, dict(extra))
    return {f"/{each.relative_to(root)}": each for each in root.rglob("*") if each.is_file()}


def rows(record: bytes) -> set[tuple[str, ...]]:
    return {tuple(row) for row in csv.reader(io.StringIO(record.decode()))}


def assert_equal_trees(wheel: Wheel, path: Path, root: Path) -> None:
    theirs = by_installer(path, root, {"INSTALLER": b"byoc\n", "REQUESTED": b""})
    ours = placed(wheel, requested=True)
    assert ours.keys() == theirs.keys()
    for name, file in ours.items():
        expected = theirs[name].read_bytes()
        if name.endswith("/RECORD"):
            assert rows(content(file)) == rows(expected)
        else:
            assert content(file) == expected, name
        if not name.startswith("/opt/venv/bin/"):  # the format asks for x there, whatever the zip says
            assert file.mode == (0o755 if theirs[name].stat().st_mode & 0o111 else 0o644), name


@pytest.mark.parametrize("purelib", [True, False])
def test_a_wheel_with_everything_lands_as_by_installer(tmp_path: Path, purelib: bool) -> None:
    made = Made(**(vars(EVERYTHING) | {"purelib": purelib}))
    assert_equal_trees(made.read(tmp_path), tmp_path / made.filename, tmp_path / "root")


BUNDLED = sorted((resources.files(ensurepip) / "_bundled").iterdir(), key=lambda each: each.name)


@pytest.mark.parametrize("path", BUNDLED, ids=lambda each: each.name)
def test_real_wheels_land_as_by_installer(tmp_path: Path, path: Path) -> None:
    wheel = read_wheel(path, filename=path.name, sha256=sha256(path))
    assert_equal_trees(wheel, path, tmp_path / "root")


def test_record_names_every_file_with_its_hash(tmp_path: Path) -> None:
    files = placed(EVERYTHING.read(tmp_path))
    site = str(SCHEME.purelib)
    record = {row[0]: row for row in rows(content(files[f"{site}/demo-1.0.dist-info/RECORD"]))}
    assert "../../../bin/demo" in record
    assert "../../../share/demo/readme" in record
    assert len(record) == len(files)
    for name, (_, hash_, size) in record.items():
        if not name.endswith("RECORD"):
            data = content(files[str(Path(site, name)).replace("/lib/python3.11/site-packages/../../..", "")])
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            assert (hash_, size) == (f"sha256={digest}", str(len(data))), name


def test_scripts_start_the_images_interpreter(tmp_path: Path) -> None:
    files = placed(EVERYTHING.read(tmp_path))
    assert content(files["/opt/venv/bin/demo"]).startswith(b"#!/opt/venv/bin/python3\n")
    assert content(files["/opt/venv/bin/rewritten"]) == b"#!/opt/venv/bin/python3\nprint('hello')\n"
    assert content(files["/opt/venv/bin/kept"]).startswith(b"#!/bin/sh")
    assert {files[f"/opt/venv/bin/{name}"].mode for name in ("demo", "demo-sub", "rewritten", "kept")} == {
        0o755
    }


@pytest.mark.parametrize("executable", ["/" + "long/" * 30 + "python", "/opt/my env/bin/python"])
def test_an_interpreter_that_no_kernel_starts_is_started_by_the_shell(
    tmp_path: Path, executable: str
) -> None:
    files = placed(EVERYTHING.read(tmp_path), Target(scheme=SCHEME, executable=executable))
    for name in ("demo", "rewritten"):
        first, second = content(files[f"/opt/venv/bin/{name}"]).split(b"\n")[:2]
        assert first == b"#!/bin/sh"
        assert executable.encode() in second


def test_scripts_are_executable_also_where_the_zip_forgot_it(tmp_path: Path) -> None:
    files = placed(Made("demo", files={"demo-1.0.data/scripts/run": b"#!python\n"}).read(tmp_path))
    assert files["/opt/venv/bin/run"].mode == 0o755


def test_byte_code_signatures_and_foreign_notes_are_not_installed(tmp_path: Path) -> None:
    odd = {
        "demo/__pycache__/a.cpython-311.pyc": b"anything",
        "demo-1.0.dist-info/RECORD.jws": b"{}",
        "demo-1.0.dist-info/INSTALLER": b"evil",
        "demo-1.0.dist-info/direct_url.json": b"{}",
    }
    files = placed(Made("demo", files={"demo/a.py": b""} | odd).read(tmp_path))
    site = str(SCHEME.purelib)
    assert content(files[f"{site}/demo-1.0.dist-info/INSTALLER"]) == b"byoc\n"
    assert not [name for name in files if name.endswith((".pyc", ".jws", "direct_url.json", "REQUESTED"))]


def test_direct_url_is_recorded(tmp_path: Path) -> None:
    files = placed(EVERYTHING.read(tmp_path), direct_url=b'{"url": "file:///x"}')
    site = str(SCHEME.purelib)
    assert content(files[f"{site}/demo-1.0.dist-info/direct_url.json"]) == b'{"url": "file:///x"}'


def test_dates(tmp_path: Path) -> None:
    files = placed(EVERYTHING.read(tmp_path))
    assert files[f"{SCHEME.purelib}/demo/__init__.py"].mtime == 1709209802
    assert files["/opt/venv/bin/demo"].mtime == OLD


def test_a_part_that_no_scheme_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ByocError, match="nobody knows where") as caught:
        placed(Made("demo", files={"demo-1.0.data/stdlib/os.py": b""}).read(tmp_path))
    assert caught.value.id == "BYOC-E320"
