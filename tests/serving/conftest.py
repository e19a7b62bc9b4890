"""Fixtures for the servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.driver import ECHO, Layout, Running


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Empty folders for a model and a program."""
    return Layout(tmp_path)


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server, shared by a module, that answers with what it decoded."""
    layout = Layout(tmp_path_factory.mktemp("echo"))
    layout.program(ECHO)
    with layout.start() as running:
        yield running
