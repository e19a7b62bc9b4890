"""The proof that publishing demands, and the record of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn

from byoc_kit import __version__
from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.evidence import Depth
from byoc_kit.contract.judge import judge
from byoc_kit.contract.report import to_json
from byoc_kit.contract.types import Evidence, Finding, Report, Status
from byoc_kit.contract.waivers import Waiver
from byoc_kit.errors import ContractError, NotJudgedError, UsageError
from byoc_kit.oci.config import ImageConfig
from byoc_kit.plan.key import plain
from byoc_kit.plan.record import Proof, Record, Validity
from byoc_kit.spec.types import Spec, Target
from byoc_kit.talk import Talk
from byoc_kit.work.project import Project
from byoc_kit.work.trial import Trial, tried, tried_before
from byoc_kit.work.verify import VerifyOptions, trial_of

__all__ = ["TOOL", "Demand", "Judged", "Proving", "known"]

TIMES = {"seconds", "scenarios"}
"""What of a report is different each time."""
TOOL = f"byoc-kit {__version__}"
BASE = "org.opencontainers.image.base"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is known of an image once it was looked at: the part of its record that its content decides."""

    targets: Mapping[str, Validity]
    proof: Proof
    base_reference: str | None
    base_digest: str | None
    sbom: str | None
    """Digest of its bill of materials, kept beside the image."""
    uris: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Where it was known to be."""

    @classmethod
    def of(cls, report: Report, config: ImageConfig, *, asked: str, sbom: str | None) -> "Judged":
        """By what was just found out."""
        return cls(
            targets={target.value: _validity(target, report) for target in report.targets},
            proof=_proof(report, asked),
            base_reference=config.labels.get(f"{BASE}.name"),
            base_digest=config.labels.get(f"{BASE}.digest"),
            sbom=sbom,
        )


Wanted = Literal["none", "static", "quick", "service"]
"""How deep an image is looked at before it is published; none: nobody looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """How much proof a publish asks for."""

    verify: Wanted | None = None
    """None: quick where an engine has the image and ``[verify] dynamic`` allows it, else static."""
    allow_broken: tuple[str, ...] = ()
    """Ids of clauses that may be broken this once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proving:
    """Judges what is to be published as its project and the one who publishes want it."""

    trial: Trial
    demand: Demand

    @classmethod
    def of(cls, project: Project, demand: Demand, talk: Talk, environ: Mapping[str, str]) -> "Proving":
        """For *project*. Raises UsageError, also (BYOC-E610) for a clause that does not exist."""
        asked = Depth(demand.verify) if demand.verify and demand.verify != "none" else None
        trial = trial_of(project, VerifyOptions(depth=asked), talk, environ)
        known_ids = {clause.id for clause in CLAUSES}
        if wrong := [name for name in demand.allow_broken if name not in known_ids]:
            raise _no_clause(wrong[0])
        allowed = [Waiver(clause=name, reason="--allow-broken") for name in demand.allow_broken]
        clauses = () if demand.verify == "none" else trial.clauses
        return cls(trial=replace(trial, clauses=clauses, waivers=(*trial.waivers, *allowed)), demand=demand)

    def seen(self, evidence: Evidence, image_id: str, *, here: bool) -> Evidence:
        """*evidence* and how the image behaves, as far as that is asked for; *here*: an engine has it.

        What was seen of the very same image before is not played again. Raises NotJudgedError (BYOC-E611)
        where somebody asked for a run that cannot be.
        """
        if not self.trial.clauses or (not here and self.demand.verify is None):
            return replace(evidence, not_run="no engine has the image, and nobody asked to fetch it")
        reference = image_id if here else str(evidence.reference)
        seen = tried_before(evidence, image_id, self.trial) or tried(evidence, reference, self.trial)
        if seen.not_run and self.demand.verify in {"quick", "service"}:
            raise _not_tried(evidence.image, seen.not_run)
        return seen

    def prove(self, evidence: Evidence) -> Report:
        """Judge *evidence*. Raises ContractError (BYOC-E601) where a MUST clause of its targets is broken."""
        trial = self.trial
        report = judge(evidence, trial.clauses, waivers=trial.waivers, today=trial.today)
        if not trial.clauses:
            return replace(report, depth="none")
        return report if report.ok else _refuse(report)

    def question(self, spec: Spec) -> str:
        """A digest of all that decides what is asked of an image, besides the image itself."""
        trial = self.trial
        return _digest(
            {
                "tool": TOOL,
                "clauses": [[clause.id, clause.severity.value] for clause in trial.clauses],
                "targets": sorted(spec.image.targets),
                "platform": str(spec.image.platform),
                "depth": trial.depth.value,
                "verify": plain(spec.verify) if spec.verify else None,
                "allowed": sorted(self.demand.allow_broken),
                "expired": sorted(each.clause for each in trial.waivers if each.expired(trial.today)),
            }
        )


def _refuse(report: Report) -> NoReturn:
    failed = [finding for finding in report.findings if finding.status is Status.FAIL]
    raise ContractError(
        f"{report.image} breaks SageMaker's contract: {', '.join(finding.id for finding in failed)}",
        why="it would fail in the cloud, after minutes that are billed; no tag was put",
        fix=f"{failed[0].fix}; or --allow-broken {failed[0].id}, if you know better",
        id="BYOC-E601",
        details=[f"{finding.id}: {finding.says}; seen: {finding.evidence}" for finding in failed],
    )


def _no_clause(name: str) -> UsageError:
    return UsageError(
        f"--allow-broken {name}: there is no such clause",
        why="it takes the exact id of a clause that is judged",
        fix="correct the id; `byoc explain` lists all clauses",
        id="BYOC-E610",
    )


def _not_tried(image: str, why: str) -> NotJudgedError:
    return NotJudgedError(
        f"{image} was not run, so that it could not be judged as deep as asked for",
        why=why,
        fix="publish where a Docker engine can run it, or ask for --verify static",
        id="BYOC-E611",
    )


def known(record: Record | None, digest: str, asked: str) -> Judged | None:
    """What *record* tells of the image *digest*, if it was asked the same; None: it must be looked at."""
    if record is None or record.digest != digest or record.verify.asked != asked:
        return None
    return Judged(
        targets=record.targets,
        proof=record.verify,
        base_reference=record.base_reference,
        base_digest=record.base_digest,
        sbom=record.sbom,
        uris=record.uris,
    )


def _validity(target: Target, report: Report) -> Validity:
    broken = [finding.id for finding in report.findings if target in finding.breaks]
    if report.depth == "none":
        return Validity(True, "was not verified")
    return Validity(
        not broken, f"breaks {', '.join(broken)}" if broken else f"keeps the {report.depth} clauses"
    )


def _proof(report: Report, asked: str) -> Proof:
    return Proof(
        depth=report.depth,
        result=report.depth if report.depth == "none" else "pass" if report.ok else "fail",
        counts=report.counts(),
        report_digest=_digest(
            {
                **{name: value for name, value in to_json(report).items() if name not in TIMES},
                "clauses": [_timeless(finding) for finding in report.findings],
            }
        ),
        asked=asked,
    )


def _timeless(finding: Finding) -> dict[str, str]:
    return {"id": finding.id, "status": finding.status.value, "evidence": finding.evidence}


def _digest(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
