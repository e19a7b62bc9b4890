"""The proof that publishing demands, and the record of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from byoc_kit import __version__
from byoc_kit.contract.clauses import CLAUSES
from byoc_kit.contract.judge import judge
from byoc_kit.contract.report import to_json
from byoc_kit.contract.types import Evidence, Finding, Report, Status
from byoc_kit.errors import ContractError
from byoc_kit.oci.config import ImageConfig
from byoc_kit.plan.key import plain
from byoc_kit.plan.record import Proof, Record, Validity
from byoc_kit.spec.types import Spec, Target

__all__ = ["TOOL", "Judged", "known", "prove", "question"]

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


def prove(evidence: Evidence) -> Report:
    """Judge *evidence*. Raises ContractError (BYOC-E601) where a MUST clause of its targets is broken."""
    report = judge(evidence)
    if report.ok:
        return report
    failed = [finding for finding in report.findings if finding.status is Status.FAIL]
    raise ContractError(
        f"{report.image} breaks SageMaker's contract: {', '.join(finding.id for finding in failed)}",
        why="it would fail in the cloud, after minutes that are billed; no tag was put",
        fix=failed[0].fix,
        id="BYOC-E601",
        details=[f"{finding.id}: {finding.says}; seen: {finding.evidence}" for finding in failed],
    )


def question(spec: Spec) -> str:
    """A digest of all that decides what is asked of an image, besides the image itself."""
    return _digest(
        {
            "tool": TOOL,
            "clauses": [[clause.id, clause.severity.value] for clause in CLAUSES],
            "targets": sorted(spec.image.targets),
            "platform": str(spec.image.platform),
            "verify": plain(spec.verify) if spec.verify else None,
        }
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
    return Validity(
        not broken, f"breaks {', '.join(broken)}" if broken else f"keeps the {report.depth} clauses"
    )


def _proof(report: Report, asked: str) -> Proof:
    return Proof(
        depth=report.depth,
        result="pass" if report.ok else "fail",
        counts=report.counts(),
        report_digest=_digest(
            {**to_json(report), "clauses": [_timeless(finding) for finding in report.findings]}
        ),
        asked=asked,
    )


def _timeless(finding: Finding) -> dict[str, str]:
    return {"id": finding.id, "status": finding.status.value, "evidence": finding.evidence}


def _digest(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
