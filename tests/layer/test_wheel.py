"""What a wheel may not hold, although its digest is the one that was locked."""

import zipfile
from pathlib import Path

import pytest

from byoc_kit.engines.layer.entries import OLD
from byoc_kit.engines.layer.wheel import Script, read_wheel
from byoc_kit.errors import ByocError
from layer.wheels import Made


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "demo/../../evil.py",
        "/etc/passwd",
        "demo\\evil.py",
        "demo//evil.py",
        "demo/./evil.py",
        "demo/.wh.other.py",
        ".wh..wh..opq",
        ".wh.demo/evil.py",
        "demo/__init__.py/evil.py",
        "demo-1.0.data/data/../../../evil",
    ],
)
def test_unsafe_names_are_refused(tmp_path: Path, name: str) -> None:
    wheel = Made("demo", files={"demo/__init__.py": b""}, extra=((name, b"evil"),))
    with pytest.raises(ByocError, match="refused") as caught:
        wheel.read(tmp_path)
    assert caught.value.id == "BYOC-E321"


def test_a_name_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = Made("demo", files={"demo.py": b"1"}, extra=(("demo.py", b"2"),)).write(tmp_path)
    with pytest.raises(ByocError, match="refused") as caught:
        read_wheel(path, filename=path.name, sha256="0" * 64)
    assert "twice" in caught.value.why


def test_a_script_cannot_leave_its_folder(tmp_path: Path) -> None:
    with pytest.raises(ByocError, match="refused"):
        Made("demo", files={"demo.py": b""}, scripts="../../evil = demo:main").read(tmp_path)


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({}, "0 .dist-info folders"),
        (
            {"demo-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\n", "x-1.dist-info/WHEEL": ""},
            "2 .dist-info folders",
        ),
        ({"other-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\n"}, "metadata is that of other-1.0"),
        ({"demo-1.0.dist-info/WHEEL": "Wheel-Version: 2.0\n"}, "Wheel-Version 2.0"),
        ({"demo-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\n"}, "RECORD"),
    ],
)
def test_what_is_no_wheel_says_why(tmp_path: Path, members: dict[str, str], why: str) -> None:
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    with pytest.raises(ByocError) as caught:
        read_wheel(path, filename=path.name, sha256="0" * 64)
    assert caught.value.id == "BYOC-E320"
    assert why in caught.value.why


def test_half_a_wheel_is_refused(tmp_path: Path) -> None:
    path = Made("demo", files={"demo.py": b"x" * 1000}).write(tmp_path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ByocError) as caught:
        read_wheel(path, filename=path.name, sha256="0" * 64)
    assert caught.value.id == "BYOC-E320"


def test_a_cached_wheel_may_have_another_file_name(tmp_path: Path) -> None:
    made = Made("Demo_Kit", "2.0", {"demo.py": b"1"}, scripts="demo = demo:main\ndemo2 = demo:other.main")
    path = made.write(tmp_path).rename(tmp_path / "ab12")
    wheel = read_wheel(path, filename=made.filename, sha256="0" * 64)
    assert (wheel.name, wheel.version, wheel.purelib) == ("demo-kit", "2.0", True)
    assert wheel.scripts == (Script("demo", "demo", "main"), Script("demo2", "demo", "other.main"))


def test_dates_are_those_of_the_zip_taken_as_utc(tmp_path: Path) -> None:
    assert {member.mtime for member in Made("demo", files={"a.py": b""}).read(tmp_path).members} == {
        1709209802
    }


def test_a_date_that_no_calendar_has_is_the_fixed_one(tmp_path: Path) -> None:
    path = Made("demo", files={"a.py": b""}).write(tmp_path)
    damaged = path.read_bytes()
    begin = damaged.index(b"PK\x01\x02")
    path.write_bytes(damaged[: begin + 12] + b"\0\0\0\0" + damaged[begin + 16 :])
    wheel = read_wheel(path, filename=path.name, sha256="0" * 64)
    assert wheel.members[0].mtime == OLD
