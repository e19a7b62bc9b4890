"""A registry as it is after a push: manifests, configs and tags, each checked against its digest.

Enough of the OCI distribution specification for reading back and tagging.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import urllib3

from byoc_kit.errors import ByocError
from byoc_kit.images.http import redact
from byoc_kit.images.session import Answer, Session
from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.oci.digest import Digest, is_digest, verified
from byoc_kit.oci.image import load_config
from byoc_kit.oci.manifest import ACCEPTED, Descriptor, Index, Manifest, ManifestError, parse_manifest
from byoc_kit.oci.reference import Named, Repository

__all__ = ["ImmutableTagError", "RemoteImage", "RemoteRepository", "read_image"]

MANIFEST_LIMIT: Final = 4 << 20  # bytes; what registries accept (distribution-spec, "Pushing Manifests")
CONFIG_LIMIT: Final = 32 << 20  # bytes; a config is a few kilobytes
TAGS_LIMIT: Final = 8 << 20  # bytes of one page of tags


class ImmutableTagError(ByocError):
    """The repository has the tag, and its settings forbid that the tag comes to mean anything else."""

    def __init__(self, repository: Repository, tag: str) -> None:
        super().__init__(
            f"{repository}:{tag} stays what it is",
            why="the repository's tags are immutable, and this one means another image",
            fix="raise [image] version; for tags that must move (latest, 1.4) exclude them from immutability",
            id="BYOC-E582",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteImage:
    """One image as a registry has it."""

    reference: Named
    """By digest, of what was asked for: ``registry/repository@sha256:...``."""
    top: Manifest | Index
    """What was asked for."""
    manifest: Manifest
    """The manifest for the platform wanted; *top* itself unless that is an index."""
    raw_config: bytes
    """The config blob, byte for byte."""
    config: ImageConfig


@dataclass(frozen=True, slots=True)
class RemoteRepository:
    """One repository of one registry."""

    session: Session

    @property
    def repository(self) -> Repository:
        """Which one it is."""
        return self.session.repository

    def manifest(self, target: str) -> Manifest | Index | None:
        """The manifest that *target* (a tag or a digest) names, checked; None: there is none.

        Raises ByocError: BYOC-E504 for bytes that are not what the digest says, BYOC-E507 for no manifest.
        """
        headers = {"Accept": ", ".join(ACCEPTED)}
        answer = self.session.call("GET", f"manifests/{target}", headers=headers, limit=MANIFEST_LIMIT)
        if answer.status == 404:
            return None
        self._expect(answer, 200, f"reading {target}")
        expected = target if is_digest(target) else answer.headers.get("Docker-Content-Digest", "")
        if is_digest(expected):
            _checked(answer, Digest(expected))
        try:
            return parse_manifest(answer.body, answer.headers.get("Content-Type"))
        except ManifestError as error:
            raise self.no_image(target, error) from error

    def digest(self, target: str) -> Digest | None:
        """The digest of the manifest that *target* names; None: there is none. No body is read where the
        registry tells the digest in the head of its answer. Raises ByocError.
        """
        headers = {"Accept": ", ".join(ACCEPTED)}
        answer = self.session.call("HEAD", f"manifests/{target}", headers=headers)
        if answer.status == 404:
            return None
        self._expect(answer, 200, f"reading {target}")
        told = answer.headers.get("Docker-Content-Digest", "")
        if is_digest(told):
            return Digest(told)
        found = self.manifest(target)
        return found.digest if found else None

    def put_manifest(self, target: str, manifest: Manifest | Index) -> None:
        """Make *target* (a tag, or its own digest) name *manifest*, byte for byte.

        Raises ByocError; :class:`ImmutableTagError` where the repository does not let *target* move.
        """
        headers = {"Content-Type": manifest.media_type}
        answer = self.session.call("PUT", f"manifests/{target}", headers=headers, body=manifest.raw)
        if answer.status in {400, 409} and _stays(answer):
            raise ImmutableTagError(self.repository, target)
        self._expect(answer, 201, f"writing {target}")

    def blob(self, descriptor: Descriptor) -> bytes:
        """The small blob that *descriptor* names, in memory, checked. Raises ByocError."""
        answer = self.session.call("GET", f"blobs/{descriptor.digest}", limit=CONFIG_LIMIT)
        self._expect(answer, 200, f"reading {descriptor.digest}")
        return _checked(answer, descriptor.digest)

    def tags(self) -> frozenset[str]:
        """All tags; none if the repository does not exist yet. Raises ByocError."""
        return frozenset(tag for page in self._tag_pages() for tag in page)

    def _tag_pages(self) -> Iterator[list[str]]:
        path: str | None = "tags/list"
        while path:
            answer = self.session.call("GET", path, limit=TAGS_LIMIT)
            if answer.status == 404:
                return
            self._expect(answer, 200, "listing tags")
            yield answer.document().get("tags") or []
            path = _next_page(answer)

    def _expect(self, answer: Answer, status: int, doing: str) -> None:
        if answer.status != status:
            raise self.session.unexpected(answer, doing)

    def no_image(self, target: str, error: ManifestError) -> ByocError:
        """What to say of something that is not the image it should be."""
        return ByocError(
            f"{self.repository}: what {target} names is not an image",
            why=str(error),
            fix="check repository and tag; an image manifest or index was expected",
            id="BYOC-E507",
        )


def read_image(remote: RemoteRepository, target: str, platform: Platform | None = None) -> RemoteImage:
    """The image that *target* names, with its config; of an index the manifest for *platform*.

    Raises ByocError: BYOC-E503 not there, BYOC-E508 not for that platform.
    """
    top = remote.manifest(target)
    if top is None:
        raise remote.session.missing(f"reading {target}", "404")
    manifest = top if isinstance(top, Manifest) else _of_index(remote, top, platform or Platform())
    raw = remote.blob(manifest.config)
    try:
        document = load_config(raw)
    except ManifestError as error:
        raise remote.no_image(target, error) from error
    return RemoteImage(
        reference=Named(remote.repository, digest=top.digest),
        top=top,
        manifest=manifest,
        raw_config=raw,
        config=ImageConfig.from_json(document),
    )


def _of_index(remote: RemoteRepository, index: Index, platform: Platform) -> Manifest:
    found = index.of(platform)
    manifest = remote.manifest(found.digest) if found else None
    if isinstance(manifest, Manifest):
        return manifest
    held = ", ".join(str(each.platform) for each in index.manifests if each.platform) or "none"
    raise ByocError(
        f"{remote.repository}@{index.digest} holds no image for {platform}",
        why=f"it is an index for these platforms: {held}",
        fix="build the image for that platform, or name the manifest by its own digest",
        id="BYOC-E508",
    )


def _checked(answer: Answer, expected: Digest) -> bytes:
    return b"".join(verified([answer.body], expected, where=redact(answer.url)))


def _stays(answer: Answer) -> bool:
    """Whether that is how ECR refuses to move a tag: TAG_INVALID with a word that tells it from bad names."""
    return b"immutable" in answer.body.lower() or b"ImageTagAlreadyExists" in answer.body


def _next_page(answer: Answer) -> str | None:
    """The path of the next page; its host is not looked at, so that it cannot lead elsewhere."""
    found = re.match(r"<([^>]+)>;\s*rel=\"?next", answer.headers.get("Link", ""))
    if not found:
        return None
    parsed = urllib3.util.parse_url(found[1])
    return f"{parsed.path}?{parsed.query}" if parsed.query else parsed.path
