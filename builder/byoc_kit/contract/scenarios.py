"""What is done with an image to see how it behaves: names, targets and times. The room ``local`` plays them.

A scenario is a way to run the image from which several clauses are judged; a clause names what it needs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from byoc_kit.contract.audience import SERVING, SINGLE, TRAINING
from byoc_kit.contract.evidence import Case, Depth
from byoc_kit.contract.types import Clause
from byoc_kit.spec.types import Target

__all__ = ["CANARY", "SCENARIOS", "TIMINGS", "Scenario", "Timing", "for_case", "scenario", "wanted"]

CANARY: Final = "canary-5f0b1e9a7c"
"""A value that plays pass as if it were a secret: no log may show it (ENV-05)."""


MOST_RUNS = 6  # containers that a play starts one after the other, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds that plays wait, for one depth."""

    training: float
    """After which a training of the smoke case is taken for one that does not end."""
    begun: float
    """After which a job is under way and may be stopped."""
    hearing: float
    """In which a program has asked to hear SIGTERM, if it ever will: imports may take this long before."""
    training_grace: float
    """From SIGTERM to SIGKILL of a job (HAR-08, SIG-01)."""
    refusal: float
    """In which an unknown word must have been refused (TRN-05)."""
    startup: float
    """In which /ping must answer 200 (INF-04)."""
    hosting_grace: float
    """From SIGTERM to SIGKILL of an endpoint (INF-13)."""
    ping_every: float
    ping_for: float
    """How long an endpoint is pinged while nothing else happens (INF-06)."""
    slow_call: float
    """How long a slow invocation takes while pings must go on (INF-21)."""
    invocation: float
    """In which a request must be answered (INF-07)."""


QUICK: Final = Timing(
    training=120,
    begun=2.5,
    hearing=20,
    training_grace=15,
    refusal=10,
    startup=90,
    hosting_grace=15,
    ping_every=0.2,
    ping_for=5,
    slow_call=3,
    invocation=30,
)
SERVICE: Final = Timing(
    training=3600,
    begun=30,
    hearing=120,
    training_grace=120,
    refusal=10,
    startup=480,
    hosting_grace=30,
    ping_every=5,
    ping_for=60,
    slow_call=50,
    invocation=60,
)
TIMINGS: Final[Mapping[Depth, Timing]] = {Depth.QUICK: QUICK, Depth.SERVICE: SERVICE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way to run an image."""

    name: str
    says: str
    """What is done, for the report."""
    targets: frozenset[Target]
    """It is of use for an image that is for one of them."""
    word: str | None = None
    """What follows the image's name (HAR-01); None: nothing, or something else than a word."""
    network: Literal["none", "internal"] = "internal"
    """``internal``: the containers of the scenario reach each other and nothing else."""
    heavy: bool = False
    """Whether it is played alone, since others would disturb it, or it them."""
    after: str = ""
    """It begins when this other scenario has ended, where that one is played too."""
    seconds: Mapping[Depth, float]
    """After which it is given up."""


def _limits(quick: float, service: float) -> Mapping[Depth, float]:
    return {Depth.QUICK: quick, Depth.SERVICE: service}


def _training(name: str, says: str, quick: float = 400, service: float = 7200) -> Scenario:
    return Scenario(name=name, says=says, targets=TRAINING, word="train", seconds=_limits(quick, service))


TRAINING_SCENARIOS: Final = (
    _training("train", "a training job as the service starts it"),
    _training("train-inputs", "the same with everything that a job may be given; if it fails, one by one"),
    _training("train-fail", "training without data, and with a model folder that cannot be written"),
    _training("train-stop", "SIGTERM while it trains", quick=200),
    _training("train-stop-init", "SIGTERM while it trains, with an init as first process", quick=200),
    _training("train-again", "SIGTERM twice, and SIGKILL, while it trains; then each time once more"),
    _training("train-pipe", "the channel train in mode Pipe, plain and as RecordIO"),
    _training("train-hosts", "two hosts that are not called algo-1", quick=600),
    _training("train-groups", "three hosts in two instance groups"),
    _training("train-peer-dies", "two hosts, of which the first dies"),
    _training(
        "train-toolkit", "a script that is named by hyperparameters, as SDK v2 and the tuner do", quick=600
    ),
    _training(
        "train-sdk3", "a script behind the driver of ModelTrainer, in the cloud and locally", quick=600
    ),
    _training("train-words", "no word, an unknown word, and a command after the image's name", quick=400),
    Scenario(
        name="studio",
        says="training in SageMaker Studio's local mode",
        targets=frozenset({Target.STUDIO}),
        word="train",
        seconds=_limits(200, 3600),
    ),
    Scenario(
        name="process",
        says="a processing job as the service starts it",
        targets=frozenset({Target.PROCESSING}),
        seconds=_limits(400, 3600),
    ),
    Scenario(
        name="process-script",
        says="a script behind the commands of ScriptProcessor and FrameworkProcessor",
        targets=frozenset({Target.PROCESSING}),
        seconds=_limits(300, 3600),
    ),
    Scenario(
        name="process-stop",
        says="SIGINT, and SIGTERM, while it processes",
        targets=frozenset({Target.PROCESSING}),
        seconds=_limits(300, 3600),
    ),
)


def _serving(
    name: str,
    says: str,
    *,
    targets: frozenset[Target] = SERVING,
    heavy: bool = False,
    quick: float = 480,
    service: float = 1800,
) -> Scenario:
    limits = _limits(quick, service)
    return Scenario(
        name=name, says=says, targets=targets, word="serve", heavy=heavy, after="train", seconds=limits
    )


HOSTING_SCENARIOS: Final = (
    _serving("serve", "an endpoint as the service starts it: pinged, asked, stopped", targets=SINGLE),
    _serving("serve-crash", "each process of the server is killed", targets=SINGLE, quick=600),
    _serving("serve-large", "bodies of 6 MiB and 25 MB; SIGTERM twice, below an init", targets=SINGLE),
    _serving("serve-no-model", "nothing is mounted at /opt/ml/model", targets=SINGLE),
    _serving("serve-copies", "two endpoints at once, each with a small share", targets=SINGLE),
    _serving("batch", "a batch transform: many lines, chunks, 100 MB", targets=frozenset({Target.BATCH})),
    _serving(
        "async",
        "an asynchronous endpoint: a very large body, a slow one",
        targets=frozenset({Target.ASYNC}),
        quick=600,
    ),
    _serving(
        "serverless", "one CPU, 2 GB, no root, a read-only disk", targets=frozenset({Target.SERVERLESS})
    ),
    _serving("stream", "an answer that comes in pieces", targets=frozenset({Target.STREAMING})),
    _serving("bidirectional", "a WebSocket, if the image's label says so", targets=SINGLE),
    _serving("multi-model", "models are loaded and unloaded", targets=frozenset({Target.MULTI_MODEL})),
    _serving("pipeline", "at a port that the platform chooses", targets=frozenset({Target.PIPELINE})),
    _serving("serve-load", "a slow request, and 50 at once, while it is pinged", targets=SINGLE, heavy=True),
)

SCENARIOS: Final = (*TRAINING_SCENARIOS, *HOSTING_SCENARIOS)


def scenario(name: str) -> Scenario:
    """The scenario *name*. Raises KeyError."""
    return {each.name: each for each in SCENARIOS}[name]


def for_case(scenario: Scenario, case: Case) -> Scenario:
    """*scenario* with the time that *case* needs beyond a smoke case; who has a model waits for none."""

    def more(timing: Timing) -> float:
        had = {"training": timing.training, "startup": timing.startup, "invocation": timing.invocation}
        return sum(max(0.0, case.time_limits.get(name, 0.0) - seconds) for name, seconds in had.items())

    longer = {depth: limit + MOST_RUNS * more(TIMINGS[depth]) for depth, limit in scenario.seconds.items()}
    return replace(scenario, seconds=longer, after="" if case.model else scenario.after)


def wanted(clauses: Iterable[Clause], targets: Iterable[Target]) -> tuple[str, ...]:
    """The names of the scenarios from which *clauses* are judged for an image that is for *targets*.

    In the order in which they stand here, which is the order of use: what a reader wants to know first.
    """
    asked = frozenset(targets)
    needed = {name for clause in clauses if clause.targets & asked for name in clause.needs}
    return tuple(each.name for each in SCENARIOS if each.name in needed and each.targets & asked)
