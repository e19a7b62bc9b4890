"""Small artifacts beside an image: what others may want to know of it, found by the image's digest.

OCI image-spec 1.1, "artifact usage", and distribution-spec, "Referrers". A registry without the referrers API
has an index of them under the tag ``sha256-<hex>``, which clients keep themselves: two that write at the same
time may lose one of both.
"""

import json
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from byoc_kit.errors import ByocError
from byoc_kit.images.blobs import Blobs
from byoc_kit.images.moving import Bytes
from byoc_kit.images.registry import MANIFEST_LIMIT
from byoc_kit.images.session import Answer, Session
from byoc_kit.oci.digest import Digest, measure
from byoc_kit.oci.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor, ManifestError

__all__ = ["Artifact", "artifact_digest", "artifacts", "has_artifact", "put_artifact"]

EMPTY: Final = "application/vnd.oci.empty.v1+json"
ARTIFACT_LIMIT: Final = 64 << 20  # bytes of one artifact that we are willing to hold
ACCEPT: Final = {"Accept": f"{OCI_MANIFEST}, {OCI_INDEX}"}
FEW: Final = 20  # artifacts of one type that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Something beside an image."""

    kind: str
    """Its artifact type, a media type."""
    content: bytes
    annotations: Mapping[str, str] = field(default_factory=dict)


def put_artifact(session: Session, subject: Descriptor, artifact: Artifact) -> Digest:
    """Keep *artifact* beside the manifest *subject*; its own manifest's digest. Raises ByocError.

    The same artifact gives the same digest, and is kept once.
    """
    empty, content = _bytes(EMPTY, b"{}"), _bytes(artifact.kind, artifact.content)
    for blob in (empty, content):
        if not Blobs(session).has(blob.descriptor):
            Blobs(session).put(blob)
    digest, size, raw = _manifest(subject, artifact)
    answer = _put(session, digest, OCI_MANIFEST, raw)
    if "OCI-Subject" not in answer.headers:
        entry = {**Descriptor(OCI_MANIFEST, digest, size).to_json(), "artifactType": artifact.kind}
        _enter(session, subject.digest, {**entry, "annotations": dict(artifact.annotations)})
    return digest


def has_artifact(session: Session, subject: Descriptor, artifact: Artifact) -> bool:
    """Whether *artifact* is beside *subject* already. One request, without a body."""
    digest, _, _ = _manifest(subject, artifact)
    answer = session.call("HEAD", f"manifests/{digest}", headers=ACCEPT)
    if answer.status not in {200, 404}:
        raise session.unexpected(answer, f"asking for {digest}")
    return answer.status == 200


def artifact_digest(subject: Descriptor, artifact: Artifact) -> Digest:
    """The digest that the manifest of *artifact* has, or would have, beside *subject*."""
    return _manifest(subject, artifact)[0]


def artifacts(session: Session, subject: Digest, kind: str) -> Iterator[Artifact]:
    """The artifacts of the type *kind* beside the manifest *subject*, the last one first.

    Those that are damaged, or no longer there, are left out. Raises ByocError where the registry has trouble.
    """
    listed = [each for each in _listed(session, subject, kind) if each.get("artifactType") == kind]
    for entry in listed[: -FEW - 1 : -1]:
        try:
            yield _read(session, kind, Descriptor.from_json(entry))
        except (ManifestError, KeyError, IndexError, TypeError, ValueError):
            continue
        except ByocError as error:
            if error.id not in {"BYOC-E503", "BYOC-E504", "BYOC-E521"}:
                raise


def _manifest(subject: Descriptor, artifact: Artifact) -> tuple[Digest, int, bytes]:
    """Digest, size and bytes of the manifest of *artifact*."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact.kind,
        "config": _bytes(EMPTY, b"{}").descriptor.to_json(),
        "layers": [_bytes(artifact.kind, artifact.content).descriptor.to_json()],
        "subject": subject.to_json(),
        "annotations": dict(artifact.annotations),
    }
    raw = json.dumps(document, sort_keys=True).encode()
    return *measure([raw]), raw


def _read(session: Session, kind: str, entry: Descriptor) -> Artifact:
    """Raises ManifestError, KeyError and their like for what is no artifact."""
    document = json.loads(_content(session, f"manifests/{entry.digest}", entry))
    blob = Descriptor.from_json(document["layers"][0])
    if blob.size > ARTIFACT_LIMIT:
        raise ManifestError("it is too big")
    content = b"".join(Blobs(session).read(blob))
    told = document.get("annotations") or {}
    return Artifact(kind=kind, content=content, annotations={str(key): str(told[key]) for key in told})


def _listed(session: Session, subject: Digest, kind: str) -> list[dict[str, Any]]:
    """The entries that the registry's own API lists, else those under the tag."""
    wanted = urllib.parse.quote(kind, safe="/")  # a + would arrive as a space
    answer = session.call("GET", f"referrers/{subject}?artifactType={wanted}", limit=MANIFEST_LIMIT)
    if answer.status != 200:  # 404 of a registry without the API; older ones answer in other ways
        answer = session.call("GET", f"manifests/{_tag(subject)}", headers=ACCEPT, limit=MANIFEST_LIMIT)
    return _entries(answer)


def _enter(session: Session, subject: Digest, entry: dict[str, Any]) -> None:
    """Add *entry* to the index under the tag."""
    answer = session.call("GET", f"manifests/{_tag(subject)}", headers=ACCEPT, limit=MANIFEST_LIMIT)
    others = [each for each in _entries(answer) if each.get("digest") != entry["digest"]]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*others, entry]}
    _put(session, _tag(subject), OCI_INDEX, json.dumps(document, sort_keys=True).encode())


def _entries(answer: Answer) -> list[dict[str, Any]]:
    """The manifests of an index; none where there is no index."""
    if answer.status != 200:
        return []
    found = answer.document().get("manifests")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _put(session: Session, target: str, media_type: str, raw: bytes) -> Answer:
    answer = session.call("PUT", f"manifests/{target}", headers={"Content-Type": media_type}, body=raw)
    if answer.status not in {200, 201, 202}:
        raise session.unexpected(answer, f"writing {target}")
    return answer


def _content(session: Session, path: str, expected: Descriptor) -> bytes:
    answer = session.call("GET", path, headers=ACCEPT, limit=MANIFEST_LIMIT)
    if answer.status != 200 or measure([answer.body])[0] != expected.digest:
        raise ManifestError("it is not there, or damaged")
    return answer.body


def _bytes(media_type: str, content: bytes) -> Bytes:
    return Bytes(Descriptor(media_type, *measure([content])), content)


def _tag(subject: Digest) -> str:
    return subject.replace(":", "-")
