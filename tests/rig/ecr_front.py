"""The registry's side of ``rig/ecr.py``: the distribution protocol as ECR speaks it, and its S3 host."""

import json
import re
import secrets
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote

from rig.ecr_faults import Cut
from rig.ecr_http import PIECE, Asked, Reply
from rig.ecr_open import Open
from rig.ecr_store import PART, Place, Principal, Refused, Store, Upload

__all__ = ["Front"]

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
NAME = r"/v2/([a-z0-9/_.-]+?)"
MOST = 1000  # tags of a page


class Front:
    """Answers what is asked at the hosts of *places*."""

    def __init__(self, store: Store, places: Collection[Place]) -> None:
        self.store = store
        self.faults = store.faults
        self.places = {each.host: each for each in places}
        self.buckets = {each.bucket: each.region for each in places}
        self.open = Open()

    @property
    def own(self) -> tuple[str, ...]:
        """The names of ECR and its buckets."""
        return (*self.places, *self.buckets)

    @property
    def hosts(self) -> tuple[str, ...]:
        """All names that lead here."""
        return (*self.own, *self.open.hosts)

    def serve(self, asked: Asked) -> Reply:
        """What is answered. Raises Cut."""
        if asked.host in self.buckets:
            return self._s3(asked)
        if told := self.open.token(asked):
            return told
        place = self.places.get(asked.host) or self.open.places.get(asked.host)
        if place is None:
            return error(404, "NAME_UNKNOWN", "no such registry")
        try:
            return self._v2(asked, place)
        except Refused as refused:
            headers = {"WWW-Authenticate": self._challenge(place)}
            return error(
                refused.status, refused.code, refused.message, headers if refused.status == 401 else {}
            )

    def _challenge(self, place: Place) -> str:
        if place.host in self.open.places:
            return self.open.challenge(place)
        return f'Basic realm="https://{place.host}/",service="ecr.amazonaws.com"'

    def _v2(self, asked: Asked, place: Place) -> Reply:
        anybody = place.host in self.open.places
        who = self.open.reader(asked, place) if anybody else self._caller(asked, place)
        if asked.path in {"/v2", "/v2/"}:
            return Reply(200)
        for method, path, action, route in ROUTES:
            found = re.fullmatch(path, asked.path)
            if not found or not re.fullmatch(method, asked.method):
                continue
            name, *rest = found.groups()
            if asked.method == "POST" and self.faults.missing == "cut":
                self._there(place, name)
            self.store.repository(place, name)
            if not anybody:
                self.store.allow(who, action, place, name)
            return route(self, asked, place, name, *rest)
        raise Refused(405, "UNSUPPORTED", "The operation is unsupported.")

    def _caller(self, asked: Asked, place: Place) -> Principal:
        return self.store.authorized(asked.headers.get("authorization", ""), place)

    def _there(self, place: Place, name: str) -> None:
        """ECR is known to cut the line of a push into a repository that does not exist."""
        if name not in place.backend.repositories:
            raise Cut

    def _head_blob(self, asked: Asked, place: Place, name: str, digest: str) -> Reply:
        size = self.store.repository(place, name).layers.get(digest)
        if size is None:
            raise Refused(404, "BLOB_UNKNOWN", "blob unknown to registry")
        told = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest}
        return Reply(200, headers=told, length=size)

    def _get_blob(self, asked: Asked, place: Place, name: str, digest: str) -> Reply:
        if not self.store.readable(self.store.repository(place, name), digest):
            raise Refused(404, "BLOB_UNKNOWN", "blob unknown to registry")
        if self.faults.s3 and place.host not in self.open.places:
            return Reply(307, headers={"Location": self.download(place, digest)})
        return part_of(self.store.blob(digest), asked)

    def download(self, place: Place, digest: str) -> str:
        """A URL of S3 that gives the blob for an hour."""
        signature = secrets.token_hex(32)
        self.store.signatures[signature] = digest
        query = f"X-Amz-Expires=3600&X-Amz-Date={quote('20260101T000000Z')}&X-Amz-Signature={signature}"
        return f"https://{place.bucket}/{place.account}-{secrets.token_hex(4)}/{digest}?{query}"

    def _s3(self, asked: Asked) -> Reply:
        """S3 wants one way to know who asks, and no second one."""
        signature = parse_qs(asked.query).get("X-Amz-Signature", [""])[0]
        digest = self.store.signatures.get(signature)
        if "authorization" in asked.headers:
            return Reply(
                400, b"<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism</Message></Error>"
            )
        if digest is None or asked.method != "GET" or not asked.path.endswith(f"/{digest}"):
            return Reply(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        return part_of(self.store.blob(digest), asked)

    def _begin(self, asked: Asked, place: Place, name: str) -> Reply:
        query = {key: value[0] for key, value in parse_qs(asked.query).items()}
        digest, source = query.get("mount"), query.get("from")
        target = self.store.repository(place, name)
        if digest and source and self.store.mounts(place, source, target, digest):
            return Reply(
                201, headers={"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
            )
        upload = self.store.begin()
        location = f"https://{place.host}/v2/{name}/blobs/uploads/{upload}"
        return Reply(202, headers={"Location": location, "Docker-Upload-UUID": upload, "Range": "0-0"})

    def _upload(self, asked: Asked, place: Place, name: str, key: str) -> Reply:
        upload = self.store.uploads.get(key)
        if upload is None:
            raise Refused(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        location = f"https://{place.host}/v2/{name}/blobs/uploads/{key}"
        if asked.method == "PATCH":
            self._patch(asked, upload)
            end = (upload.parts[0] if self.faults.quirks else upload.size) - 1
            told = {"Location": location, "Docker-Upload-UUID": key, "Range": f"0-{max(0, end)}"}
            return Reply(201 if self.faults.quirks else 202, headers=told)
        if asked.method == "DELETE":
            self.store.uploads.pop(key).file.unlink()
            return Reply(204)
        if asked.method == "GET":
            if self.faults.quirks:
                raise Refused(405, "UNSUPPORTED", "The operation is unsupported.")
            told = {"Location": location, "Range": f"0-{max(0, upload.size - 1)}"}
            return Reply(204, headers=told)
        return self._complete(asked, place, name, key)

    def _patch(self, asked: Asked, upload: Upload) -> None:
        found = re.fullmatch(r"(?:bytes )?(\d+)-(\d+)(?:/.*)?", asked.headers.get("content-range", ""))
        first = int(found[1]) if found else (0 if self.faults.quirks else upload.size)
        if first != upload.size:
            text = f"First byte of the layer part is {first} instead of {upload.size}"
            raise Refused(416, "BLOB_UPLOAD_INVALID", text)
        if self.faults.quirks and upload.parts and upload.parts[-1] < PART:
            raise Refused(400, "BLOB_UPLOAD_INVALID", f"Layer parts must be at least {PART} bytes in size")
        self.store.write(upload, asked.chunks())

    def _complete(self, asked: Asked, place: Place, name: str, key: str) -> Reply:
        digest = parse_qs(asked.query).get("digest", [""])[0]
        if not re.fullmatch("sha256:[0-9a-f]{64}", digest):
            raise Refused(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self.store.write(self.store.uploads[key], asked.chunks())
        self.store.complete(self.store.repository(place, name), key, digest)
        told = {"Location": f"https://{place.host}/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
        return Reply(201, headers=told)

    def _get_manifest(self, asked: Asked, place: Place, name: str, target: str) -> Reply:
        found = self.store.image(self.store.repository(place, name), target)
        if found is None:
            raise Refused(404, "MANIFEST_UNKNOWN", "Requested image not found")
        kind = str(found.image_manifest_media_type)
        return Reply(
            200,
            found.image_manifest.encode(),
            {"Content-Type": kind, "Docker-Content-Digest": found.image_digest},
        )

    def _put_manifest(self, asked: Asked, place: Place, name: str, target: str) -> Reply:
        raw, kind = asked.body(), asked.headers.get("content-type", "").partition(";")[0]
        found = self.store.put(self.store.repository(place, name), target, kind, raw)
        subject = (json.loads(raw).get("subject") or {}).get("digest")
        location = f"https://{place.host}/v2/{name}/manifests/{found.image_digest}"
        told = {"Docker-Content-Digest": found.image_digest, "Location": location}
        return Reply(201, headers=told | ({"OCI-Subject": subject} if subject else {}))

    def _tags(self, asked: Asked, place: Place, name: str) -> Reply:
        query = {key: value[0] for key, value in parse_qs(asked.query).items()}
        count, last = min(MOST, int(query.get("n") or self.faults.page)), query.get("last", "")
        images = list(self.store.repository(place, name).images)
        names = sorted(tag for each in images for tag in each.image_tags if tag > last)
        shown, more = names[:count], names[count:]
        link = {"Link": f'</v2/{name}/tags/list?n={count}&last={shown[-1]}>; rel="next"'} if more else {}
        return document({"name": name, "tags": shown}, link)

    def _referrers(self, asked: Asked, place: Place, name: str, digest: str) -> Reply:
        kinds = parse_qs(asked.query).get("artifactType", [])
        found = self.store.referrers(self.store.repository(place, name), digest)
        chosen = [each for each in found if not kinds or each["artifactType"] in kinds]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": chosen}
        told = {"Content-Type": OCI_INDEX} | ({"OCI-Filters-Applied": "artifactType"} if kinds else {})
        return document(index, told)


Route = Callable[..., Reply]
UPLOADS = rf"{NAME}/blobs/uploads/([0-9a-f-]+)"
BLOB = rf"{NAME}/blobs/(sha256:[0-9a-f]{{64}})"
MANIFEST = rf"{NAME}/manifests/([A-Za-z0-9_.:-]+)"
ROUTES: list[tuple[str, str, str, Route]] = [
    ("POST", rf"{NAME}/blobs/uploads/?", "ecr:InitiateLayerUpload", Front._begin),
    ("PATCH|GET|DELETE", UPLOADS, "ecr:UploadLayerPart", Front._upload),
    ("PUT", UPLOADS, "ecr:CompleteLayerUpload", Front._upload),
    ("HEAD", BLOB, "ecr:BatchCheckLayerAvailability", Front._head_blob),
    ("GET", BLOB, "ecr:GetDownloadUrlForLayer", Front._get_blob),
    ("GET|HEAD", MANIFEST, "ecr:BatchGetImage", Front._get_manifest),
    ("PUT", MANIFEST, "ecr:PutImage", Front._put_manifest),
    ("GET", rf"{NAME}/tags/list", "ecr:ListImages", Front._tags),
    ("GET", rf"{NAME}/referrers/(sha256:[0-9a-f]{{64}})", "ecr:BatchGetImage", Front._referrers),
]


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Reply:
    """The error as the distribution specification writes it."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Reply(status, body, {"Content-Type": "application/json", **(headers or {})})


def document(content: object, headers: dict[str, str]) -> Reply:
    return Reply(200, json.dumps(content).encode(), {"Content-Type": "application/json", **headers})


def part_of(file: Path, asked: Asked) -> Reply:
    """The file, or what a Range asks for of it."""
    size = file.stat().st_size
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("range", ""))
    kind = {"Content-Type": "application/octet-stream"}
    if not found:
        return Reply(200, headers=kind, stream=pieces(file, 0, size), length=size)
    start, end = int(found[1]), min(size - 1, int(found[2] or size))
    if start >= size:
        return Reply(416, headers={"Content-Range": f"bytes */{size}"})
    told = {**kind, "Content-Range": f"bytes {start}-{end}/{size}"}
    return Reply(206, headers=told, stream=pieces(file, start, end + 1), length=end + 1 - start)


def pieces(file: Path, start: int, end: int) -> Iterator[bytes]:
    with file.open("rb") as source:
        source.seek(start)
        while start < end and (piece := source.read(min(PIECE, end - start))):
            start += len(piece)
            yield piece
