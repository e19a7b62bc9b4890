"""A server on a stage: started as an endpoint's container, waited for, asked, and asked to stop."""

import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from byoc_kit.contract.evidence import Container, Exchange
from byoc_kit.errors import ByocError
from byoc_kit.job.container import SERVING_PORT, ContainerPlan, Mount, serving_container
from byoc_kit.job.types import ServeJob
from byoc_kit.local import archive
from byoc_kit.local.actor import Actor
from byoc_kit.local.asking import Asker, Question
from byoc_kit.local.pinging import LATE, Pinger
from byoc_kit.local.processes import Process, listeners, processes
from byoc_kit.local.smoke import Request, first_taken, requests_of
from byoc_kit.local.stage import Stage

__all__ = ["BARE", "MODEL", "Endpoint", "Setting", "aside", "lay_model"]

MODEL = PurePosixPath("/opt/ml/model")
PATIENCE = LATE + 2  # seconds that one ping is waited for, so that a late one is told from none
PAUSE = 0.2  # seconds between two pings while the server starts
GONE = 10.0  # seconds in which a container that has left its network is told to have ended
UNDER_WAY = 1.5  # seconds for which a request is under way when SIGTERM comes
LAYING = threading.Lock()
BARE = 20.0  # seconds that a server is waited for which has less than the service gives it
LONGEST_GRACE = 30.0  # seconds; what the service gives
REACHED = 0.3  # seconds until a request that has begun has reached the server


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How one server is started; what is not said is as the service does it."""

    environment: Mapping[str, str] = field(default_factory=dict)
    ambient: bool = True
    """Whether the variables are there that the platform is seen to set (INF-18)."""
    model: bool = True
    """Whether anything is mounted at /opt/ml/model (INF-16)."""
    writable: bool = False
    """Whether it may write there, which it may not in the service (INF-14)."""
    port: int = SERVING_PORT
    mounts: tuple[Mount, ...] = ()
    changes: Mapping[str, object] = field(default_factory=dict)
    """Of the container's plan."""


AS_THE_SERVICE = Setting()


class Endpoint:
    """One server, from its start to its end."""

    def __init__(self, stage: Stage, setting: Setting = AS_THE_SERVICE) -> None:
        _require_addresses()
        self.stage, self.setting = stage, setting
        self.actor: Actor = stage.begin(_plan(stage, setting))
        self.request: Request = requests_of(stage.case)[0]
        """What it takes; known after :meth:`find_request`."""
        self.ready = False
        given = stage.model is not None or bool(stage.case.serve_files)
        self.actor.tell(model=setting.model and given)
        self._asker: Asker | None = None
        self._left_out = 0

    @property
    def asker(self) -> Asker:
        """Who asks it, at the container's own address."""
        if self._asker is None:
            self._asker = Asker(self.actor.address, self.setting.port, self.actor.now)
        return self._asker

    @property
    def limit(self) -> float:
        """Seconds in which a request must be answered (INF-07)."""
        return self.stage.case.time_limits.get("invocation", self.stage.timing.invocation)

    @property
    def slowness(self) -> float:
        """Seconds that it took to come up: how slow it is on this machine, and how busy that is."""
        return next((ping.at for ping in self.actor.pings if ping.status == 200), 0.0)

    @property
    def grace(self) -> float:
        """Seconds from SIGTERM to SIGKILL: of the depth, or twice its start if the service gives that."""
        return max(self.stage.timing.hosting_grace, min(LONGEST_GRACE, 2 * self.slowness))

    def come_up(self, seconds: float | None = None) -> bool:
        """Ping it until it answers 200, has ended, or *seconds* are over; whether it is well."""
        while self.actor.ended is None and self.actor.now() < self._patience(seconds) and self.actor.address:
            ping = self.asker.ping(PATIENCE)
            if ping.status is not None or ping.connect is not None or not self.actor.pings:
                self.actor.pings.append(ping)
            if ping.status == 200:
                self.ready = True
                self.actor.note("first ping", ping.at + ping.seconds)
                break
            self.actor.wait(PAUSE)
        if not self.ready and not self.actor.address:
            self.actor.wait(GONE)
        self.look()
        return self.ready

    def _patience(self, seconds: float | None) -> float:
        """How long to wait for it: as the user says, else longer while this machine is busy.

        Not long where another scenario has seen that the server does not come up.
        """
        asked = self.stage.case.time_limits.get("startup")
        usual = self.stage.timing.startup * crowding() if asked is None else asked
        short = BARE * crowding() if seconds is None else seconds * crowding()
        return min(usual, short) if seconds is not None or self.stage.house.down else usual

    def look(self) -> None:
        """Tell its open ports and its processes, as far as they can be seen from here."""
        commands = self.actor.processes()
        if commands:
            self.actor.tell(processes=len(commands), commands="\n".join(commands)[:4000])
        running = self.actor.running
        found = listeners(running.pid, running.id) if running and self.actor.ended is None else None
        if found is not None:
            names = [f"{each.port}{'@loopback' if each.loopback else ''}" for each in found]
            self.actor.tell(ports=" ".join(names))

    def inhabitants(self) -> tuple[Process, ...] | None:
        """Its processes, the first one first; None: they cannot be reached from here."""
        running = self.actor.running
        return processes(running.pid, running.id) if running and self.actor.ended is None else None

    def ask(self, name: str, question: Question) -> Exchange:
        """Ask it, and keep what came back as *name*."""
        exchange = self.actor.exchanges[name] = self.asker.ask(question)
        return exchange

    def post(self, name: str, **changes: object) -> Exchange:
        """Ask it what it takes, with *changes* to the question."""
        return self.ask(name, replace(self.request.question(self.limit), **changes))  # type: ignore[arg-type]

    def get(self, name: str, path: str) -> Exchange:
        """GET *path*, which should not take long."""
        return self.ask(name, Question(method="GET", path=path, limit=self.limit))

    def find_request(self, name: str, candidates: tuple[Request, ...] | None = None) -> Exchange:
        """Find what it takes; the answer to that is kept as *name*."""
        tried = requests_of(self.stage.case) if candidates is None else candidates
        asked = first_taken(tried, lambda each: self.asker.ask(each.question(self.limit)))
        self.request, self.actor.exchanges[name] = asked
        return asked[1]

    def pinging(self, every: float) -> Pinger:
        """A context in which it is pinged; :meth:`keep` what came of it."""
        return Pinger(self.asker, every=every, limit=PATIENCE)

    def keep(self, pinger: Pinger) -> None:
        """Keep the pings of *pinger* that count."""
        self.actor.pings.extend(pinger.pings)
        self._left_out += pinger.left_out
        self.actor.tell(left_out=self._left_out)

    def quiet(self, seconds: float, every: float) -> None:
        """Nothing but pings for *seconds*."""
        with self.pinging(every) as pinger:
            self.actor.wait(seconds)
        self.keep(pinger)

    def stop_with_request(self) -> None:
        """SIGTERM while a request is under way, which is kept as ``in-flight``; SIGKILL in the end."""
        grace = self.grace
        begun = threading.Event()
        question = self.request.question(
            self.limit + UNDER_WAY, body=self.request.drawn_out(), pause=UNDER_WAY, halfway=begun.set
        )
        thread = aside(lambda: self.ask("in-flight", question))
        begun.wait(UNDER_WAY)
        time.sleep(REACHED)
        asked = self.actor.now()
        self.actor.terminate()
        thread.join(grace)
        self.actor.finish(max(0.0, grace - (self.actor.now() - asked)))
        thread.join()

    def opens(self, port: int) -> bool:
        """Whether *port* of its address takes connections."""
        with suppress(OSError), socket.create_connection((self.actor.address, port), 1):
            return True
        return False

    def done(self, name: str) -> Container:
        """What was seen of it, under *name*."""
        return self.actor.done(name)


def crowding() -> float:
    """How many times longer things may take here now: what waits for each CPU, between 1 and 4."""
    waiting = os.getloadavg()[0] / (os.cpu_count() or 1)
    return min(4.0, max(1.0, waiting))


def aside(work: Callable[[], object]) -> threading.Thread:
    """*work* in a thread of its own, which has begun."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _plan(stage: Stage, setting: Setting) -> ContainerPlan:
    job = ServeJob(
        name="byoc-verify",
        model=None,
        environment=setting.environment,
        region=stage.case.region or "us-east-1",
    )
    mounts = (*((_model(stage, setting),) if setting.model else ()), *setting.mounts)
    plan = serving_container(job, image=stage.image, mounts=mounts, network=stage.network(), port=0)
    env = plan.env if setting.ambient else dict(setting.environment)
    return replace(plan, env=env, ports=(), **setting.changes)  # type: ignore[arg-type]


def _model(stage: Stage, setting: Setting) -> Mount:
    """The model's folder, or an empty one: a copy, since it is to belong to root (INF-14)."""
    folder = stage.tree("model") if setting.writable else laid_model(stage)
    if setting.writable:
        lay_model(stage, folder)
    return Mount(folder, MODEL, read_only=not setting.writable)


def laid_model(stage: Stage) -> Path:
    """The one copy of the model that all scenarios read."""
    folder = stage.house.root / "served"
    with LAYING:
        if not folder.exists():
            made = stage.tree("laid")
            lay_model(stage, made)
            made.rename(folder)
    return folder


def lay_model(stage: Stage, folder: Path) -> None:
    """Put the model into *folder*, with the code where the image takes it from there. Raises ByocError."""
    source = stage.model
    if source is not None and source.is_dir():
        shutil.copytree(source, folder, symlinks=True, dirs_exist_ok=True)
    elif source is not None:
        archive.unpack(source, folder)
    if stage.case.serve_files:
        shutil.rmtree(folder / "code", ignore_errors=True)
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(stage.case.serve_files, folder / "code", ignore=skipped)


def _require_addresses() -> None:
    """On other systems a container's own address leads nowhere, and a published port would hide faults."""
    if sys.platform != "linux":
        raise ByocError(
            "endpoints cannot be judged from this machine",
            why="a container's own address can be reached on Linux only",
            fix="run byoc verify on Linux, in a virtual machine for instance; --only the clauses of training",
            id="BYOC-E640",
        )
