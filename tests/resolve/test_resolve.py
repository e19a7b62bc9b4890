"""What uv is made to decide, on an index of our own: what is added, kept, changed, refused, and why."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.inventory import Inventory
from byoc_kit.plan.delta import Delta, describe_delta
from byoc_kit.plan.wanted import Wanted
from byoc_kit.resolve.resolve import Here, Resolution
from resolve.conftest import distribution, inventory, prebuilt, resolver
from resolve.served import Index, project, sdist


def ask(
    index: Index, here: Here, *requirements: str, base: Inventory | None = None, **more: Iterable[str]
) -> Resolution:
    wanted = Wanted(requirements=requirements, index_url=index.url)
    wanted = replace(wanted, **{key: tuple(values) for key, values in more.items()})  # type: ignore[arg-type]
    return resolver(wanted, base or prebuilt(), here).answer()


def added(delta: Delta) -> dict[str, str]:
    return {each.name: each.version for each in delta.added}


def test_only_what_the_base_lacks_is_added(index: Index, here: Here) -> None:
    filename = index.add("tool", "1.0", ["typing-extensions>=4", "helper"])
    index.add("helper", "3")
    index.add("typing-extensions", "4.16.0")
    index.add("pandas", "3.0.0", ["numpy>=2"])
    found = ask(index, here, "tool", "pandas")
    assert added(found.delta) == {"tool": "1.0", "helper": "3"}
    assert [(each.name, each.version) for each in found.delta.present] == [("pandas", "2.1.0")]
    assert found.lock is not None
    tool = found.lock.wheels[1]
    assert (tool.name, tool.direct, tool.wanted_by) == ("tool", True, ("tool",))
    assert found.lock.wheels[0].wanted_by == ("tool",)
    assert tool.sha256 == index.sha256("tool", filename)
    assert tool.size == len(index.files["tool"][filename])


def test_a_local_version_of_the_base_counts_and_nothing_is_fetched(index: Index, here: Here) -> None:
    index.add("torch", "2.8.0")
    index.add("trainer", "2", ["torch>=2.8,<2.9"])
    found = ask(index, here, "trainer", "torch==2.8.0")
    assert added(found.delta) == {"trainer": "2"}
    assert [(each.name, each.version) for each in found.delta.present] == [("torch", "2.8.0+cu129")]
    assert not [line for line in index.seen if line.startswith("GET /files/torch")]


def test_an_older_release_that_fits_the_base_is_taken(index: Index, here: Here) -> None:
    index.add("model", "1", ["typing-extensions>=4"])
    index.add("model", "2", ["typing-extensions>=4.12"])
    index.add("model", "3", ["typing-extensions>=4.12"])
    index.add("typing-extensions", "4.16.0")
    wanted = Wanted(requirements=("model<3",), index_url=index.url)
    delta = resolver(wanted, prebuilt(), here).answer(compare=True).delta
    assert [(each.name, each.version, each.newest) for each in delta.added] == [("model", "1", "2")]
    assert "there is 2" in describe_delta(delta)


def test_a_requirement_that_would_replace_torch_is_refused(index: Index, here: Here) -> None:
    index.add("torch", "2.9.0")
    found = ask(index, here, "torch>=2.9")
    assert found.lock is None
    (refused,) = found.delta.refused
    assert (refused.name, refused.version, refused.wanted) == ("torch", "2.8.0+cu129", "torch>=2.9")
    assert refused.wanted_by == ("your requirement torch>=2.9",)
    assert any('allow-change = ["torch"]' in fix for fix in refused.fixes)
    assert any("choose a base that has torch>=2.9" in fix for fix in refused.fixes)
    assert "torch 2.8.0+cu129 -> torch>=2.9, asked for by your requirement" in describe_delta(found.delta)


def test_what_others_need_never_changes_the_base_and_the_way_out_is_told(index: Index, here: Here) -> None:
    index.add("model", "1", ["typing-extensions>=4"])
    index.add("model", "2", ["typing-extensions>=4.12"])
    index.add("typing-extensions", "4.16.0")
    (refused,) = ask(index, here, "model>=2").delta.refused
    assert (refused.name, refused.version, refused.wanted) == ("typing-extensions", "4.9.0", "4.16.0")
    assert refused.wanted_by == ("model",)
    assert refused.fixes[0] == "model==1 goes with this base: ask for that"
    assert 'requirements = ["typing-extensions==4.16.0"]' in refused.fixes[1]


def test_a_requirement_of_the_users_own_changes_what_is_not_protected(index: Index, here: Here) -> None:
    index.add("typing-extensions", "4.16.0")
    found = ask(index, here, "typing_extensions>=4.12")
    (changed,) = found.delta.changed
    assert (changed.name, changed.old, changed.version) == ("typing-extensions", "4.9.0", "4.16.0")
    assert changed.only_docker is None
    assert found.lock is not None
    assert found.lock.wheels[0].replaces == "4.9.0"


def test_one_that_the_base_satisfies_changes_only_if_nothing_else_is_possible(
    index: Index, here: Here
) -> None:
    index.add("typing-extensions", "4.16.0")
    index.add("model", "2", ["typing-extensions>=4.12"])
    assert not ask(index, here, "typing-extensions").delta.changed
    (changed,) = ask(index, here, "typing-extensions", "model").delta.changed
    assert changed.version == "4.16.0"


@pytest.mark.parametrize(
    ("requirement", "outcome"),
    [("numpy>=1.27", "changed"), ("numpy>=2", "refused"), ("numpy>=1.20", "there")],
)
def test_numpy_keeps_its_major_version(index: Index, here: Here, requirement: str, outcome: str) -> None:
    index.add("numpy", "1.27.0")
    index.add("numpy", "2.1.0")
    base = inventory(distribution("numpy", "1.26.4"))
    delta = ask(index, here, requirement, base=base).delta
    assert {
        "changed": [each.version for each in delta.changed] == ["1.27.0"],
        "refused": [each.name for each in delta.refused] == ["numpy"],
        "there": [each.version for each in delta.present] == ["1.26.4"],
    }[outcome]


def test_allow_change_lets_a_protected_one_change_and_says_which_engine_can(index: Index, here: Here) -> None:
    index.add("torch", "2.9.0", ["typing-extensions"])
    (changed,) = ask(index, here, "torch>=2.9", allow_change=["torch"]).delta.changed
    assert (changed.old, changed.version) == ("2.8.0+cu129", "2.9.0")
    assert changed.only_docker is not None


def test_what_stays_in_the_base_keeps_what_it_needs(index: Index, here: Here) -> None:
    """pandas of the base needs numpy<2, and nobody asked for pandas."""
    index.add("numpy", "1.27.0")
    index.add("numpy", "2.1.0")
    (changed,) = ask(index, here, "numpy>=1.27", allow_change=["numpy"]).delta.changed
    assert changed.version == "1.27.0"
    (refused,) = ask(index, here, "numpy>=2", allow_change=["numpy"]).delta.refused
    assert (refused.name, refused.version, refused.wanted) == ("numpy", "1.26.4", "2.1.0")
    assert refused.why == "pandas 2.1.0 of the base needs numpy<2"
    assert 'allow-change = ["pandas"]' in refused.fixes[1]


def test_what_may_change_comes_along(index: Index, here: Here) -> None:
    index.add("numpy", "2.1.0")
    index.add("pandas", "3.0.0", ["numpy>=2"])
    delta = ask(index, here, "numpy>=2", allow_change=["numpy", "pandas"]).delta
    assert [(each.name, each.version) for each in delta.changed] == [("numpy", "2.1.0"), ("pandas", "3.0.0")]


def test_what_is_broken_in_the_base_stands_in_nobodys_way(index: Index, here: Here) -> None:
    """Images made with --no-deps contradict themselves; that is not mended, and not held against anybody."""
    index.add("tool", "1", ["broken", "six"])
    index.add("six", "2")
    base = inventory(
        distribution("broken", "1", "six<1", "absent; extra == 'all'"), distribution("six", "1.16")
    )
    assert added(ask(index, here, "tool", base=base).delta) == {"tool": "1"}
    (changed,) = ask(index, here, "six>=2", base=base).delta.changed
    assert changed.version == "2"


def test_an_extra_of_what_the_base_has_adds_what_it_needs(index: Index, here: Here) -> None:
    base = inventory(distribution("tool", "1", "more>=2; extra == 'all'", extras=("all",)))
    index.add("more", "2")
    delta = ask(index, here, "tool[all]", base=base).delta
    assert added(delta) == {"more": "2"}
    assert [each.name for each in delta.present] == ["tool"]


def test_the_same_version_on_an_index_is_no_change(index: Index, here: Here) -> None:
    index.add("six", "1.16")
    index.add("typing-extensions", "4.16.0")
    index.add("model", "2", ["typing-extensions>=4.12"])
    base = inventory(distribution("six", "1.16"), distribution("typing-extensions", "4.9.0"))
    delta = ask(index, here, "six", "typing-extensions", "model", base=base).delta
    assert [each.name for each in delta.changed] == ["typing-extensions"]
    assert [each.name for each in delta.present] == ["six"]


def test_protect_adds_to_the_list(index: Index, here: Here) -> None:
    index.add("typing-extensions", "4.16.0")
    delta = ask(index, here, "typing-extensions>=4.12", protect=["Typing_Extensions"]).delta
    assert [each.name for each in delta.refused] == ["typing-extensions"]


@pytest.mark.parametrize(
    ("have", "reason"),
    [
        (distribution("thing", "1", installer="conda"), "conda"),
        (distribution("thing", "1", editable=True), "editable"),
        (distribution("thing", "1", files=None), "RECORD"),
    ],
)
def test_what_a_layer_cannot_replace_is_told(index: Index, here: Here, have: object, reason: str) -> None:
    index.add("thing", "2")
    (changed,) = ask(index, here, "thing>=2", base=inventory(have)).delta.changed  # type: ignore[arg-type]
    assert reason in (changed.only_docker or "")


def test_an_sdist_of_pure_python_becomes_a_wheel(index: Index, here: Here) -> None:
    source = sdist("inference", "1.10", requires="helper")
    index.put("inference", "inference-1.10.tar.gz", source)
    index.add("helper", "3")
    found = ask(index, here, "inference")
    assert added(found.delta) == {"inference": "1.10", "helper": "3"}
    assert found.lock is not None
    wheel = found.lock.wheels[1]
    assert wheel.built_from == PurePosixPath("inference-1.10.tar.gz")
    assert wheel.source_sha256 == index.sha256("inference", "inference-1.10.tar.gz")
    assert wheel.filename == "inference-1.10-py3-none-any.whl"
    assert wheel.url == f"http://{index.address}/files/inference/inference-1.10.tar.gz"


def test_an_sdist_with_compiled_parts_is_for_the_docker_engine(index: Index, here: Here) -> None:
    index.put("trainer", "trainer-5.tar.gz", sdist("trainer", "5", tag="cp311-cp311-linux_x86_64"))
    with pytest.raises(ByocError, match="compiled parts") as caught:
        ask(index, here, "trainer")
    assert caught.value.id == "BYOC-E906"
    assert "--engine docker" in caught.value.fix


def test_an_sdist_that_cannot_be_built_here_is_for_the_docker_engine(index: Index, here: Here) -> None:
    index.put("trainer", "trainer-5.tar.gz", sdist("trainer", "5", fails="yes"))
    with pytest.raises(ByocError) as caught:
        ask(index, here, "trainer")
    assert caught.value.id == "BYOC-E906"
    assert any("fails on purpose" in line for line in caught.value.details)


def write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def test_a_package_of_the_project_is_built_and_its_folder_stays_as_it_is(index: Index, here: Here) -> None:
    index.add("helper", "3")
    folder = here.root / "libs" / "own"
    write(folder, project("own", "0.1", requires="helper"))
    found = ask(index, here, packages=[PurePosixPath("libs/own")])  # type: ignore[list-item]
    assert added(found.delta) == {"own": "0.1", "helper": "3"}
    assert found.lock is not None
    own = found.lock.wheels[1]
    assert (own.built_from, own.direct, own.url) == (PurePosixPath("libs/own"), True, None)
    assert len(own.sha256) == 64
    assert sorted(path.name for path in folder.iterdir()) == ["backend.py", "made.txt", "pyproject.toml"]


def test_of_several_wheels_the_one_that_fits_best_is_locked(index: Index, here: Here) -> None:
    index.add("fast", "1")
    index.add("fast", "1", tag="cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64")
    index.add("fast", "1", tag="cp311-cp311-manylinux_2_28_x86_64")
    index.add("fast", "1", tag="cp311-cp311-manylinux_2_39_x86_64")
    index.add("fast", "1", tag="cp311-cp311-win_amd64")
    lock = ask(index, here, "fast").lock
    assert lock is not None
    assert [each.filename for each in lock.wheels] == ["fast-1-cp311-cp311-manylinux_2_28_x86_64.whl"]


@pytest.mark.parametrize(
    ("requirements", "id_", "told"),
    [
        (["nowhere"], "BYOC-E905", "your requirement is nowhere"),
        (["there>=9"], "BYOC-E905", "there"),
        (["there==1", "there==2"], "BYOC-E904", "there==1"),
        (["windows"], "BYOC-E906", "Python 3.11"),
    ],
)
def test_what_has_no_answer_is_told_in_the_users_words(
    index: Index, here: Here, requirements: list[str], id_: str, told: str
) -> None:
    index.add("there", "1")
    index.add("there", "2")
    index.add("windows", "1", tag="cp311-cp311-win_amd64")
    with pytest.raises(ByocError) as caught:
        ask(index, here, *requirements)
    assert caught.value.id == id_
    assert told in str(caught.value)


def test_a_repository_is_for_the_docker_engine(index: Index, here: Here) -> None:
    with pytest.raises(ByocError) as caught:
        ask(index, here, "tool @ git+https://index.example/tool.git")
    assert caught.value.id == "BYOC-E906"
    assert not index.seen


def test_what_uv_says_otherwise_is_told_as_it_is(index: Index, here: Here) -> None:
    odd = replace(here, environ={**here.environ, "UV_INDEX_STRATEGY": "nonsense"})
    with pytest.raises(ByocError, match="did not resolve") as caught:
        ask(index, odd, "tool")
    assert caught.value.id == "BYOC-E917"
    assert any("nonsense" in line for line in caught.value.details)


def test_what_was_locked_before_is_kept_and_upgraded_by_name(index: Index, here: Here) -> None:
    for name in ("one", "two"):
        index.add(name, "1")
    wanted = Wanted(requirements=("one", "two"), index_url=index.url)
    old = resolver(wanted, prebuilt(), here).answer().lock
    for name in ("one", "two"):
        index.add(name, "2")
    asked = resolver(wanted, prebuilt(), here)
    fresh = replace(asked.tools.uv, environ={**here.environ, "UV_CACHE_DIR": str(here.root / "uv")})
    asked = replace(asked, tools=replace(asked.tools, uv=fresh))
    assert added(asked.answer(keep=old).delta) == {"one": "1", "two": "1"}
    assert added(asked.answer(keep=old, upgrade=["two"]).delta) == {"one": "1", "two": "2"}
    assert added(asked.answer().delta) == {"one": "2", "two": "2"}


def test_a_version_that_nobody_can_read_disturbs_nobody(index: Index, here: Here) -> None:
    index.add("tool", "1")
    odd = distribution("odd", "1.0-debian-x", "not a requirement !!")
    worse = distribution("worse", "1.0", "not a requirement !!", requires_python="whatever")
    assert added(ask(index, here, "tool", base=inventory(odd, worse)).delta) == {"tool": "1"}


def test_a_prerelease_in_the_base_is_kept(index: Index, here: Here) -> None:
    index.add("tool", "1", ["lib>=2.0.dev0"])
    index.add("lib", "1.9")
    assert added(ask(index, here, "tool", base=inventory(distribution("lib", "2.0rc1"))).delta) == {
        "tool": "1"
    }


def test_markers_are_those_of_the_image(index: Index, here: Here) -> None:
    index.add("tool", "1", ["mac; sys_platform == 'darwin'", "old; python_version < '3.11'"])
    assert added(ask(index, here, "tool", "nothing ; python_version < '3'").delta) == {"tool": "1"}
