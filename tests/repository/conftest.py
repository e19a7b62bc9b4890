"""A project whose repository is in the rig's ECR."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from rig.ecr import Ecr
from rig.projects import Command

TOML = """[image]
name = "churn"
style = "basic"
base = "{base}"
[train]
program = "train.py"
[publish]
repository = "sagemaker/churn"
{more}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write byoc.toml with *more* after [publish] repository; gives the file."""

    def written(more: str = "", base: str = "python:3.12") -> Path:
        (tmp_path / "src").mkdir(exist_ok=True)
        (tmp_path / "src" / "train.py").write_text("print()\n")
        file = tmp_path / "byoc.toml"
        file.write_text(TOML.format(base=base, more=more))
        return file

    return written


@pytest.fixture
def here(ecr: Ecr, monkeypatch: pytest.MonkeyPatch) -> Ecr:
    """The rig, found by this process as by a command."""
    for name, value in ecr.environ().items():
        monkeypatch.setenv(name, value)
    return ecr


@pytest.fixture
def typed(here: Ecr, byoc: Command, tmp_path: Path) -> Callable[..., CompletedProcess[str]]:
    """A command of byoc in the project's folder, as somebody types it whose AWS is the rig."""

    def run(*words: str, check: bool = True, **variables: str) -> CompletedProcess[str]:
        return byoc(*words, cwd=tmp_path, check=check, env={**here.environ(), **variables})

    return run
