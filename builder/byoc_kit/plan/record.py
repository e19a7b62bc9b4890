"""The record that a publish leaves: what was published, where, from what, and how it was proven.

It holds no clock and no user: publishing the same again gives the same bytes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from byoc_kit.plan.sbom import MEDIA_TYPE as SBOM_MEDIA_TYPE
from byoc_kit.spec.lock import Lock

__all__ = [
    "FILE_NAME",
    "MEDIA_TYPE",
    "SCHEMA",
    "Form",
    "Proof",
    "Published",
    "Record",
    "Validity",
    "delta_of",
]

SCHEMA: Final = "byoc/record/1"
MEDIA_TYPE: Final = "application/vnd.byoc-kit.record.v1+json"
"""Of the record as an artifact beside its image."""
FILE_NAME: Final = "byoc-record.json"


@dataclass(frozen=True, slots=True)
class Validity:
    """Whether the image may be used for one target."""

    valid: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The verification that came before the tags."""

    depth: str
    result: str
    counts: Mapping[str, int]
    report_digest: str
    """Of the report as canonical JSON, without durations."""
    asked: str | None = None
    """Digest of what was asked: clauses, targets, what byoc.toml says of verifying, this version of byoc.
    Whoever asks the same of the same image may take the answer from here."""


@dataclass(frozen=True, slots=True)
class Form:
    """Another manifest of the same config and layers."""

    digest: str
    media_type: str
    tags: tuple[str, ...]
    targets: tuple[str, ...]
    """Those that take it."""


@dataclass(frozen=True, slots=True)
class Published:
    """Who published, and when; only where that was asked for."""

    by: str
    at: str
    """UTC, ``2026-11-21T09:30:00Z``."""


def delta_of(lock: Lock) -> dict[str, Any]:
    """What *lock* puts on top of the base: name to version, and what was changed from which to which."""
    return {
        "added": {wheel.name: wheel.version for wheel in lock.wheels if wheel.replaces is None},
        "changed": {
            wheel.name: {"from": wheel.replaces, "to": wheel.version}
            for wheel in lock.wheels
            if wheel.replaces is not None
        },
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One published image. Content of ``.byoc/record.json``, schema ``byoc/record/1``."""

    repository: str
    digest: str
    media_type: str
    size: int
    """Bytes in the registry."""
    platform: str
    uris: Mapping[str, tuple[str, ...]]
    """Region to the references that work there, by digest first; ``*``: the registry belongs to no region."""
    tags: tuple[str, ...]
    targets: Mapping[str, Validity]
    base_reference: str | None
    base_digest: str | None
    content_key: str
    verify: Proof
    commit: str | None
    dirty: bool
    tool: str
    delta: Mapping[str, Any] | None = None
    """See :func:`delta_of`; None where no lock was made."""
    lock_sha256: str | None = None
    """Of the file ``pylock.byoc.toml``, hexadecimal."""
    forms: Mapping[str, Form] = field(default_factory=dict)
    """Further manifests, by name: ``oci``."""
    sbom: str | None = None
    """Digest of the bill of materials' artifact beside the image."""
    published: Published | None = None

    @property
    def reference(self) -> str:
        """``registry/repository@sha256:...``."""
        return f"{self.repository}@{self.digest}"

    def to_json(self) -> dict[str, Any]:
        """The document; ``delta`` and ``lock_sha256`` are null where no lock was made."""
        forms = self.forms.items()
        return {
            "schema": SCHEMA,
            "image": {
                "repository": self.repository,
                "digest": self.digest,
                "media_type": self.media_type,
                "size": self.size,
                "platform": self.platform,
            },
            "uris": {region: list(uris) for region, uris in self.uris.items()},
            "tags": list(self.tags),
            "targets": {name: {"valid": each.valid, "why": each.why} for name, each in self.targets.items()},
            "base": {"reference": self.base_reference, "digest": self.base_digest},
            "delta": self.delta,
            "lock_sha256": self.lock_sha256,
            "content_key": self.content_key,
            "verify": {
                "depth": self.verify.depth,
                "result": self.verify.result,
                "counts": dict(self.verify.counts),
                "report_digest": self.verify.report_digest,
                "asked": self.verify.asked,
            },
            "manifests": {
                name: {
                    "digest": form.digest,
                    "media_type": form.media_type,
                    "tags": list(form.tags),
                    "targets": list(form.targets),
                }
                for name, form in forms
            },
            "sbom": self.sbom and {"digest": self.sbom, "media_type": SBOM_MEDIA_TYPE},
            "published": self.published and {"by": self.published.by, "at": self.published.at},
            "source": {"commit": self.commit, "dirty": self.dirty},
            "tool": self.tool,
        }

    def to_bytes(self) -> bytes:
        """Canonical: sorted keys, so that equal records are equal files."""
        return (json.dumps(self.to_json(), indent=2, sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """From a document of any program that writes this schema. Raises ValueError for anything else."""
        if document.get("schema") != SCHEMA:
            raise ValueError(f"the schema is {document.get('schema')!r}, not {SCHEMA!r}")
        try:
            return cls._from_parts(document, document["image"], document["verify"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{error} is missing or is not what the schema says") from error

    @classmethod
    def _from_parts(
        cls, document: Mapping[str, Any], image: Mapping[str, Any], proof: Mapping[str, Any]
    ) -> Self:
        targets = document["targets"].items()
        return cls(
            repository=image["repository"],
            digest=image["digest"],
            media_type=image["media_type"],
            size=image["size"],
            platform=image["platform"],
            uris={region: tuple(uris) for region, uris in document["uris"].items()},
            tags=tuple(document["tags"]),
            targets={name: Validity(each["valid"], each["why"]) for name, each in targets},
            base_reference=document["base"]["reference"],
            base_digest=document["base"]["digest"],
            content_key=document["content_key"],
            verify=Proof(
                depth=proof["depth"],
                result=proof["result"],
                counts=proof["counts"],
                report_digest=proof["report_digest"],
                asked=proof.get("asked"),
            ),
            commit=document["source"]["commit"],
            dirty=document["source"]["dirty"],
            tool=document["tool"],
            delta=document.get("delta"),
            lock_sha256=document.get("lock_sha256"),
            forms={name: _form(each) for name, each in (document.get("manifests") or {}).items()},
            sbom=(document.get("sbom") or {}).get("digest"),
            published=Published(stamp["by"], stamp["at"]) if (stamp := document.get("published")) else None,
        )


def _form(document: Mapping[str, Any]) -> Form:
    return Form(
        document["digest"], document["media_type"], tuple(document["tags"]), tuple(document["targets"])
    )
