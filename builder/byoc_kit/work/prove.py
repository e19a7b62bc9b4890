"""The proof that publishing demands, and the record of it."""

import hashlib
import json

from byoc_kit import __version__
from byoc_kit.contract.judge import judge
from byoc_kit.contract.report import to_json
from byoc_kit.contract.types import Evidence, Finding, Report, Status
from byoc_kit.errors import ContractError
from byoc_kit.images.registry import RemoteImage
from byoc_kit.oci.reference import ECR_HOST, Named
from byoc_kit.plan.publish import PublishPlan
from byoc_kit.plan.record import Proof, Record, Validity
from byoc_kit.spec.types import Target

__all__ = ["make_record", "prove"]

BASE = "org.opencontainers.image.base"
ANY_REGION = "*"


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


def make_record(found: RemoteImage, report: Report, plan: PublishPlan, tags: tuple[str, ...]) -> Record:
    """The record of *found* under *tags*; made of nothing that changes when the same is published again."""
    by_tag = (str(Named(plan.repository, tag)) for tag in tags)
    return Record(
        repository=str(plan.repository),
        digest=found.manifest.digest,
        media_type=found.manifest.media_type,
        size=found.manifest.size,
        platform=str(found.config.platform),
        uris={_region(plan.repository.host): (str(found.reference), *by_tag)},
        tags=tags,
        targets={target.value: _validity(target, report) for target in report.targets},
        base_reference=found.config.labels.get(f"{BASE}.name"),
        base_digest=found.config.labels.get(f"{BASE}.digest"),
        content_key=plan.key or found.manifest.config.digest,
        verify=_proof(report),
        commit=plan.source.commit,
        dirty=plan.source.dirty,
        tool=f"byoc-kit {__version__}",
    )


def _region(host: str | None) -> str:
    found = ECR_HOST.fullmatch(host or "")
    return found["region"] if found else ANY_REGION


def _validity(target: Target, report: Report) -> Validity:
    broken = [finding.id for finding in report.findings if target in finding.breaks]
    return Validity(
        not broken, f"breaks {', '.join(broken)}" if broken else f"keeps the {report.depth} clauses"
    )


def _proof(report: Report) -> Proof:
    plain = {**to_json(report), "clauses": [_timeless(finding) for finding in report.findings]}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return Proof(
        depth=report.depth,
        result="pass" if report.ok else "fail",
        counts=report.counts(),
        report_digest=f"sha256:{hashlib.sha256(text.encode()).hexdigest()}",
    )


def _timeless(finding: Finding) -> dict[str, str]:
    return {"id": finding.id, "status": finding.status.value, "evidence": finding.evidence}
