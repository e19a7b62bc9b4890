"""The blobs of one repository: whether one is there, its bytes in spite of a bad line, and one more of them.

OCI distribution-spec, "Pulling blobs", "Pushing a blob in chunks" and "Mounting a blob". A body goes up in
one PATCH and an empty PUT, as the Docker engine sends it: that is what every registry was tried with.
"""

import contextlib
import itertools
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from byoc_kit.errors import ByocError
from byoc_kit.images.answer import Answer
from byoc_kit.images.http import RETRY_STATUS
from byoc_kit.images.patience import Patience
from byoc_kit.images.session import BrokenError, Session
from byoc_kit.oci.digest import verified
from byoc_kit.oci.manifest import Descriptor
from byoc_kit.oci.reference import Repository, is_ecr

__all__ = ["Blobs", "Readable"]

SESSION_ENDED: Final = {404, 409, 416}
"""What a registry answers about an upload that it does not know, or no longer: it is begun anew."""

PROGRESS: Final = 1 << 20  # bytes after which a connection has done some good before it broke


class Readable(Protocol):
    """A blob whose bytes can be had, and had again."""

    @property
    def descriptor(self) -> Descriptor:
        """Its name and size."""

    def read(self, start: int = 0) -> Iterator[bytes]:
        """Its bytes, verified when they are read from 0 to the end."""


@dataclass(frozen=True, slots=True)
class Blobs:
    """Those of the repository that *session* speaks about."""

    session: Session

    @property
    def repository(self) -> Repository:
        """Whose they are."""
        return self.session.repository

    def has(self, blob: Descriptor) -> bool:
        """Whether *blob* is there. Raises ByocError; BYOC-E521 where it is there with another size."""
        answer = self.session.call("HEAD", f"blobs/{blob.digest}")
        if answer.status == 404:
            return False
        self._expect(answer, {200}, f"asking for {blob.digest}")
        told = answer.headers.get("Content-Length", "")
        if told.isdigit() and int(told) != blob.size:
            raise self._lie(blob, f"it says that the blob has {told} bytes, and it has {blob.size}")
        return True

    def read(self, blob: Descriptor, start: int = 0) -> Iterator[bytes]:
        """The bytes of *blob* from *start* on; a connection that breaks is taken up where it broke.

        Read from 0 to the end they are verified. Raises ByocError: BYOC-E503 not there, BYOC-E504 other
        bytes, BYOC-E505 a line that breaks again and again, BYOC-E521 a registry that is wrong about it.
        """
        chunks = self._resumed(blob, start)
        if start:
            return chunks
        return verified(chunks, blob.digest, where=f"{self.repository}@{blob.digest}")

    def put(self, blob: Readable, *, source: Repository | None = None) -> bool:
        """Make *blob* be here; whether its bytes had to be sent. *source*: who else in this registry has it.

        Raises ByocError; whatever *blob* raises while it is read passes, and the upload is not ended.
        """
        patience = Patience(self.session.backoff)
        for attempt in itertools.count():
            try:
                if attempt and self.has(blob.descriptor):
                    return True
                location = self._mount(blob.descriptor, source) if source and not attempt else self._begin()
                if location is None:
                    return False
                self._end(self._body(location, blob, patience), blob.descriptor)
            except BrokenError as error:
                self._wait(patience, error)
            else:
                return True
        raise AssertionError("unreachable")

    def _resumed(self, blob: Descriptor, start: int) -> Iterator[bytes]:
        patience, have = Patience(self.session.backoff), start
        while have < blob.size:
            before = have
            try:
                for chunk in self._part(blob, have):
                    have += len(chunk)
                    if have > blob.size:
                        raise self._lie(blob, f"it sends more than the {blob.size} bytes that the blob has")
                    yield chunk
                _whole(blob, have)
            except BrokenError as error:
                if have - before >= PROGRESS:
                    patience.moved()
                self._wait(patience, error)

    def _part(self, blob: Descriptor, have: int) -> Iterator[bytes]:
        """One GET for what is missing; a registry that ignores Range sends all, and we skip."""
        headers, begins = {"Range": f"bytes={have}-"} if have else {}, [0]

        def accept(answer: Answer) -> None:
            self._expect(answer, {200, 206}, f"reading {blob.digest}")
            begins[0] = have if answer.status == 206 else 0
            self._check_head(answer, blob, begins[0])

        chunks = self.session.get(f"blobs/{blob.digest}", headers, accept)
        return _skip(chunks, have - begins[0])

    def _check_head(self, answer: Answer, blob: Descriptor, begins: int) -> None:
        """Whether what is announced is the rest of *blob* from *begins* on. Raises ByocError (BYOC-E521)."""
        part, told = answer.headers.get("Content-Range", ""), answer.headers.get("Content-Length", "")
        if answer.status == 206 and not part.startswith(f"bytes {begins}-"):
            raise self._lie(blob, "it sends another part than the one that was asked for")
        if told.isdigit() and int(told) != blob.size - begins:
            raise self._lie(blob, f"it announces {told} bytes where {blob.size - begins} are to come")

    def _mount(self, blob: Descriptor, source: Repository) -> str | None:
        """None: the registry made it ours without a byte; else where to send it."""
        query = f"?mount={blob.digest}&from={source.path}"
        answer = self.session.call("POST", f"blobs/uploads/{query}", body=b"")
        if answer.status == 201:
            return None
        return self._location(answer, self.session.root) if answer.status == 202 else self._begin()

    def _begin(self) -> str:
        """Where to send a blob."""
        try:
            answer = self.session.call("POST", "blobs/uploads/", body=b"")
        except ByocError as error:
            if error.id == "BYOC-E505" and (gone := self._gone()):
                raise self._no_repository(gone) from error
            raise
        if answer.status == 404:
            raise self._no_repository(answer)
        self._expect(answer, {202}, "opening an upload")
        return self._location(answer, self.session.root)

    def _body(self, location: str, blob: Readable, patience: Patience) -> str:
        """Send all of it; the location that ends the upload. Raises BrokenError: begin anew."""
        while True:
            try:
                return self._patch(location, blob)
            except BrokenError as error:
                if not self._untouched(location):
                    raise
                self._wait(patience, error)

    def _patch(self, location: str, blob: Readable) -> str:
        size = blob.descriptor.size
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        answer = self.session.send(location, blob.read(), headers)
        if answer.status in RETRY_STATUS or answer.status in SESSION_ENDED:
            raise BrokenError(f"the registry answered {answer.codes}", answer)
        self._expect(answer, {200, 201, 202, 204}, f"sending {blob.descriptor.digest}")  # ECR: 201
        return self._location(answer, location) if "Location" in answer.headers else location

    def _untouched(self, location: str) -> bool:
        """Whether an upload that failed has taken no byte: then the same one can be used again.

        Only that is believed: ECR tells too few bytes (containers-roadmap 2831), though never none.
        """
        answer = self.session.call("GET", location)
        told = re.fullmatch(r"(?:bytes=)?0-(-1|0)?", answer.headers.get("Range", "0-"))
        return answer.status == 204 and told is not None

    def _end(self, location: str, blob: Descriptor) -> None:
        mark = "&" if "?" in location else "?"
        answer = self.session.call("PUT", f"{location}{mark}digest={blob.digest}", body=b"")
        if answer.status in SESSION_ENDED or "DIGEST_INVALID" in answer.codes:
            raise BrokenError(f"the registry answered {answer.codes}", answer)
        self._expect(answer, {200, 201, 204}, f"ending the upload of {blob.digest}")
        if not self.has(blob):
            raise self._lie(blob, "it took the blob, and does not have it")

    def _location(self, answer: Answer, asked: str) -> str:
        """The absolute URL of an upload, told where *asked*; only over TLS where the registry itself is."""
        told, root = answer.headers.get("Location", ""), self.session.root
        found = urllib.parse.urljoin(asked, told)
        if root.startswith("https:") and found.startswith(f"http{root[5:]}/"):
            found = f"https{found[4:]}"  # a registry that does not know of the TLS in front of it
        if not told or (self.session.root.startswith("https:") and not found.startswith("https:")):
            raise ByocError(
                f"{self.repository} does not say where an upload goes",
                why="its answer has no Location, or one that is not encrypted",
                fix="show this to whoever runs the registry",
                id="BYOC-E507",
            )
        return found

    def _wait(self, patience: Patience, error: BrokenError) -> None:
        """Raises ByocError when it broke too often."""
        try:
            patience.failed(error)
        except BrokenError:
            if error.answer is not None:
                self._expect(error.answer, set(), "moving a blob")
            raise self.session.lost(error.why if isinstance(error.why, Exception) else error) from error

    def _expect(self, answer: Answer, statuses: set[int], doing: str) -> None:
        if answer.status not in statuses:
            raise self.session.unexpected(answer, doing)

    def _no_repository(self, answer: Answer) -> ByocError:
        """Most registries make a repository with its first blob; ECR wants it made before."""
        host, path = str(self.repository.host), self.repository.path
        make = f"`aws ecr create-repository --repository-name {path}`" if is_ecr(host) else "make it there"
        return ByocError(
            f"{self.repository} does not exist",
            why=f"the registry answered {answer.codes} when a layer was to be sent",
            fix=f"{make}, or check the name",
            id="BYOC-E529",
        )

    def _gone(self) -> Answer | None:
        """The answer that says that the repository does not exist: ECR may hang up on a push instead."""
        if not is_ecr(str(self.repository.host)):
            return None
        with contextlib.suppress(ByocError):
            answer = self.session.call("GET", "tags/list?n=1")
            return answer if answer.status == 404 else None
        return None

    def _lie(self, blob: Descriptor, why: str) -> ByocError:
        return ByocError(
            f"{self.repository} is wrong about {blob.digest}",
            why=why,
            fix="try again; if it stays, the registry, or a proxy before it, is damaged: push the image anew",
            id="BYOC-E521",
        )


def _whole(blob: Descriptor, have: int) -> None:
    if have < blob.size:
        raise BrokenError(f"the body ended after {have} of {blob.size} bytes")


def _skip(chunks: Iterable[bytes], count: int) -> Iterator[bytes]:
    for chunk in chunks:
        kept, count = chunk[count:], max(0, count - len(chunk))
        if kept:
            yield kept
