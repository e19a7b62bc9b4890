"""A clause is a value: id, sentence, source, remedy, and a predicate over evidence; others gather it."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from byoc_kit.contract.evidence import Case, Depth, ImageFacts, Run
from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.spec.types import Target

__all__ = [
    "ALL_TARGETS",
    "ASKED_COMMANDS",
    "Clause",
    "Evidence",
    "Finding",
    "Outcome",
    "Report",
    "Severity",
    "Status",
    "Verdict",
]

ALL_TARGETS = frozenset(Target)

ASKED_COMMANDS = frozenset({"train", "serve", "bash", "chmod", "cat", "python3", "pip", "pip3"})
"""What clauses want to know of an image's PATH."""


class Severity(enum.StrEnum):
    """How much a clause binds."""

    MUST = "must"
    SHOULD = "should"
    PLATFORM = "platform"
    INFO = "info"


class Status(enum.StrEnum):
    """What became of a clause on one image."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    """Only MUST clauses fail."""
    WARN = "warn"
    SKIP = "skip"
    """It does not apply."""
    NOT_RUN = "not-run"
    """It could not be looked at: no engine, no registry, or no time."""
    WAIVED = "waived"


class Outcome(enum.Enum):
    """What a predicate found."""

    KEPT = enum.auto()
    BROKEN = enum.auto()
    APART = enum.auto()
    """The clause does not apply to this image."""
    UNSEEN = enum.auto()
    """The evidence for it was not gathered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that was gathered about one image; judging reads nothing else."""

    image: str
    config: ImageConfig
    targets: tuple[Target, ...]
    expected: Platform | None = None
    """What the spec says the image is for; None: nobody said."""
    manifest_media_type: str | None = None
    """None: the image is not in a registry, so no manifest can be read."""
    layer_media_types: tuple[str, ...] = ()
    size: int | None = None
    """Bytes: compressed layers from the manifest, else what the engine counts; None: not known."""
    commands: frozenset[str] | None = None
    """Of :data:`ASKED_COMMANDS`, those on the image's PATH; None: not looked."""
    reference: str | None = None
    """Where it is published, ``registry/repository@digest``; None: it is not."""
    facts: ImageFacts | None = None
    """What its files tell; None: nobody looked at them."""
    depth: Depth = Depth.STATIC
    case: Case = field(default_factory=Case)
    runs: Mapping[str, Run] = field(default_factory=dict)
    """By the name of the scenario."""
    not_run: str = ""
    """Why scenarios were not played, for a reader; empty where they were."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a predicate says."""

    outcome: Outcome
    evidence: str
    """One line: what was seen. No values of environment variables: they may be secrets."""
    breaks: frozenset[Target] = ALL_TARGETS
    """If broken: the targets that cannot work so. For others, and where it is empty, it is a warning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One sentence of SageMaker's contract that can be judged."""

    id: str
    """Stable; stands in users' waivers for years, e.g. ``IMG-02``."""
    says: str
    severity: Severity
    source: str
    """Where the sentence comes from: AWS's documentation or API model, a public issue, or our deduction."""
    fix: str
    judge: Callable[[Evidence], Verdict]
    targets: frozenset[Target] = ALL_TARGETS
    """Whom it binds: for an image that is for none of them it does not apply."""
    needs: tuple[str, ...] = ()
    """The scenarios it judges; without their runs it is not-run, and its predicate is not asked."""
    contested: str = ""
    """Where AWS contradicts itself, or nothing confirms the sentence: how. Then it warns and never fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One clause judged."""

    id: str
    says: str
    status: Status
    severity: Severity
    evidence: str
    fix: str
    seconds: float = 0.0
    """What the scenarios that it judges took; others may judge the same ones."""
    breaks: frozenset[Target] = frozenset()
    """The targets asked for that cannot work because of it; empty unless it failed."""
    source: str = ""
    contested: str = ""
    waiver: str = ""
    """The reason of the waiver that covers it, or that covered it until it expired."""
    scenarios: tuple[str, ...] = ()
    """What was played to see it; empty: nothing had to be run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of ``verify``, schema ``byoc/verify/1``."""

    image: str
    depth: str
    """``static``: nothing was run; ``quick``: run with compressed times; ``service``: with real ones."""
    findings: Sequence[Finding]
    targets: Mapping[Target, bool] = field(default_factory=dict)
    """Target to whether no MUST of it failed."""
    runs: Mapping[str, Run] = field(default_factory=dict)
    """What was played, by the name of the scenario."""
    not_run: str = ""
    """Why nothing, or not all, was played, for a reader; empty where all that is needed was."""
    seconds: float = 0.0
    """How long gathering and judging took; 0 where nobody measured."""
    beyond: Mapping[str, str] = field(default_factory=dict)
    """MUST clauses that cannot be judged on this machine: id to why."""

    @property
    def ok(self) -> bool:
        """Whether no clause failed."""
        return all(finding.status is not Status.FAIL for finding in self.findings)

    @property
    def undecided(self) -> Sequence[Finding]:
        """Clauses that need a run of the image, and were not decided by one although they apply."""
        return [each for each in self.findings if each.status is Status.NOT_RUN and each.scenarios]

    def counts(self) -> dict[str, int]:
        """How many clauses ended in each status; every status is there."""
        found = [finding.status for finding in self.findings]
        return {status.value: found.count(status) for status in Status}
