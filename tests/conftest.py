"""Fixtures of the whole suite. What they stand on is in ``rig/``; CONTRIBUTING.md tells how it is used."""

import contextlib
import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

import docker
import pytest
from docker.errors import APIError

from rig.bases import BOOKWORM, TRIXIE, import_base
from rig.engine import OWN
from rig.engine import engine as rig_engine
from rig.machine import Missing
from rig.prefetch import prefetching
from rig.projects import Byoc, Command, Project, Projects, image
from rig.registry import registry as rig_registry

pytest_plugins = ["rig.ecr_fixtures"]
NEEDS_THE_RIG = frozenset({"engine", "base", "base13", "registry", "project", "ecr_engine"})
LONG = 600
"""Seconds of tests from which on it is told where they went."""


def pytest_configure(config: pytest.Config) -> None:
    """SIGTERM unwinds as Ctrl-C does, so that the rig stops what it started.

    A shell starts what runs in the background with SIGINT ignored, and children inherit that: then no Ctrl-C
    of a test would reach what it is for.
    """
    config.addinivalue_line("markers", "setup: makes an environment; left out of make test-unit")
    config.addinivalue_line("markers", "long: starts servers or programs; left out of make test-unit")
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(f"signal {number}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where the time of a long run went, folder by folder: each part of the suite has a budget."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.nodeid.partition("::")[0].rpartition("/")[0]] += report.duration
    if sum(seconds.values()) > LONG:
        terminalreporter.section("seconds by folder")
        for folder, spent in sorted(seconds.items(), key=lambda item: -item[1]):
            terminalreporter.line(f"{spent:7.0f} {folder}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the rig, and put it last: a broken unit test is seen before any image is built."""
    for item in items:
        if NEEDS_THE_RIG & set(getattr(item, "fixturenames", ())):
            item.add_marker("engine")
    items.sort(key=lambda item: item.get_closest_marker("engine") is not None)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """While unit tests run, a process makes what the tests of the engine will need."""
    kinds = {item.get_closest_marker("engine") is None for item in session.items}
    both = len(kinds) == 2 and not session.config.option.collectonly
    with prefetching() if both else contextlib.nullcontext():
        return (yield)


def _missing(reason: Missing) -> NoReturn:
    """Skip on a laptop; fail where somebody relies on these tests having run."""
    if os.environ.get("CI") == "true" or os.environ.get("BYOC_REQUIRE_ENGINE") == "1":
        pytest.fail(str(reason), pytrace=False)
    pytest.skip(str(reason))


@pytest.fixture(scope="session")
def _rig() -> Iterator[docker.DockerClient | Missing]:
    """A client of the engine for the whole session, or why there is none."""
    with contextlib.ExitStack() as stack:
        try:
            endpoint = stack.enter_context(rig_engine())
        except Missing as reason:
            yield reason
            return
        before = os.environ.get("DOCKER_HOST")
        os.environ["DOCKER_HOST"] = endpoint
        client = stack.enter_context(contextlib.closing(docker.DockerClient(base_url=endpoint, timeout=300)))
        yield client
        if endpoint == OWN:
            _clear(client)
        del os.environ["DOCKER_HOST"]
        if before is not None:
            os.environ["DOCKER_HOST"] = before


@pytest.fixture(scope="session")
def engine(_rig: docker.DockerClient | Missing) -> docker.DockerClient:
    """A client of a real Docker engine; DOCKER_HOST names it for programs that a test starts."""
    if isinstance(_rig, Missing):
        _missing(_rig)
    return _rig


@pytest.fixture(autouse=True)
def _engine_where_marked(request: pytest.FixtureRequest) -> None:
    """What is marked ``engine`` is skipped, or fails, without one, also where it asks for no fixture."""
    if request.node.get_closest_marker("engine") and "engine" not in request.fixturenames:
        request.getfixturevalue("engine")


@pytest.fixture(scope="session")
def base(engine: docker.DockerClient) -> str:
    """A Debian 12 base with Python 3.11 and pip."""
    try:
        return import_base(engine, BOOKWORM)
    except Missing as reason:
        _missing(reason)


@pytest.fixture(scope="session")
def base13(engine: docker.DockerClient) -> str:
    """A Debian 13 base with Python 3.13 and pip."""
    try:
        return import_base(engine, TRIXIE)
    except Missing as reason:
        _missing(reason)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``127.0.0.1:PORT`` of a registry that speaks plain HTTP."""
    with contextlib.ExitStack() as stack:
        try:
            address = stack.enter_context(rig_registry(tmp_path_factory.mktemp("registry")))
        except Missing as reason:
            _missing(reason)
        yield address


@pytest.fixture(scope="session")
def byoc(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The real command in a process of its own: ``byoc("build", cwd=path)``."""
    return Byoc(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def project(
    engine: docker.DockerClient,
    byoc: Command,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Project]:
    """Copies of scaffolded projects, built: ``project("basic")``, ``project("script-mode-1", "mms")``."""
    projects = Projects(byoc, tmp_path_factory.mktemp("projects"), lambda: request.getfixturevalue("base"))
    yield projects
    for path in projects.made.values():
        with contextlib.suppress(APIError):  # the build cache stays and makes the next session quick
            engine.images.remove(image(path))


def _clear(client: docker.DockerClient) -> None:
    """In an engine of the rig's own: remove every container and every image without a name."""
    for container in client.containers.list(all=True):
        with contextlib.suppress(APIError):
            container.remove(force=True)
    client.images.prune()
    client.networks.prune()
