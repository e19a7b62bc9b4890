"""Where scenarios are played: containers of one image, held tight, watched, and all taken away again.

A :class:`Theatre` is open while one image is judged; :meth:`Theatre.play` gives each play a :class:`Stage`
of its own. What a killed byoc has left in the engine, or in the temporary folder, goes with the next theatre.
"""

import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from byoc_kit.contract.evidence import Case, Depth, ImageFacts, Run
from byoc_kit.contract.scenarios import TIMINGS, Scenario, Timing
from byoc_kit.docker_helper import OWNER, RUN, owner, uninterrupted
from byoc_kit.errors import ByocError
from byoc_kit.job.container import ContainerPlan, Mount
from byoc_kit.local.actor import Actor, refusal
from byoc_kit.local.containers import Session
from byoc_kit.local.engine import capacity, engine_errors
from byoc_kit.local.excerpt import Excerpt
from byoc_kit.local.leftovers import is_gone, remove, remove_leftovers
from byoc_kit.local.ownership import give_back_all, give_to_root
from byoc_kit.oci.config import ImageConfig
from byoc_kit.talk import Talk

if TYPE_CHECKING:
    import docker

__all__ = ["SHARE", "VERIFY", "Play", "Plays", "Stage", "Subject", "Theatre", "theatre"]

VERIFY = "byoc.verify"
PREFIX = "byoc-verify-"
NOTE = ".owner"
SHARE = 2  # of so many containers each may use its part of the memory, unless its play says otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The image that is judged, and what is known of it."""

    image: str
    """Its id in the engine."""
    config: ImageConfig
    facts: ImageFacts | None = None
    case: Case = field(default_factory=Case)
    depth: Depth = Depth.QUICK


class Theatre:
    """Holds the networks and the folder of all stages of one image; made by :func:`theatre`."""

    def __init__(
        self, client: "docker.DockerClient", subject: Subject, plays: "Plays", root: Path, talk: Talk
    ) -> None:
        self.client, self.subject, self.root, self.talk = client, subject, root, talk
        self.memory = capacity(client).memory // SHARE
        """Bytes that one container may use."""
        self._plays = plays
        self._stages: dict[str, Stage] = {}
        self._runs: dict[str, Future[Run]] = {}
        self.name = f"verify-{uuid.uuid4().hex[:10]}"
        self.trained: Path | None = None
        """A copy of what the scenario ``train`` has left in /opt/ml/model, for endpoints."""
        self.down = False
        """Whether the server was seen not to come up as it should: nobody waits long for it any more."""
        self.closed = threading.Event()
        self._lock = threading.Lock()
        self._free: list[str] = []
        self._made = 0

    @property
    def labels(self) -> Mapping[str, str]:
        """By which everything of this theatre is found."""
        return {RUN: self.name, VERIFY: self.name, OWNER: owner()}

    def play(self, scenario: Scenario) -> Run:
        """What its play sees of *scenario*; engine trouble is the run's problem."""
        begun = time.monotonic()
        stage = Stage(self, scenario)
        self._stages[scenario.name], self._runs[scenario.name] = stage, Future()
        try:
            run = self._plays[scenario.name](stage)
        except ByocError as error:
            run = Run(scenario=scenario.name, problem=f"{error.what}: {error.why}")
        finally:
            uninterrupted(stage.clear)
        run = replace(run, scenario=scenario.name, seconds=time.monotonic() - begun)
        self._runs[scenario.name].set_result(run)
        return run

    def seen(self, name: str, *, patience: float = 0) -> Run | None:
        """What came of the scenario *name*; None if it was not played, or takes longer than *patience*."""
        awaited = self._runs.get(name)
        with suppress(TimeoutError):
            return awaited.result(patience) if awaited else None
        return None

    def give_up(self, scenario: Scenario) -> None:
        """End all containers of *scenario*, so that its play comes to its end."""
        if stage := self._stages.get(scenario.name):
            stage.give_up()

    def take_network(self) -> str:
        """A network from which nothing outside can be reached, for one stage alone."""
        with self._lock:
            if self._free:
                return self._free.pop()
            self._made += 1
            name = f"byoc-{self.name}-{self._made}"
        with engine_errors("making a network"):
            self.client.api.create_network(name, driver="bridge", internal=True, labels=dict(self.labels))
        return name

    def return_network(self, name: str) -> None:
        """Another stage may use it: no container is left in it."""
        with self._lock:
            self._free.append(name)

    def close(self) -> None:
        """Remove all containers and networks, also of plays that go on in other threads, and the folder."""
        self.closed.set()
        with suppress(Exception):
            remove(self.client, f"{VERIFY}={self.name}")
        _discard(self.client, self.subject.image, self.root, self.talk)


class Stage:
    """What one play has: the image, containers of it, folders that it may see, a network of its own."""

    def __init__(self, house: Theatre, scenario: Scenario) -> None:
        self.house, self.scenario = house, scenario
        self.client, self.talk = house.client, house.talk
        self.given_up = False
        self._run = f"{house.name}-{scenario.name}"
        self._session = Session(house.client, self._run, talk=house.talk)
        self._networks: list[str] = []
        self._lock = threading.Lock()
        self._count = 0

    @property
    def subject(self) -> Subject:
        """The image and what is known of it."""
        return self.house.subject

    @property
    def image(self) -> str:
        """The image's id in the engine."""
        return self.subject.image

    @property
    def config(self) -> ImageConfig:
        """The image's config."""
        return self.subject.config

    @property
    def facts(self) -> ImageFacts | None:
        """What the image's files tell; None: nobody looked."""
        return self.subject.facts

    @property
    def case(self) -> Case:
        """What the user wants it tried with."""
        return self.subject.case

    @property
    def depth(self) -> Depth:
        """How much time there is."""
        return self.subject.depth

    @property
    def timing(self) -> Timing:
        """The times of this depth."""
        return TIMINGS[self.depth]

    @property
    def model(self) -> Path | None:
        """What to serve: the user's model, else what the same image has trained; None: there is none."""
        return Path(self.case.model) if self.case.model else self.house.trained

    def keep_model(self, folder: Path) -> None:
        """Let endpoints that are played later serve a copy of *folder*; it outlives this stage."""
        kept = self.house.root / "trained"
        shutil.copytree(folder, kept, symlinks=True)
        self.house.trained = kept

    def seen(self, name: str, *, patience: float = 0) -> Run | None:
        """What came of another scenario; None if it was not played, or takes longer than *patience*."""
        return self.house.seen(name, patience=patience)

    def tree(self, name: str) -> Path:
        """A fresh empty folder that containers may see; removed at the end."""
        folder = self.house.root / self.scenario.name / f"{self._next()}-{name}"
        folder.mkdir(parents=True)
        return folder

    def network(self) -> str:
        """A network of this stage's own, the same each time; nothing outside can be reached from it."""
        with self._lock:
            if not self._networks:
                self._networks.append(self.house.take_network())
            return self._networks[0]

    def begin(self, plan: ContainerPlan) -> Actor:
        """Start a container as *plan* says, without rights it does not need, and under a name of its own.

        An image that cannot be started gives an actor that was refused. Raises ByocError for engine trouble.
        """
        self._require_open()
        number = self._next()
        held = replace(
            plan,
            name=f"byoc-{self._run}-{number}",
            labels={**plan.labels, VERIFY: self.house.name},
            memory=plan.memory or self.house.memory,
            untrusted=True,
        )
        give_to_root(self.client, self.image, [folder for folder in self._own(held) if not _is_fed(folder)])
        excerpt, begun = Excerpt(), time.monotonic()
        try:
            running = self._session.start(held, excerpt)
        except ByocError as error:
            self._require_open()
            return Actor(held, None, excerpt, begun=begun, refused=refusal(error))
        if self.given_up or self.house.closed.is_set():  # between the two looks: nobody else would end it
            running.kill()
        return Actor(held, running, excerpt, begun=begun, folders=self._reclaimed)

    def _own(self, plan: ContainerPlan) -> list[Path]:
        """The folders of this theatre's that a container sees."""
        return [mount.source for mount in plan.mounts if self.house.root in mount.source.parents]

    def _reclaimed(self, plan: ContainerPlan) -> Sequence[Mount]:
        """The folders that a container could write to, which the caller can read again."""
        own = {*self._own(plan)}
        mounts = [mount for mount in plan.mounts if mount.source in own and not mount.read_only]
        if os.geteuid() != 0:
            give_back_all(self.client, self.image, [mount.source for mount in mounts], self.talk)
        return mounts

    def give_up(self) -> None:
        """End all containers of this stage, so that its play comes to its end."""
        self.given_up = True
        with suppress(Exception):
            remove(self.client, f"{RUN}={self._run}")

    def clear(self) -> None:
        """Remove containers and folders, and give back the network."""
        with suppress(Exception):
            remove(self.client, f"{RUN}={self._run}")
        for name in self._networks:
            self.house.return_network(name)
        _discard(self.client, self.image, self.house.root / self.scenario.name, self.talk)

    def _require_open(self) -> None:
        if self.given_up or self.house.closed.is_set():
            raise ByocError(
                f"the scenario {self.scenario.name} is over",
                why="its time box has passed, or byoc was told to stop",
                fix="try again, with --only for what you want to know",
                id="BYOC-E620",
            )

    def _next(self) -> int:
        with self._lock:
            self._count += 1
            return self._count


Play: TypeAlias = Callable[[Stage], Run]
"""Plays one scenario. It never raises for what the image does; ByocError is engine trouble."""

Plays: TypeAlias = Mapping[str, Play]
"""By the name of the scenario."""


@contextmanager
def theatre(client: "docker.DockerClient", subject: Subject, plays: Plays, talk: Talk) -> Iterator[Theatre]:
    """A theatre for *subject*, first cleaned of what killed ones have left. Raises ByocError."""
    with engine_errors("removing what an earlier run left"):
        remove_leftovers(client, talk)
    for left in _left_folders():
        _discard(client, subject.image, left, talk)
    root = Path(tempfile.mkdtemp(prefix=PREFIX))
    root.chmod(0o755)  # a container's user must come through, whoever it is
    (root / NOTE).write_text(owner(), encoding="utf-8")
    house = Theatre(client, subject, plays, root, talk)
    try:
        yield house
    finally:
        uninterrupted(house.close)


def _is_fed(folder: Path) -> bool:
    """Whether pipes are fed there, to which their feeder must have the right to write."""
    return any(path.is_fifo() for path in folder.rglob("*"))


def _left_folders() -> Iterator[Path]:
    """Folders of theatres whose byoc was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if is_gone({OWNER: (folder / NOTE).read_text(encoding="utf-8")}):
                yield folder


def _discard(client: "docker.DockerClient", image: str, folder: Path, talk: Talk) -> None:
    if folder.exists():
        if os.geteuid() != 0:
            give_back_all(client, image, [folder], talk)
        shutil.rmtree(folder, ignore_errors=True)
