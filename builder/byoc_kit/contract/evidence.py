"""What was seen of an image: plain values that can be saved, read again and judged without an engine.

Whoever gathers writes them, predicates read them, and nothing else passes between the two. Times are seconds
since the container was started, unless said otherwise.
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "Case",
    "Container",
    "Depth",
    "Event",
    "Exchange",
    "File",
    "ImageFacts",
    "Ping",
    "Run",
]

Fact = bool | int | float | str | None


class Depth(enum.StrEnum):
    """How much was done to see how the image behaves."""

    STATIC = "static"
    """Nothing was run."""
    QUICK = "quick"
    """Run with compressed times."""
    SERVICE = "service"
    """Run with the service's own times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file that an image has, or that a container has left."""

    path: str
    """Absolute, as the container sees it."""
    kind: str = "file"
    """``file``, ``dir``, ``symlink``, ``fifo`` or ``other``."""
    size: int = 0
    mode: int = 0o644
    """Permission bits."""
    uid: int = 0
    link: str = ""
    """Target of a symbolic link, as written."""
    text: str | None = None
    """The first 4096 characters where somebody may want to judge them; None: not read."""
    utf8: bool = True
    """Whether what was read of it is UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What the files of an image tell, without running it."""

    files: tuple[File, ...] = ()
    """Only those that a clause asks for: below /opt/ml, what the image is started by, driver libraries."""
    starts: tuple[str, ...] = ()
    """The programs that a job starts: ENTRYPOINT's first word, else ``train`` and ``serve`` on PATH.

    As they are named; the files tell what is behind links. What first lines name is among the files, too, if
    it is there.
    """
    scripts: tuple[str, ...] = ()
    """Scripts that ENTRYPOINT gives to an interpreter."""
    programs: frozenset[str] = frozenset()
    """Of the commands that clauses ask for, those on PATH."""
    closed: tuple[str, ...] = ()
    """Files and folders of programs that others than their owner cannot read, the first hundred."""
    distributions: Mapping[str, str] = field(default_factory=dict)
    """Installed Python distributions, normalised name to version."""
    python: tuple[int, int] | None = None
    """Of the ``python3`` that PATH leads to."""
    cuda: bool = False
    """Whether CUDA libraries are there."""

    def has(self, *names: str) -> bool:
        """Whether any of the distributions *names* is installed."""
        return any(name in self.distributions for name in names)

    def file(self, path: str) -> File | None:
        """The file *path*; None: it is not there, or no clause asks for it."""
        return next((file for file in self.files if file.path == path), None)

    def named(self, pattern: str) -> tuple[File, ...]:
        """The files whose whole path matches the regular expression *pattern*."""
        return tuple(file for file in self.files if re.fullmatch(pattern, file.path))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for the timeline: ``started``, ``first ping``, ``SIGTERM``, ``ended``."""

    at: float
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """One GET /ping."""

    at: float
    status: int | None
    """None: no answer."""
    seconds: float
    """Until the whole answer was there, or it was given up."""
    connect: float | None = None
    """Seconds until the TCP connection stood, at the container's own address; None: it never did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request that is not a ping, and its answer."""

    method: str
    path: str
    at: float
    sent: int = 0
    """Bytes of the request's body."""
    status: int | None = None
    """None: no whole answer."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: str = ""
    """The first 2000 characters."""
    size: int = 0
    """Bytes of the answer's body."""
    lines: int = 0
    """Lines of the answer's body; one that nothing ends counts."""
    digest: str = ""
    """SHA-256 of the answer's body, hexadecimal."""
    first_byte: float | None = None
    """Seconds from the request's start to the first byte of the body."""
    seconds: float = 0.0
    error: str = ""
    """Why there is no whole answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a run, from its start to its end."""

    name: str
    """``algo-1``, ``model``: its role, the same in each run of the scenario."""
    command: tuple[str, ...] = ()
    """The words that replaced CMD."""
    exit_code: int | None = None
    """None: it was still running when the harness took it away, or it could not be started."""
    out_of_memory: bool = False
    killed: bool = False
    """Whether the harness had to send SIGKILL: it did not end in the time it was given."""
    refused: str = ""
    """What the engine said where it could not be started at all."""
    seconds: float = 0.0
    """From start to end."""
    stopping: float | None = None
    """Seconds from SIGTERM to its end; None: it was not asked to stop."""
    log: str = ""
    """What it printed, stdout and stderr as they came: the first and last 32768 characters."""
    files: tuple[File, ...] = ()
    """What it left below the folders that were mounted for it."""
    pings: tuple[Ping, ...] = ()
    exchanges: Mapping[str, Exchange] = field(default_factory=dict)
    """By the name that the scenario gives the request."""
    events: tuple[Event, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """What else the scenario looked at; the scenario's docstring names them."""

    @property
    def ready(self) -> float | None:
        """When /ping answered 200 for the first time; None: never."""
        return next((ping.at + ping.seconds for ping in self.pings if ping.status == 200), None)

    def file(self, path: str) -> File | None:
        """What it left at *path*."""
        return next((file for file in self.files if file.path == path), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One scenario played with an image."""

    scenario: str
    containers: tuple[Container, ...] = ()
    seconds: float = 0.0
    """All of it, preparation and taking away included."""
    problem: str = ""
    """Why it could not be played to its end although the image is not at fault; then nobody judges it."""

    @property
    def one(self) -> Container:
        """The first container: of most scenarios the only one."""
        return self.containers[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the user wants it tried with: ``[verify]`` and flags; where empty, a smoke case is made up."""

    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    """Name to a folder or file of this machine."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """The same, of a processing job; the name is the folder below /opt/ml/processing/input."""
    outputs: tuple[str, ...] = ()
    """Folders below /opt/ml/processing/output."""
    metrics: Mapping[str, str] = field(default_factory=dict)
    """Name to the regular expression that must find it (TRN-13)."""
    model: str | None = None
    """A folder to serve; None: what a training run of the same verify has left, else a made-up one."""
    request: str | None = None
    """A file with the body of one request; None: a made-up one."""
    content_type: str = "application/json"
    expect: str | None = None
    """A regular expression that the answer must hold."""
    time_limits: Mapping[str, float] = field(default_factory=dict)
    """Seconds: ``training``, ``startup``, ``invocation``."""
    train_files: str | None = None
    """A folder with the training script, for images that fetch it at start."""
    train_program: str | None = None
    serve_files: str | None = None
    """A folder with the serving code, for images that take it from ``code/`` of the model."""
    serve_program: str | None = None
    region: str | None = None
    """The AWS Region of the jobs it is for; None: nobody said."""
    model_files: tuple[File, ...] | None = None
    """What :attr:`model` holds, paths as in the archive or below the folder; None: nobody looked."""
