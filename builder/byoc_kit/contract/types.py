"""A clause is a value: id, sentence, source, remedy, and a predicate over evidence.

Gathering the evidence is somebody else's work.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from byoc_kit.oci.config import ImageConfig
from byoc_kit.spec.types import Target

__all__ = ["Clause", "Evidence", "Finding", "Report", "Severity", "Status", "Verdict"]


class Severity(enum.StrEnum):
    """How much a clause binds (contract.md, section 0)."""

    MUST = "must"
    SHOULD = "should"
    PLATFORM = "platform"
    INFO = "info"


class Status(enum.StrEnum):
    """What became of a clause on one image."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    """Only MUST clauses fail."""
    WARN = "warn"
    SKIP = "skip"
    """It does not apply."""
    NOT_RUN = "not-run"
    """No engine, or no time."""
    WAIVED = "waived"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that was gathered about one image; judging reads nothing else."""

    image: str
    config: ImageConfig
    targets: tuple[Target, ...]
    manifest_media_type: str | None = None
    """None: the image is not in a registry, so no manifest can be read."""
    layer_media_types: tuple[str, ...] = ()
    size: int | None = None
    """Bytes: compressed layers from the manifest, else what the engine counts."""
    commands: frozenset[str] | None = None
    """Of the commands that clauses ask for, those on the image's PATH; None: not looked."""
    reference: str | None = None
    """Where it was published, ``registry/repository@digest``."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a predicate says: None for holds is "does not apply"."""

    holds: bool | None
    evidence: str
    """One line: what was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One sentence of SageMaker's contract that can be judged."""

    id: str
    """Stable; stands in users' waivers for years, e.g. ``IMG-02``."""
    says: str
    severity: Severity
    source: str
    fix: str
    judge: Callable[[Evidence], Verdict]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of ``verify``, schema ``byoc/verify/1``."""

    image: str
    depth: str
    findings: Sequence[Finding]
    targets: Mapping[str, bool] = field(default_factory=dict)
    """Target to whether no MUST of it failed."""

    @property
    def ok(self) -> bool:
        """Whether no clause failed."""
        return all(finding.status is not Status.FAIL for finding in self.findings)
