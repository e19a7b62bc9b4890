"""The commands of the pages are run, and print what the pages say.

All ``console`` blocks of a page are one session of a shell in an empty folder. Where no block of the page is
marked ``console engine`` this happens without an engine; ``console ecr`` asks for the rig's Amazon ECR. Of a
command's output, the lines shown must come in this order, other lines may be between them, and ``...`` in a
line stands for anything.

``registry.example`` stands for a registry: commands and output are read with the address of the rig's.

Three things are put in by the ``byoc`` on the PATH of that shell: ``byoc init`` takes the rig's base instead
of the default, and the new project builds with the host's network, under a name that no other image has.
"""

import fnmatch
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import docker
import pytest

from docs.pages import PAGES, ROOT, Command, blocks, commands, needs_ecr, needs_engine
from rig.projects import Project, edit

WITH = [page for page in PAGES if needs_engine(page)]
WITHOUT = [page for page in PAGES if commands(page) and not needs_engine(page)]

SHIM = """#!/bin/sh
set -e
if [ "$1" = init ] && [ -n "$DOCS_BASE" ]; then
  {python} -m byoc_kit "$@" --base "$DOCS_BASE"
  sed -i -e 's/^\\[build\\]$/&\\nnetwork = "host"/' -e 's/^name = "/&{prefix}/' "$2/byoc.toml"
else
  exec {python} -m byoc_kit "$@"
fi
"""
PREFIX = "byoc-docs-"
REGISTRY = "registry.example"
NOTHING: Mapping[str, str] = {}
MARK = "@@ command ended with"


@pytest.fixture
def own_images(engine: docker.DockerClient) -> Iterator[None]:
    """What the pages build is removed."""
    yield
    for image in engine.images.list():
        for tag in image.tags:
            if tag.startswith(PREFIX):
                engine.images.remove(tag)


@pytest.mark.long
@pytest.mark.parametrize("page", WITHOUT, ids=lambda page: page.name)
def test_commands_without_an_engine(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    aws = request.getfixturevalue("ecr").environ() if needs_ecr(page) else {}
    session(page, tmp_path, {"DOCKER_HOST": f"unix://{tmp_path}/no-engine.sock", "DOCS_BASE": "", **aws})


@pytest.mark.engine
@pytest.mark.usefixtures("own_images")
@pytest.mark.parametrize("page", WITH, ids=lambda page: page.name)
def test_commands_with_an_engine(
    page: Path, tmp_path: Path, base: str, request: pytest.FixtureRequest
) -> None:
    put_in = {REGISTRY: request.getfixturevalue("registry")} if REGISTRY in page.read_text() else {}
    aws = request.getfixturevalue("ecr_engine").environ(index=True) if needs_ecr(page) else {}
    session(page, tmp_path, {"DOCS_BASE": base, **aws}, put_in)


@pytest.mark.engine
@pytest.mark.usefixtures("own_images")
def test_the_python_of_the_pages(tmp_path: Path, project: Project) -> None:
    """The blocks of the page, one after the other in one process, print what the page shows."""
    page = ROOT / "docs/python-api.md"
    edit(
        Path(shutil.copytree(project("script-mode-1"), tmp_path / "iris")) / "byoc.toml",
        {"image": {"name": f"{PREFIX}iris"}},
    )
    done = subprocess.run(
        [sys.executable, "-c", "".join(block.text for block in blocks(page, "python"))],
        cwd=tmp_path,
        env={**os.environ, "BYOC_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(block.text for block in blocks(page, "text"))


def session(
    page: Path, folder: Path, variables: Mapping[str, str], put_in: Mapping[str, str] = NOTHING
) -> None:
    """Type every command of *page*; fails at the first that fails or prints something else."""
    tools = folder / "bin"
    tools.mkdir()
    (tools / "byoc").write_text(SHIM.format(python=sys.executable, prefix=PREFIX))
    (tools / "byoc").chmod(0o755)
    (folder / "work").mkdir()
    typed = [command.with_words(put_in) for command in commands(page)]
    script = "".join(f'{command.text}\necho "{MARK} $?"\n' for command in typed)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder / "work",
        env={
            **os.environ,
            **variables,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "BYOC_CACHE_DIR": str(folder / "cache"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=500,
    )
    *outputs, rest = done.stdout.split(MARK)
    codes = [int(part.split("\n", 1)[0]) for part in [*outputs[1:], rest]]
    texts = [outputs[0], *(part.split("\n", 1)[1] for part in outputs[1:])]
    for command, code, text in zip(typed, codes, texts, strict=True):
        assert code == 0, f"{page.name}: $ {command.text}\n{text}"
        assert_shown(page, command, text)


def assert_shown(page: Path, command: Command, text: str) -> None:
    """Every line that the page shows is in *text*, in the page's order."""
    printed = iter(text.splitlines())
    for line in command.output:
        if line == "...":
            continue
        pattern = "*".join(fnmatch_escape(part) for part in line.split("..."))
        assert any(fnmatch.fnmatchcase(have, pattern) for have in printed), (
            f"{page.name}: $ {command.text}\nmisses: {line}\nprinted:\n{text}"
        )


def fnmatch_escape(text: str) -> str:
    """*text* as a pattern for itself."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in text)


def test_what_is_shown_must_come_in_order() -> None:
    command = Command("x", ("a...z", "...", "b[1]"))
    assert_shown(Path("page"), command, "first\na to z\nlast\nb[1]\n")
    with pytest.raises(AssertionError, match=r"misses: a\.\.\.z"):
        assert_shown(Path("page"), command, "b[1]\na to y\n")
    with pytest.raises(AssertionError, match="misses: b"):
        assert_shown(Path("page"), command, "b[1]\na to z\n")


def test_there_are_commands_of_both_kinds() -> None:
    assert {"README.md", "local-runs.md"} <= {page.name for page in WITH}
    assert {"styles.md", "templates.md"} <= {page.name for page in WITHOUT}
