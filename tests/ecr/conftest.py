"""What the tests of publishing into ECR share."""

from pathlib import Path

import pytest

from ecr.small import Small


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """A project to publish images with, written."""
    return Small(tmp_path / "project").write()
