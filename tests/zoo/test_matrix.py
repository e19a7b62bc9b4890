"""Images of the four styles, by both engines and with both servers, keep every MUST of their targets.

What only warns is told, with its reason, in docs/styles.md. ``MATRIX=everything`` (make verify-all) tries all
combinations with all targets; else some of them are tried, each with the jobs of one target.
"""

import itertools
import json
import os
import re
from pathlib import Path

import pytest

from rig.projects import Command, Project, edit, image

EVERYTHING = os.environ.get("MATRIX") == "everything"
STYLES = ("basic", "script-mode-1", "script-mode-2", "framework")
SOME = (
    ("basic", "asgi", "layer", "training"),
    ("basic", "mms", "docker", "hosting"),
    ("script-mode-1", "asgi", "docker", "hosting"),
    ("script-mode-1", "mms", "layer", "hosting"),
    ("script-mode-2", "asgi", "docker", "hosting"),
    ("framework", "asgi", "docker", "training"),
)
ALL = tuple(
    (*each, "training,hosting,batch")
    for each in itertools.product(STYLES, ("asgi", "mms"), ("docker", "layer"))
)
TOLD = Path(__file__).parents[2] / "docs" / "styles.md"


@pytest.mark.engine
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("style", "server", "engine_name", "targets"), ALL if EVERYTHING else SOME)
def test_no_must_fails_and_what_warns_is_told(
    project: Project, byoc: Command, style: str, server: str, engine_name: str, targets: str
) -> None:
    path = project(style, server)
    if engine_name == "layer":
        byoc(
            "build", cwd=path
        )  # another test may have cleaned its own copy of the project, and the image with it
        edit(path / "byoc.toml", {"image": {"base": image(path), "entrypoint": "replace"}})
        byoc("lock", cwd=path)
        byoc("build", "--engine", "layer", "--output", "docker", cwd=path)
    if "training" not in targets:
        byoc("run", "train", cwd=path)  # without a model an endpoint is not judged
    done = byoc("verify", "--json", "--target", targets, cwd=path, check=False, timeout=1100)
    assert done.returncode in {0, 3}, done.stderr
    found = {each["id"]: each for each in json.loads(done.stdout)["clauses"]}
    failed = [f"{name}: {each['evidence']}" for name, each in found.items() if each["status"] == "fail"]
    assert not failed, done.stderr
    warned = {name: each["evidence"] for name, each in found.items() if each["status"] == "warn"}
    assert warned.keys() <= told(), warned


def told() -> set[str]:
    """The clauses of the table in docs/styles.md."""
    section = TOLD.read_text(encoding="utf-8").partition("## What verify warns of")[2]
    return set(re.findall(r"^\| `([A-Z]+-[0-9]+)` \|", section, re.MULTILINE))
