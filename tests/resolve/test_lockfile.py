"""The text of a lock: a valid file of PEP 751, the same bytes for the same lock, nothing secret in it."""

import tomllib
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.oci.config import Platform
from byoc_kit.spec.freshness import changed_keys
from byoc_kit.spec.lock import Lock, LockedBase, LockedWheel
from byoc_kit.spec.lockfile import lock_name, read_lock, without_user, write_lock

BASE = LockedBase(
    reference="index.example/base:1",
    digest="sha256:" + 64 * "1",
    image_id=None,
    platform=Platform(),
    python="3.11",
    executable="/usr/bin/python3",
    libc="glibc 2.36",
)
PUBLISHED = LockedWheel(
    name="tool",
    version="1.0",
    filename="tool-1.0-py3-none-any.whl",
    sha256=64 * "a",
    size=1234,
    url="https://index.example/tool-1.0-py3-none-any.whl",
    direct=True,
    replaces="0.9",
    wanted_by=("tool>=1",),
)
BUILT = LockedWheel(
    name="inference",
    version="2",
    filename="inference-2-py3-none-any.whl",
    sha256=64 * "b",
    url="https://index.example/inference-2.tar.gz",
    built_from=PurePosixPath("inference-2.tar.gz"),
    source_sha256=64 * "c",
)
LOCAL = LockedWheel(
    name="own",
    version="0.1",
    filename="own-0.1-py3-none-any.whl",
    sha256="",
    built_from=PurePosixPath("libs/own"),
    direct=True,
)
LOCK = Lock(
    base=BASE,
    requirements=("pandas", "tool>=1"),
    options={"allow-change": "numpy"},
    wheels=(BUILT, LOCAL, PUBLISHED),
    present={"pandas": "2.1.0"},
)


def test_what_is_written_is_read() -> None:
    assert read_lock(write_lock(LOCK), name="x") == LOCK


def test_a_lock_without_wheels_is_one_too() -> None:
    empty = Lock(base=BASE, requirements=())
    assert read_lock(write_lock(empty), name="x") == empty


def test_it_is_a_valid_lock_of_pep_751() -> None:
    pylock = pytest.importorskip("packaging.pylock")
    for lock in (LOCK, Lock(base=BASE, requirements=())):
        pylock.Pylock.from_dict(tomllib.loads(write_lock(lock))).validate()
    assert pylock.is_valid_pylock_path(PurePosixPath(lock_name("byoc.toml")))
    assert pylock.is_valid_pylock_path(PurePosixPath(lock_name("byoc-inference.toml")))


def test_the_same_lock_gives_the_same_bytes_in_whatever_order_it_was_made() -> None:
    other = replace(
        LOCK, wheels=tuple(reversed(LOCK.wheels)), options=dict(reversed([*LOCK.options.items()]))
    )
    assert write_lock(other) == write_lock(LOCK)


def test_code_of_the_project_is_not_in_the_lock_but_its_name_is() -> None:
    assert write_lock(replace(LOCK, wheels=(replace(LOCAL, sha256=64 * "d", size=9),))) == write_lock(
        replace(LOCK, wheels=(LOCAL,))
    )


def test_user_info_is_never_written() -> None:
    secret = replace(PUBLISHED, url="https://me:hunter2@index.example/tool-1.0-py3-none-any.whl")
    text = write_lock(replace(LOCK, wheels=(secret,)))
    assert "hunter2" not in text
    assert "me:" not in text
    assert read_lock(text, name="x").wheels[0].url == PUBLISHED.url
    assert without_user("https://u@h:1/p") == "https://h:1/p"


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        ("byoc.toml", "pylock.byoc.toml"),
        ("inference.toml", "pylock.byoc-inference.toml"),
        ("byoc-inference.toml", "pylock.byoc-inference.toml"),
        ("byoc.gpu.toml", "pylock.byoc-gpu.toml"),
    ],
)
def test_two_specs_in_a_folder_have_two_locks(name: str, lock: str) -> None:
    assert lock_name(name) == lock


@pytest.mark.parametrize(
    "text",
    [
        "nonsense =",
        "",
        'lock-version = "1.0"\ncreated-by = "uv"\npackages = []',
        write_lock(LOCK).replace('lock-version = "1.0"', 'lock-version = "2.0"'),
        write_lock(LOCK).replace("format = 1", "format = 2"),
        write_lock(LOCK).replace("python = ", "snake = "),
        write_lock(LOCK).replace('name = "tool-1.0-py3-none-any.whl"', 'name = "../../etc/passwd"'),
        write_lock(LOCK).replace("inference-2-py3-none-any.whl", "/etc/passwd"),
        write_lock(LOCK).replace('platform = "linux/amd64"', 'platform = "linux"'),
        write_lock(LOCK).replace("wheels = [{", "wheels = [[{").replace("}}]", "}}]]"),
    ],
)
def test_what_cannot_be_trusted_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_lock(text, name="pylock.byoc.toml")
    assert caught.value.id == "BYOC-E900"


def changed(lock: Lock) -> tuple[str, ...]:
    return changed_keys(LOCK, base=lock.base, requirements=lock.requirements, options=lock.options)


def test_a_lock_is_fresh_while_nothing_changes() -> None:
    assert changed(LOCK) == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reference": "other:2"}, "[image] base: index.example/base:1, now other:2"),
        ({"digest": "sha256:" + 64 * "2"}, "[image] base: index.example/base:1 was sha256:1111"),
        ({"platform": Platform("linux", "arm64")}, "[image] platform: linux/amd64, now linux/arm64"),
        ({"python": "3.12"}, "Python of the base: 3.11, now 3.12"),
        ({"libc": "glibc 2.28"}, "libc of the base: glibc 2.36, now glibc 2.28"),
        ({"executable": "/opt/venv/bin/python"}, "interpreter of the base: /usr/bin/python3, now /opt"),
    ],
)
def test_what_changed_of_the_base_is_named(changes: dict[str, object], told: str) -> None:
    new = replace(BASE, **changes)  # type: ignore[arg-type]
    (line,) = changed_keys(LOCK, base=new, requirements=LOCK.requirements, options=LOCK.options)
    assert line.startswith(told)


def test_the_engines_id_counts_only_where_no_digest_is_known() -> None:
    assert changed(replace(LOCK, base=replace(BASE, digest=None, image_id="sha256:9"))) == ()
    here = replace(LOCK, base=replace(BASE, digest=None, image_id="sha256:8"))
    new = replace(BASE, digest=None, image_id="sha256:9")
    (line,) = changed_keys(here, base=new, requirements=LOCK.requirements, options=LOCK.options)
    assert "was the image sha256:8, now sha256:9" in line


def test_changed_requirements_and_options_are_named() -> None:
    other = replace(LOCK, requirements=("pandas", "tool>=2"), options={"protect": "x"})
    assert changed(other) == (
        "[python] requirements: tool>=2 is new",
        "[python] requirements: tool>=1 is gone",
        "[python] allow-change: numpy, now nothing",
        "[python] protect: nothing, now x",
    )
