"""What predicates of every kind of job read out of runs: how a container ended, and why."""

import re
from collections.abc import Callable
from typing import Final

from byoc_kit.contract.clauses.verdicts import broken, kept, unseen
from byoc_kit.contract.evidence import Container, File, Run
from byoc_kit.contract.scenarios import CANARY
from byoc_kit.contract.types import ALL_TARGETS, Evidence, Verdict
from byoc_kit.spec.types import Target

__all__ = [
    "below",
    "by_name",
    "ground",
    "model_files",
    "twist",
    "wants_network",
    "why",
]

WORDS: Final = 160  # characters of a log line in a sentence
OFFLINE: Final = re.compile(
    r"name resolution|Name or service not known|Could not resolve host|Network is unreachable"
    r"|NewConnectionError|ConnectTimeout"
    r"|Failed to establish a new connection|Could not connect to the endpoint|Unable to locate credentials"
    r"|NoCredentialsError|NameResolutionError",
    re.IGNORECASE,
)
"""What programs say who look for the world, or for AWS."""
SIGNALS: Final = {132: "SIGILL", 134: "SIGABRT", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM"}


def by_name(run: Run, name: str) -> Container | None:
    """The container *name* of *run*; None where the scenario did not need it."""
    return next((container for container in run.containers if container.name == name), None)


def why(container: Container) -> str:
    """How *container* ended, with the last words of its log."""
    if container.refused:
        return f"it could not be started: {container.refused[-WORDS:]}"
    return f"{_end(container)}{_last_words(container)}"


def _end(container: Container) -> str:
    if container.out_of_memory:
        return "it was killed for want of memory"
    if container.killed:
        return f"it did not end in {container.seconds:.0f} s and was killed"
    if container.exit_code is None:
        return "it was taken away while it ran"
    signal = SIGNALS.get(container.exit_code)
    return f"it ended with {container.exit_code}{f' ({signal})' if signal else ''}"


def _last_words(container: Container) -> str:
    lines = [line.strip() for line in container.log.replace("\r", "\n").splitlines() if line.strip()]
    return f": {lines[-1][:WORDS].replace(CANARY, '***')}" if lines else ""


def wants_network(container: Container) -> bool:
    """Whether it failed, and said that it did not find the network or AWS."""
    return container.exit_code != 0 and bool(OFFLINE.search(container.log))


def below(container: Container, folder: str, kind: str = "file") -> tuple[File, ...]:
    """What it left below *folder*, of one kind."""
    return tuple(each for each in container.files if each.path.startswith(f"{folder}/") and each.kind == kind)


def model_files(container: Container) -> tuple[File, ...]:
    """The files of the model."""
    return below(container, "/opt/ml/model")


def ground(seen: Evidence, scenario: str = "train") -> Verdict | None:
    """Why nothing can be told as long as the plain job does not succeed; None: it does."""
    if seen.runs[scenario].one.exit_code == 0:
        return None
    return unseen(f"the {'job' if scenario == 'process' else 'training'} does not succeed as it is:"
                  f" see {'PRC-03' if scenario == 'process' else 'TRN-01'}")  # fmt: skip


def twist(name: str, what: str, breaks: frozenset[Target] = ALL_TARGETS) -> Callable[[Evidence], Verdict]:
    """A predicate on ``train-inputs``: whether a training that works still does when *what* comes to it."""

    def judge(seen: Evidence) -> Verdict:
        if nothing := ground(seen):
            return nothing
        run = seen.runs["train-inputs"]
        alone = by_name(run, name)
        if alone is None or alone.exit_code == 0:
            return kept(f"it trains with {what}")
        return broken(f"with {what}, {why(alone)}", breaks)

    judge.__doc__ = f"Trains with {what}."
    return judge
