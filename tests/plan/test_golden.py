"""The Dockerfiles that users get, one file per style and server: a change to them is seen in review.

Written anew by ``GOLDEN_UPDATE=1 pytest tests/plan/test_golden.py``.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from byoc_kit.inventory import Interpreter
from byoc_kit.plan.build import plan_build
from byoc_kit.plan.render import render
from plan.examples import GOLDEN, SERVERS, STYLES, TREE, base_of, spec_of, templates

ROOT = GOLDEN.parents[1]

MORE = """
[system]
packages = ["libgomp1"]

[files]
"/usr/local/bin/tool" = "bin/tool"

[env]
GREETING = "two words, $5 and a \\"quote\\""

[labels]
team = "churn"
"""


def dockerfile(style: str, server: str) -> str:
    return render(plan_build(spec_of(style, server, MORE), base_of(), TREE), templates()).dockerfile


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("server", SERVERS)
def test_dockerfile_is_as_reviewed(style: str, server: str) -> None:
    golden = GOLDEN / f"{style}-{server}.Dockerfile"
    rendered = dockerfile(style, server)
    if os.environ.get("GOLDEN_UPDATE") == "1":
        golden.write_text(rendered, encoding="utf-8")
    assert rendered == golden.read_text(encoding="utf-8")


def test_there_is_no_golden_file_too_many() -> None:
    expected = {f"{style}-{server}.Dockerfile" for style in STYLES for server in SERVERS}
    assert {path.name for path in GOLDEN.iterdir()} == expected


def lint(*files: Path) -> str:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [hadolint, "--config", ROOT / ".hadolint.yaml", "--no-color", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_hadolint_has_nothing_to_say() -> None:
    assert lint(*sorted(GOLDEN.iterdir())) == ""


def test_hadolint_would_say_something(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM debian\nRUN apt-get install x\n")
    assert "DL3008" in lint(bad)


VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "dnf": ("", {"package_manager": "dnf"}),
    "microdnf": ("", {"package_manager": "microdnf"}),
    "apk": ("", {"package_manager": "apk"}),
    "no pip": ("", {"python": Interpreter(executable="/usr/bin/python3", version=(3, 11, 2))}),
    "no cache, user secrets, bytecode": (
        '[build]\ncache = false\nbytecode = "all"\nsecrets = { token = "env:TOKEN" }',
        {},
    ),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_other_bases_and_options_pass_hadolint_too(name: str, tmp_path: Path) -> None:
    more, base = VARIANTS[name]
    made = plan_build(spec_of("script-mode-1", "mms", MORE + more), base_of(**base), TREE)
    path = tmp_path / "Dockerfile"
    path.write_text(render(made, templates()).dockerfile)
    assert lint(path) == ""
