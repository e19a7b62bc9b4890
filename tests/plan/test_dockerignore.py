"""Which files .dockerignore leaves out: as Docker reads it, not as Git would."""

from pathlib import PurePosixPath

import pytest

from byoc_kit.plan.dockerignore import Ignore

RULES = """
# a comment
data
*.csv
**/*.log
!keep.csv
sub/*
!sub/wanted
/rooted/
"""


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("data/a", True),
        ("src/data/a", False),  # Git would leave it out: a name without slash is anchored here
        ("a.csv", True),
        ("src/a.csv", False),
        ("keep.csv", False),
        ("a.log", True),
        ("deep/er/a.log", True),
        ("sub/other", True),
        ("sub/wanted", False),
        ("rooted/a", True),
        ("src/train.py", False),
    ],
)
def test_rules_of_docker(path: str, left_out: bool) -> None:
    assert Ignore(RULES).leaves_out(PurePosixPath(path)) is left_out


def test_everything_but() -> None:
    ignore = Ignore("*\n!src\n")
    assert ignore.leaves_out(PurePosixPath("data/x"))
    assert not ignore.leaves_out(PurePosixPath("src/deep/train.py"))


@pytest.mark.parametrize("path", ["src/__pycache__/a.pyc", ".git/HEAD", "x/.venv/bin/python", ".byoc/runs/x"])
def test_rubbish_is_always_left_out(path: str) -> None:
    assert Ignore().leaves_out(PurePosixPath(path))
    assert not Ignore("!**/*\n!.byoc\n!.git\n").leaves_out(PurePosixPath(path))
