"""What the registry of ``rig/ecr.py`` holds. Repositories and images are those of moto's ECR backend, so that
the API and the registry tell the same; blobs and logins are kept here.

It follows ECR where moto does not: digests are of the manifest's bytes, a tag that moves leaves its image
untagged, a repository's rules for tags are wildcards, and the size of an image is that of its blobs.
"""

import base64
import fnmatch
import hashlib
import json
import re
import secrets
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

from moto.ecr.models import ECRBackend, Image, Repository, RepoTagMutability, ecr_backends
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from rig.ecr_faults import Faults

__all__ = ["Place", "Principal", "Refused", "Store", "Upload", "digest_of"]

MANIFEST_LIMIT = 4 << 20  # bytes
PART = 5 << 20  # bytes that every part of an upload but the last must have
READ = frozenset(
    {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability", "ecr:ListImages"}
)


class Refused(Exception):  # noqa: N818 - an answer
    """What the registry answers instead; *name*: what the API calls it."""

    def __init__(self, status: int, code: str, message: str, name: str = "InvalidParameterException") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.name = status, code, message, name


@dataclass(frozen=True)
class Place:
    """One registry: an account's, in a region."""

    account: str
    region: str

    @property
    def host(self) -> str:
        suffix = ".cn" if self.region.startswith("cn-") else ""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com{suffix}"

    @property
    def bucket(self) -> str:
        """The host of S3 that gives the registry's blobs."""
        return f"prod-{self.region}-starport-layer-bucket.s3.{self.region}.amazonaws.com"

    @property
    def backend(self) -> ECRBackend:
        return ecr_backends[self.account][self.region]

    def arn(self, repository: str) -> str:
        return f"arn:aws:ecr:{self.region}:{self.account}:repository/{repository}"


@dataclass(frozen=True)
class Principal:
    """Who asks."""

    account: str
    arn: str


@dataclass(frozen=True)
class Token:
    principal: Principal
    region: str
    given: float
    until: float


@dataclass
class Upload:
    """A blob that is on its way."""

    file: Path
    size: int = 0
    parts: list[int] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Store:
    """Everything that lasts between two requests."""

    folder: Path
    faults: Faults
    tokens: dict[str, Token] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    settings: dict[tuple[Place, str], str] = field(default_factory=dict)
    signatures: dict[str, str] = field(default_factory=dict)
    """Signature of a URL of S3 to the digest that it is good for."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    # --- who ---

    def principal(self, access_key: str) -> Principal | None:
        """Whose *access_key* it is; None: nobody's."""
        for account, backends in list(iam_backends.items()):
            for partition in list(backends):
                key = backends[partition].access_keys.get(access_key)
                if key is None:
                    continue
                role = sts_backends[account][partition].get_assumed_role_from_access_key(access_key)
                user = f"arn:aws:iam::{account}:user/{key.user_name}"
                return Principal(account, role.arn if role else user)
        return None

    def expired(self, access_key: str, account: str) -> bool:
        """Whether the session that *access_key* belongs to has been ended by a fault."""
        key = iam_backends[account]["aws"].access_keys.get(access_key)
        if key is None:
            return False
        return key.create_date.replace(tzinfo=UTC).timestamp() < self.faults.sessions_end

    def token(self, who: Principal, region: str) -> tuple[str, float]:
        """A new login, as the API gives it, and when it ends."""
        now = time.time()
        secret = f"eyJ{secrets.token_hex(24)}x"
        until = now + self.faults.token_seconds
        self.tokens[secret] = Token(who, region, now, until)
        return base64.b64encode(f"AWS:{secret}".encode()).decode(), until

    def authorized(self, header: str, place: Place) -> Principal:
        """Who logged in with *header*. Raises Refused."""
        kind, _, encoded = header.partition(" ")
        if kind.lower() != "basic":
            raise Refused(401, "UNAUTHORIZED", "Not Authorized")
        try:
            user, _, secret = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            raise Refused(400, "DENIED", "Your Authorization Token is invalid.") from None
        token = self.tokens.get(secret)
        if user != "AWS" or token is None or token.region != place.region:
            raise Refused(403, "DENIED", "Your Authorization Token is invalid.")
        if time.time() >= token.until or token.given <= self.faults.expired_at:
            text = "Your authorization token has expired. Reauthenticate and try again."
            raise Refused(403, "DENIED", text)
        return token.principal

    def allow(self, who: Principal, action: str, place: Place, repository: str) -> None:
        """Raises Refused where neither IAM nor, from another account, the repository's policy lets *who*."""
        resource = place.arn(repository)
        said = self.faults.denied(action, who.arn, resource)
        found = place.backend.repositories.get(repository)
        if said is None and who.account != place.account and not (found and _granted(found, who, action)):
            why = f"because no resource-based policy allows the {action} action"
            said = f"User: {who.arn} is not authorized to perform: {action} on resource: {resource} {why}"
        if said is not None:
            raise Refused(403, "DENIED", said, "AccessDeniedException")

    # --- what ---

    def repository(self, place: Place, name: str) -> Repository:
        """Raises Refused where there is none."""
        found = place.backend.repositories.get(name)
        if found is None:
            text = (
                f"The repository with name '{name}' does not exist in the registry with id '{place.account}'"
            )
            raise Refused(404, "NAME_UNKNOWN", text, "RepositoryNotFoundException")
        return found

    def image(self, repository: Repository, target: str) -> Image | None:
        """The image that a tag or a digest names."""
        for each in list(repository.images):
            if target in each.image_tags or target == each.image_digest:
                return each
        return None

    def blob(self, digest: str) -> Path:
        return self.folder / digest.replace(":", "-")

    def readable(self, repository: Repository, digest: str) -> bool:
        """Whether a manifest names the blob: until then nobody can read it."""
        return digest in repository.layers and any(
            digest in dict(_blobs(json.loads(each.image_manifest))) for each in list(repository.images)
        )

    def mounts(self, place: Place, source: str, target: Repository, digest: str) -> bool:
        """Put the blob into *target* if it may be mounted from *source*."""
        wanted = self.faults.mounting
        if wanted is None:
            wanted = self.settings.get((place, "BLOB_MOUNTING")) == "ENABLED"
        found = place.backend.repositories.get(source)
        if not wanted or found is None or digest not in found.layers:
            return False
        if found.encryption_configuration != target.encryption_configuration:
            return False
        target.layers[digest] = found.layers[digest]
        return True

    def begin(self) -> str:
        """A new upload."""
        name = str(uuid.uuid4())
        self.uploads[name] = Upload(self.folder / f"upload-{name}")
        self.uploads[name].file.touch()
        return name

    def write(self, upload: Upload, chunks: Iterator[bytes]) -> None:
        """One part of an upload; what came before the line broke counts."""
        start = upload.size
        with upload.file.open("ab") as file:
            try:
                for chunk in chunks:
                    file.write(chunk)
                    upload.digest.update(chunk)
                    upload.size += len(chunk)
            finally:
                if upload.size > start:
                    upload.parts.append(upload.size - start)

    def complete(self, repository: Repository, name: str, digest: str) -> None:
        """The upload *name* becomes a blob. Raises Refused."""
        upload = self.uploads.pop(name)
        found = f"sha256:{upload.digest.hexdigest()}"
        if found != digest:
            upload.file.unlink()
            raise Refused(400, "DIGEST_INVALID", "Layer digest does not match", "InvalidLayerException")
        upload.file.replace(self.blob(digest))
        repository.layers[digest] = upload.size

    def put(self, repository: Repository, target: str, kind: str, raw: bytes) -> Image:
        """A manifest, by tag or by digest. Raises Refused."""
        digest, document = digest_of(raw), _document(raw)
        if kind and document.get("mediaType", kind) != kind:
            raise Refused(400, "MANIFEST_INVALID", "mediaType in manifest should be that of the request")
        if target.startswith("sha256:") and target != digest:
            text = "image digest does not match"
            raise Refused(400, "DIGEST_INVALID", text, "ImageDigestDoesNotMatchException")
        with self.lock:
            self._complete(repository, document)
            image = self.image(repository, digest)
            tag = None if target.startswith("sha256:") else target
            if tag:
                self._may_tag(repository, tag, digest)
            if image is None:
                image = Image(repository.account_id, "", raw.decode(), repository.name, kind, digest)
                image.image_tags.clear()
                repository.images.append(image)
            if tag:
                _move(repository, tag, image)
        return image

    def _complete(self, repository: Repository, document: dict[str, Any]) -> None:
        """Raises Refused where something is missing that the manifest names."""
        lacking = [digest for digest, _ in _blobs(document) if digest not in repository.layers]
        if lacking:
            text = f"Layers with digests '{lacking}' required for pushing image do not exist"
            raise Refused(404, "MANIFEST_BLOB_UNKNOWN", text, "LayersNotFoundException")
        children = [each["digest"] for each in document.get("manifests", [])]
        if any(self.image(repository, each) is None for each in children):
            text = f"Images with digests '{children}' required for pushing image do not exist"
            raise Refused(404, "MANIFEST_BLOB_UNKNOWN", text, "ReferencedImagesNotFoundException")

    def _may_tag(self, repository: Repository, tag: str, digest: str) -> None:
        """Raises Refused where *tag* means another image and must not move."""
        before = self.image(repository, tag)
        if before is None or not _fixed(repository, tag):
            return
        if before.image_digest == digest and not self.faults.strict_immutable:
            return
        text = (
            f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be "
            "overwritten because the tag is immutable."
        )
        raise Refused(400, "TAG_INVALID", text, "ImageTagAlreadyExistsException")

    def size(self, repository: Repository, image: Image) -> int:
        """Bytes of the image's blobs; of an index those of its images."""
        document = json.loads(image.image_manifest)
        children = [self.image(repository, each["digest"]) for each in document.get("manifests", [])]
        own = sum(size for _, size in _blobs(document))
        return own + sum(self.size(repository, each) for each in children if each is not None)

    def referrers(self, repository: Repository, subject: str) -> list[dict[str, Any]]:
        """Descriptors of the manifests that name *subject*."""
        found = []
        for each in list(repository.images):
            document = json.loads(each.image_manifest)
            if (document.get("subject") or {}).get("digest") != subject:
                continue
            kind = document.get("artifactType") or document.get("config", {}).get("mediaType", "")
            found.append(
                {
                    "mediaType": each.image_manifest_media_type,
                    "digest": each.image_digest,
                    "size": len(each.image_manifest.encode()),
                    "artifactType": kind,
                    "annotations": document.get("annotations") or {},
                }
            )
        return found


def _document(raw: bytes) -> dict[str, Any]:
    if len(raw) > MANIFEST_LIMIT:
        raise Refused(413, "SIZE_INVALID", "the manifest is larger than 4194304 bytes")
    try:
        document = json.loads(raw)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise Refused(400, "MANIFEST_INVALID", "Invalid JSON syntax")
    return document


def _blobs(document: dict[str, Any]) -> list[tuple[str, int]]:
    """Digest and size of each blob that a manifest names, once."""
    named = [*document.get("layers", []), *([document["config"]] if document.get("config") else [])]
    return list({each["digest"]: (each["digest"], int(each["size"])) for each in named}.values())


def _fixed(repository: Repository, tag: str) -> bool:
    """Whether *tag* must not move once it is there."""
    filters = repository.image_tag_mutability_exclusion_filters or []
    excluded = any(fnmatch.fnmatchcase(tag, each["filter"]) for each in filters)
    rule = RepoTagMutability(repository.image_tag_mutability)
    return rule.value.startswith("IMMUTABLE") != excluded


def _move(repository: Repository, tag: str, image: Image) -> None:
    """The tag leaves the image that had it, which stays."""
    for each in repository.images:
        if each is not image and tag in each.image_tags:
            each.image_tags.remove(tag)
            each.image_tag = each.image_tags[-1] if each.image_tags else ""
    image.update_tag(tag)


def _granted(repository: Repository, who: Principal, action: str) -> bool:
    """Whether the repository's own policy lets *who* do *action*; conditions are not looked at."""
    statements = json.loads(repository.policy or "{}").get("Statement", [])
    applying = [
        each
        for each in (statements if isinstance(statements, list) else [statements])
        if _names(each.get("Principal"), who)
        and any(fnmatch.fnmatch(action, allowed) for allowed in _listed(each.get("Action")))
    ]
    return bool(applying) and all(each.get("Effect") == "Allow" for each in applying)


def _names(principal: object, who: Principal) -> bool:
    if principal == "*":
        return True
    named = _listed(principal.get("AWS")) if isinstance(principal, dict) else []
    mine = {"*", who.account, f"arn:aws:iam::{who.account}:root", who.arn}
    role = re.sub(r"^arn:aws:sts::(\d+):assumed-role/([^/]+)/.*", r"arn:aws:iam::\1:role/\2", who.arn)
    return bool(mine & set(named)) or role in named


def _listed(value: object) -> list[str]:
    return [value] if isinstance(value, str) else list(value) if isinstance(value, list) else []
