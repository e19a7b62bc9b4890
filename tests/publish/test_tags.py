"""Which tags an image gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc_kit.plan.tags import Source, content_tag, is_computed, is_release, plan_tags
from byoc_kit.spec.tag_templates import framework_of

CLEAN = Source(commit="0123456789abcdef0123456789abcdef01234567", day="20261121")
DIRTY = Source(commit=CLEAN.commit, day=CLEAN.day, dirty=True)
NO_GIT = Source()


def tags(
    version: str | None, *existing: str, source: Source = NO_GIT, further: tuple[str, ...] = ()
) -> list[str]:
    return [
        tag.name for tag in plan_tags(version=version, source=source, existing=existing, further=further)[0]
    ]


def withheld(version: str | None, *existing: str, source: Source = NO_GIT) -> dict[str, str]:
    found = plan_tags(version=version, source=source, existing=existing)[1]
    return {each.name: each.why for each in found}


def test_the_content_tag_has_sixteen_digits() -> None:
    assert content_tag("0123456789abcdef0123") == "c-0123456789abcdef"
    assert content_tag("sha256:fedcba98765432100000") == "c-fedcba9876543210"


def test_commit_and_day() -> None:
    assert tags(None, source=CLEAN) == ["g-0123456789ab", "d-20261121"]
    assert tags(None, source=DIRTY) == ["g-0123456789ab-dirty", "d-20261121"]
    assert tags(None) == []


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.4.2", ["1.4.2", "1.4", "1", "latest"]),
        ("2024.10", ["2024.10", "2024", "latest"]),
        ("3", ["3", "latest"]),
    ],
)
def test_the_first_release_leads_every_line(version: str, expected: list[str]) -> None:
    assert tags(version) == expected


@pytest.mark.parametrize(
    ("version", "existing", "expected"),
    [
        ("1.4.3", ["1.4.2", "1.4", "1", "latest"], ["1.4.3", "1.4", "1", "latest"]),
        ("1.4.2", ["1.4.2", "1.4", "1", "latest"], ["1.4.2", "1.4", "1", "latest"]),
        ("1.3.9", ["1.4.2", "1.4", "1", "latest"], ["1.3.9", "1.3"]),
        ("1.4.1", ["1.4.2", "1.4", "1", "latest"], ["1.4.1"]),
        ("1.10.0", ["1.9.0"], ["1.10.0", "1.10", "1", "latest"]),
        ("2.0.0", ["10.0.0"], ["2.0.0", "2.0", "2"]),
        ("1.0.0", ["2.0.0rc1", "g-0123456789ab", "d-20261121", "prod"], ["1.0.0", "1.0", "1", "latest"]),
        ("1.0.0", ["v2.0.0"], ["1.0.0", "1.0", "1"]),
    ],
)
def test_only_the_newest_release_of_a_line_leads_it(
    version: str, existing: list[str], expected: list[str]
) -> None:
    assert tags(version, *existing) == expected


def test_what_is_withheld_says_why() -> None:
    assert withheld("1.3.9", "1.4.2") == {"1": "1.4.2 is newer", "latest": "1.4.2 is newer"}


@pytest.mark.parametrize(
    "version", ["1.4.2rc1", "1.4.2.dev3", "1.4.2.post1", "1.4.2+local", "1!1.4", "nightly"]
)
def test_only_final_releases_make_release_tags(version: str) -> None:
    assert tags(version) == []
    assert withheld(version) == {version: "[image] version is not a final release (PEP 440)"}


def test_a_dirty_tree_never_makes_release_tags() -> None:
    assert tags("1.4.2", source=DIRTY) == ["g-0123456789ab-dirty", "d-20261121"]
    assert withheld("1.4.2", source=DIRTY) == {"1.4.2": "the git tree has uncommitted changes"}


def test_only_versions_and_further_tags_are_fixed() -> None:
    found, _ = plan_tags(version="1.4", source=CLEAN, existing=(), further=("prod",))
    assert {tag.name for tag in found if tag.fixed} == {"1.4", "prod"}


numbers = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


@given(st.lists(numbers, min_size=1, max_size=8, unique=True))
def test_whatever_the_order_latest_ends_on_the_newest(versions: list[str]) -> None:
    """Publishing in any order moves every line only to newer releases."""
    held: dict[str, str] = {}
    for version in versions:
        for tag in tags(version, *held):
            held[tag] = version
    newest = max(versions, key=lambda version: tuple(map(int, version.split("."))))
    leader = tuple(map(int, held["latest"].split(".")))
    assert _padded(leader) == _padded(tuple(map(int, newest.split("."))))


def _padded(parts: tuple[int, ...]) -> tuple[int, ...]:
    return (*parts, *[0] * (4 - len(parts)))


VALUES: dict[str, str | None] = {
    "name": "churn",
    "framework": "pytorch",
    "content": "ab" * 8,
    "arch": "amd64",
}


@pytest.mark.parametrize(
    ("template", "source", "expected"),
    [
        ("prod", CLEAN, ["prod"]),
        ("{version}-{framework}", CLEAN, ["1.4.2-pytorch"]),
        ("{name}-{arch}-{content}", CLEAN, ["churn-amd64-abababababababab"]),
        ("{date}.{commit}", CLEAN, ["20261121.0123456789ab"]),
        ("x-{commit}", DIRTY, ["x-0123456789ab-dirty"]),
        ("{version}-{framework}", DIRTY, []),
        ("x-{commit}", NO_GIT, []),
        ("{style}", CLEAN, []),
    ],
)
def test_templates(template: str, source: Source, expected: list[str]) -> None:
    put, left = plan_tags(version="1.4.2", source=source, existing=(), further=(template,), values=VALUES)
    assert [tag.name for tag in put if tag.why == "[publish] tags"] == expected
    assert bool(expected) != any(each.name in {template, "1.4.2-pytorch"} for each in left)


def test_what_must_not_move_comes_first() -> None:
    put, _ = plan_tags(version="1.4.2", source=CLEAN, existing=(), further=("prod",))
    assert [tag.fixed for tag in put] == [True, True, False, False, False, False, False]


@pytest.mark.parametrize(
    ("base", "framework"),
    [
        ("dlc:pytorch-training:2.8-gpu", "pytorch"),
        ("public.example/sagemaker-scikit-learn@sha256:00", "scikit-learn"),
        ("docker:byoc/python:3.12", "python"),
        ("a.example:5000/team/huggingface-pytorch-inference:2.6", "huggingface-pytorch"),
        ("oci:base", None),
        ("archive:base.tar", None),
    ],
)
def test_the_framework_is_the_name_of_the_base(base: str, framework: str | None) -> None:
    assert framework_of(base) == framework


@pytest.mark.parametrize(
    ("tag", "release", "computed"),
    [
        ("1.4.2", True, False),
        ("1.4", False, False),
        ("latest", False, False),
        ("c-abababababababab", False, True),
        ("g-0123456789ab-dirty", False, True),
        ("d-20261121", False, True),
        ("d-day", False, False),
    ],
)
def test_tags_that_nobody_moves_by_hand(tag: str, release: bool, computed: bool) -> None:
    assert (is_release(tag), is_computed(tag)) == (release, computed)
