"""The pure parts: which wheels fit, what is protected, what an environment needs, files of other tools."""

import platform
import sys
from dataclasses import replace

import pytest
from packaging.requirements import Requirement
from packaging.tags import sys_tags

from byoc_kit.errors import UsageError
from byoc_kit.inventory import Distribution, Libc
from byoc_kit.oci.config import Platform
from byoc_kit.plan.delta import Delta, delta_json, describe_delta
from byoc_kit.plan.environment import Environment, Installed, needs_of
from byoc_kit.plan.protect import decide, distributions_of, is_protected
from byoc_kit.plan.protected import PROTECTED
from byoc_kit.plan.target import Target
from byoc_kit.plan.wanted import Wanted
from byoc_kit.resolve.base import base_of
from byoc_kit.spec.asked import asked_in, is_known
from resolve.conftest import distribution, inventory

TARGET = Target(
    version=(3, 11, 2), abi="cp311", platform=Platform(), libc=Libc(name="glibc", version=(2, 36))
)


def target(architecture: str, name: str, *version: int) -> Target:
    libc = Libc(name=name, version=version)  # type: ignore[arg-type]
    return Target(version=(3, 12, None), abi="cp312", platform=Platform("linux", architecture), libc=libc)


@pytest.mark.parametrize(
    ("each", "uv"),
    [
        (TARGET, "x86_64-manylinux_2_36"),
        (target("amd64", "glibc", 2, 41), "x86_64-manylinux_2_40"),
        (target("amd64", "glibc", 2, 29), "x86_64-manylinux_2_28"),
        (target("amd64", "glibc", 2, 12), "x86_64-manylinux_2_17"),
        (target("arm64", "glibc", 2, 34), "aarch64-manylinux_2_34"),
        (target("arm64", "musl", 1, 2), "aarch64-unknown-linux-musl"),
    ],
)
def test_uv_is_told_a_platform_that_it_knows_and_that_the_base_has(each: Target, uv: str) -> None:
    assert each.uv_platform == uv


@pytest.mark.parametrize(
    ("each", "fits", "does_not"),
    [
        (TARGET, "cp311-cp311-manylinux2014_x86_64", "cp311-cp311-manylinux_2_37_x86_64"),
        (TARGET, "cp38-abi3-manylinux_2_17_x86_64", "cp312-abi3-manylinux_2_17_x86_64"),
        (TARGET, "py3-none-any", "cp311-cp311-musllinux_1_2_x86_64"),
        (TARGET, "py2.py3-none-any".replace("py2.", ""), "py2-none-any"),
        (target("arm64", "glibc", 2, 34), "cp312-cp312-manylinux_2_17_aarch64", "cp312-cp312-linux_x86_64"),
        (target("amd64", "musl", 1, 2), "cp312-cp312-musllinux_1_1_x86_64", "cp312-none-manylinux1_x86_64"),
    ],
)
def test_which_tags_fit(each: Target, fits: str, does_not: str) -> None:
    ranks = each.ranks()
    assert fits in ranks
    assert does_not not in ranks


def test_newer_platforms_rank_before_older_ones_and_those_before_any() -> None:
    ranks = TARGET.ranks()
    names = ["cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux2014_x86_64", "py3-none-any"]
    assert sorted(names, key=ranks.__getitem__) == names


def test_the_tags_are_those_of_packaging_on_this_machine() -> None:
    """Where this interpreter is one of Linux with glibc, both lists have the same order."""
    name, version = platform.libc_ver()
    if sys.platform != "linux" or name != "glibc":
        pytest.skip("not glibc")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    libc = Libc(name="glibc", version=tuple(map(int, version.split(".")[:2])))  # type: ignore[arg-type]
    here = Target(
        version=(*sys.version_info[:2], None),
        abi=f"cp{sys.version_info[0]}{sys.version_info[1]}",
        platform=Platform("linux", machine),
        libc=libc,
    )
    ours, theirs = list(here.ranks()), [str(tag) for tag in sys_tags()]
    assert set(ours) == set(theirs)
    bare = f"-linux_{platform.machine()}"  # which versions of packaging put in different places
    assert [tag for tag in ours if not tag.endswith(bare)] == [
        tag for tag in theirs if not tag.endswith(bare)
    ]


@pytest.mark.parametrize(
    "name",
    [
        "torch",
        "nvidia-cublas-cu12",
        "triton",
        "flash-attn",
        "sagemaker-training",
        "sagemaker-pytorch-training",
        "transformer-engine-cu12",
        "numpy",
        "tensorflow-cpu",
    ],
)
def test_protected(name: str) -> None:
    assert is_protected(name)


@pytest.mark.parametrize("name", ["transformers", "pandas", "torchmetrics", "sagemaker", "boto3", "nvidia"])
def test_not_protected(name: str) -> None:
    assert not is_protected(name)


def test_the_list_has_normal_names() -> None:
    assert all(name == name.lower().replace("_", "-") for name in PROTECTED)


def test_the_first_on_the_path_is_what_is_imported() -> None:
    seen = inventory(distribution("tool", "1"))
    (python,) = seen.pythons or ()
    elsewhere = distribution("tool", "2", location="/opt/other", python="/opt/other/bin/python")
    found = distributions_of(python, [elsewhere, *(seen.distributions or ())])
    assert {name: each.version for name, each in found.items()} == {"pip": "24.0", "tool": "1"}


def test_what_stays_what_may_change_and_what_is_refused() -> None:
    base = {
        each.name: each
        for each in (
            distribution("torch", "2.8.0+cu129"),
            distribution("pandas", "2.1.0"),
            distribution("six", "1.16"),
            distribution("idna", "3"),
        )
    }
    asked = [Requirement(text) for text in ("torch>=2.9", "pandas>=3", "six>=1", "new")]
    rule = decide(asked, base)
    assert dict(rule.pins) == {"torch": "2.8.0+cu129", "six": "1.16", "idna": "3"}
    assert (set(rule.free), set(rule.changing)) == ({"six"}, {"pandas"})
    assert [(str(each), version) for each, version in rule.refused] == [("torch>=2.9", "2.8.0+cu129")]
    allowed = decide(asked, base, allow_change=["Torch", "idna"])
    assert (set(allowed.free), set(allowed.changing)) == ({"idna", "six"}, {"pandas", "torch"})
    assert allowed.refused == ()


def installed(name: str, version: str = "1", *requires: str, **more: object) -> Installed:
    return Installed(name=name, version=version, requires=requires, **more)  # type: ignore[arg-type]


def compare(*found: Installed, base: tuple[Distribution, ...] = ()) -> dict[str, object]:
    markers = {**TARGET.markers(), "sys_platform": "darwin"}
    environment = Environment(executable="python", python="3.11.4", markers=markers, distributions=found)
    needs = needs_of(environment, {each.name: each for each in base}, TARGET)
    return {
        "missing": [each.name for each in needs.missing],
        "other": [(each.name, there) for each, there in needs.other],
        "same": [(each.name, there) for each, there in needs.same],
        "left_out": list(needs.left_out),
    }


def test_tools_count_only_where_something_else_needs_them() -> None:
    found = compare(
        installed("pip"),
        installed("ipykernel", "6", "traitlets"),
        installed("traitlets"),
        installed("setuptools", "80"),
        installed("app", "1", "setuptools", "lib"),
        installed("lib"),
    )
    assert found == {
        "missing": ["app", "lib", "setuptools"],
        "other": [],
        "same": [],
        "left_out": ["ipykernel", "pip"],
    }


def test_what_this_machine_needs_and_the_image_does_not_is_left_out() -> None:
    found = compare(
        installed(
            "app", "1", "appnope; sys_platform == 'darwin'", "lib; extra == 'all'", "app; extra == 'x'"
        ),
        installed("appnope"),
        installed("lib"),
    )
    assert found["missing"] == ["app", "lib"]


def test_local_parts_of_versions_do_not_count_and_other_versions_are_told() -> None:
    base = (distribution("torch", "2.8.0+cu129"), distribution("numpy", "1.26.4"))
    found = compare(installed("torch", "2.8.0+cpu"), installed("numpy", "2.1.0"), base=base)
    assert (found["same"], found["other"], found["missing"]) == (
        [("torch", "2.8.0+cu129")],
        [("numpy", "1.26.4")],
        [],
    )


PROJECT = '[project]\nname = "x"\ndependencies = ["pandas>=2", "numpy ; python_version > \'3\'"]\n'
PYLOCK = """\
lock-version = "1.0"
created-by = "x"
[[packages]]
name = "pandas"
version = "2.1"
[[packages]]
name = "colorama"
version = "1"
marker = "sys_platform == 'win32'"
[[packages]]
name = "direct"
archive = { url = "https://index.example/direct-1-py3-none-any.whl", hashes = { sha256 = "00" } }
[[packages]]
name = "extra"
version = "1"
marker = "'all' in extras"
"""
UV = """\
version = 1
[[package]]
name = "app"
version = "0.1"
source = { editable = "." }
dependencies = [
    { name = "pandas", extra = ["parquet"] },
    { name = "colorama", marker = "sys_platform == 'win32'" },
]
[[package]]
name = "pandas"
version = "2.1"
source = { registry = "https://index.example/simple" }
[[package]]
name = "numpy"
version = "1.26"
source = { registry = "https://index.example/simple" }
[[package]]
name = "numpy"
version = "2.1"
source = { registry = "https://index.example/simple" }
"""


def test_files_of_other_tools() -> None:
    assert asked_in("pyproject.toml", PROJECT).requirements == ("pandas>=2", 'numpy; python_version > "3"')
    pandas, colorama, direct = asked_in("pylock.toml", PYLOCK).requirements
    assert (pandas, colorama) == ("pandas==2.1", 'colorama==1; sys_platform == "win32"')
    assert direct.replace(" ", "") == "direct@https://index.example/direct-1-py3-none-any.whl"
    found = asked_in("uv.lock", UV)
    assert found.requirements == ("pandas[parquet]", 'colorama; sys_platform == "win32"')
    assert found.constraints == ("pandas==2.1",)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "x ="),
        ("pyproject.toml", "[tool.x]"),
        ("uv.lock", "a = 1"),
        ("pylock.toml", "packages = 1"),
        ("pyproject.toml", '[project]\ndependencies = ["not a requirement !"]'),
    ],
)
def test_a_file_that_says_nothing_is_refused(name: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        asked_in(name, text)
    assert caught.value.id == "BYOC-E915"


def test_which_files_are_known() -> None:
    assert all(map(is_known, ("pyproject.toml", "uv.lock", "pylock.toml", "pylock.gpu.toml")))
    assert not any(map(is_known, ("requirements.txt", "pylock.a.b.toml", "my-uv.lock")))


def test_asking_the_same_in_other_words_is_asking_the_same() -> None:
    one = Wanted(requirements=("Pandas >=2,<3", "my_tool[b,a]"), runtime=("uvicorn",), protect=("A_b",))
    two = Wanted(requirements=("my-tool[a,b]", "pandas<3,>=2", "uvicorn"), protect=("a-B",))
    assert (one.asked, one.options()) == (two.asked, two.options())


def test_a_base_without_python_or_libc_is_told() -> None:
    for seen in (replace(inventory(), pythons=()), replace(inventory(), libc=None)):
        with pytest.raises(UsageError) as caught:
            base_of(seen)
        assert caught.value.id == "BYOC-E913"


def test_an_empty_delta_says_so() -> None:
    assert describe_delta(Delta()) == "nothing is missing"
    assert delta_json(Delta())["download"] == 0
