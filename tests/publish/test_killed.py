"""Publishing survives being killed anywhere: no tag means half an image, and the next run ends the work."""

import contextlib
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from rig.gate import Cut, Gate, Moment, gate
from rig.projects import Command

pytestmark = pytest.mark.engine

T = TypeVar("T")

ACCEPT = "application/vnd.docker.distribution.manifest.v2+json"
TOML = """
[image]
name = "killed"
version = "1.2.3"
style = "basic"
base = "{host}/killed/base:1"
targets = ["training"]

[train]
program = "train.py"

[publish]
repository = "{host}/{repository}"
"""


@dataclass
class Scene:
    """A registry behind a gate, a project, and whoever is to be killed."""

    registry: str
    gate: Gate
    folder: Path
    home: Path
    strike: Callable[[Moment], bool] = lambda moment: False
    process: "subprocess.Popen[str] | None" = None
    started: int = 0
    """How many requests there were before this run."""
    used: int = field(default=0)

    def repository(self) -> str:
        """A new one, which byoc.toml names now."""
        self.used += 1
        name = f"killed/{self.folder.parent.name}/r{self.used}"
        (self.folder / "byoc.toml").write_text(TOML.format(host=self.gate.host, repository=name))
        return name

    def publish(self, strike: Callable[[Moment], bool] = lambda moment: False) -> "subprocess.Popen[str]":
        """Start; it is killed at the first moment of its own where *strike* says so."""
        self.started, self.strike = len(self.gate.seen), strike
        environ = {"DOCKER_HOST": "tcp://127.0.0.1:9", "BYOC_CACHE_DIR": str(self.home)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "byoc_kit", "publish"],
            cwd=self.folder,
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self.process

    def act(self, moment: Moment) -> None:
        """The gate's: kill where the time has come; what comes before a request, the registry never sees."""
        own = Moment(moment.number - self.started, moment.method, moment.path, moment.after)
        if self.process is not None and self.process.poll() is None and self.strike(own):
            self.process.kill()
            self.process.wait()
            if not moment.after:
                raise Cut


@contextlib.contextmanager
def scene_in(place: Path, registry: str) -> Iterator[Scene]:
    (place / "project" / "src").mkdir(parents=True)
    (place / "project" / "src" / "train.py").write_text("print('trained')\n")
    acting: list[Scene] = []
    with gate(registry, lambda moment: acting[0].act(moment) if acting else None) as passing:
        acting.append(Scene(registry, passing, place / "project", place / "cache"))
        yield acting[0]


@pytest.fixture(scope="module")
def scenes(
    registry: str, base: str, byoc: Command, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Scene, ...]]:
    """Two of them, for two processors: each with a gate, a project and a cache of its own."""
    byoc("copy", f"docker:{base}", f"{registry}/killed/base:1")
    with contextlib.ExitStack() as stack:
        places = [tmp_path_factory.mktemp("killed") for _ in range(2)]
        yield tuple(stack.enter_context(scene_in(place, registry)) for place in places)


def ask(registry: str, path: str, method: str = "GET") -> tuple[int, bytes, str]:
    request = urllib.request.Request(
        f"http://{registry}/v2/{path}", method=method, headers={"Accept": ACCEPT}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read(), answer.headers.get("Content-Length", "")
    except urllib.error.HTTPError as error:
        return error.code, b"", ""


def tags(scene: Scene, repository: str) -> dict[str, dict[str, Any]]:
    """Tag to manifest, each proven to be whole; what lists the artifacts beside an image is no image."""
    scene.gate.settle()
    status, body, _ = ask(scene.registry, f"{repository}/tags/list")
    names = json.loads(body)["tags"] or [] if status == 200 else []
    names = [name for name in names if not name.startswith("sha256-")]
    found = {}
    for name in names:
        status, body, _ = ask(scene.registry, f"{repository}/manifests/{name}")
        assert status == 200, name
        found[name] = json.loads(body)
        for blob in [found[name]["config"], *found[name]["layers"]]:
            status, _, size = ask(scene.registry, f"{repository}/blobs/{blob['digest']}", "HEAD")
            assert (status, size) == (200, str(blob["size"])), f"{name} lacks {blob['digest']}"
    return found


def finished(scene: Scene, repository: str) -> None:
    """The next run does what is left, and nothing tells the difference."""
    process = scene.publish()
    printed, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    manifests = tags(scene, repository)
    assert {"1.2.3", "1.2", "1", "latest"} <= manifests.keys()
    assert len({json.dumps(manifest) for manifest in manifests.values()}) == 1
    assert printed.startswith(f"{scene.gate.host}/{repository}@sha256:")
    assert json.loads((scene.folder / ".byoc" / "record.json").read_text())["tags"]


def together(scenes: tuple[Scene, ...], work: Callable[[Scene, int], T]) -> list[T]:
    """*work* in every scene at once, each with its number."""
    with ThreadPoolExecutor(len(scenes)) as pool:
        return list(pool.map(work, scenes, range(len(scenes))))


@pytest.fixture(scope="module")
def requests(scenes: tuple[Scene, ...]) -> int:
    """How many requests a publish to an empty repository has when all that can be known is known."""

    def count(scene: Scene, number: int) -> int:
        for _ in range(2):  # the first reads the base
            finished(scene, scene.repository())
        return len(scene.gate.seen) - scene.started

    counts = together(scenes, count)
    assert min(counts) == max(counts) > 10
    return counts[0]


def test_killed_before_or_after_each_request(scenes: tuple[Scene, ...], requests: int) -> None:
    def kill_at_every_other(scene: Scene, first: int) -> None:
        for number, after in itertools.product(range(1 + first, requests + 1, len(scenes)), (False, True)):
            repository = scene.repository()
            process = scene.publish(at(number, after))
            process.communicate(timeout=120)
            assert process.returncode == -9, f"request {number} did not come"
            tags(scene, repository)
            finished(scene, repository)

    together(scenes, kill_at_every_other)


def at(number: int, after: bool) -> Callable[[Moment], bool]:
    return lambda moment: (moment.number, moment.after) == (number, after)


def test_killed_twenty_times_at_random(scenes: tuple[Scene, ...], requests: int) -> None:
    scene = scenes[0]
    begun = time.monotonic()
    finished(scene, scene.repository())
    seconds = time.monotonic() - begun
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    killed = 0
    for _ in range(20):
        repository = scene.repository()
        shutil.rmtree(scene.home / "layers", ignore_errors=True)
        process = scene.publish()
        time.sleep(chance.uniform(0.2, 1.0) * seconds)
        process.kill()
        process.communicate(timeout=120)
        killed += process.returncode == -9
        tags(scene, repository)
    assert killed > 5, f"seed {seed}"
    finished(scene, repository)
