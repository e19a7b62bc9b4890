"""The API's side of ``rig/ecr.py``: moto answers, except where ECR differs from it.

Ours are the calls about images and logins, paging, IAM's refusals, other accounts' registries, and the life
of credentials. Everything else (repositories, policies, IAM, STS, S3) is moto's.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from moto.core.exceptions import JsonRESTError
from moto.ecr.models import Image, Repository
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client

from rig.ecr_faults import refusal
from rig.ecr_front import Front
from rig.ecr_http import Asked, Reply
from rig.ecr_store import Place, Principal, Refused, digest_of

__all__ = ["Api", "Call"]

SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
JSON = "application/x-amz-json-1.1"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
UNKNOWN = "The security token included in the request is invalid."
ENDED = "The security token included in the request is expired"
SETTINGS = {
    "BASIC_SCAN_TYPE_VERSION": "AWS_NATIVE",
    "BLOB_MOUNTING": "DISABLED",
    "REGISTRY_POLICY_SCOPE": "V2",
}
GLOBAL = {"ecr:GetAuthorizationToken", "ecr:GetAccountSetting", "ecr:PutAccountSetting"}
"""What IAM knows without a resource."""


@dataclass(frozen=True)
class Call:
    """One call, and who makes it."""

    service: str
    action: str
    """``ecr:PutImage``."""
    key: str
    who: Principal | None
    place: Place
    """The caller's own registry."""
    given: dict[str, Any]

    @property
    def target(self) -> Place:
        """The registry that is meant."""
        account = self.given.get("registryId") if self.service == "ecr" else None
        return Place(str(account or self.place.account), self.place.region)


class Api:
    """Answers what boto3 asks for."""

    def __init__(self, front: Front) -> None:
        self.front, self.store, self.faults = front, front.store, front.store.faults
        self.moto = Client(DomainDispatcherApplication(create_backend_app))

    def call(self, asked: Asked, body: bytes) -> Call:
        """What is asked for, and by whom."""
        scope = SCOPE.search(asked.headers.get("authorization", ""))
        key, region, service = scope.groups() if scope else ("", "us-east-1", "s3")
        if "x-amz-target" in asked.headers:
            name, given = asked.headers["x-amz-target"].rpartition(".")[2], json.loads(body or b"{}")
        else:
            form = parse_qs(body.decode("latin-1")) if service in {"sts", "iam"} else {}
            name, given = form.get("Action", [asked.method])[0], {k: v[0] for k, v in form.items()}
        who = self.store.principal(key)
        account = who.account if who else "000000000000"
        return Call(service, f"{service}:{name}", key, who, Place(account, region), given)

    def serve(self, asked: Asked, call: Call, body: bytes) -> Reply:
        """What is answered."""
        said = self._stranger(call) or self._denied(call)
        if said is not None:
            return said
        if call.service == "ecr":
            return self._ecr(asked, call, body)
        return self._pass(asked, body)

    def _stranger(self, call: Call) -> Reply | None:
        if call.service == "s3":
            return None
        if call.who is None:
            code = "UnrecognizedClientException" if call.service == "ecr" else "InvalidClientTokenId"
            return failure(call, 403, code, UNKNOWN)
        if self.store.expired(call.key, call.who.account):
            code = "ExpiredTokenException" if call.service == "ecr" else "ExpiredToken"
            return failure(call, 403, code, ENDED)
        return None

    def _denied(self, call: Call) -> Reply | None:
        if call.who is None:
            return None
        resource = self._resource(call)
        said = self.faults.denied(call.action, call.who.arn, resource)
        if said is None and not self._trusted(call):
            said = f"User: {call.who.arn} is not authorized to perform: {call.action} on resource: {resource}"
        code = "AccessDeniedException" if call.service == "ecr" else "AccessDenied"
        return None if said is None else failure(call, 400 if call.service == "ecr" else 403, code, said)

    def _resource(self, call: Call) -> str:
        names = [call.given.get("repositoryName"), *(call.given.get("repositoryNames") or [])]
        if call.service == "ecr" and any(names):
            return call.target.arn(next(filter(None, names)))
        return str(call.given.get("RoleArn") or call.given.get("resourceArn") or "*")

    def _trusted(self, call: Call) -> bool:
        """Whether a role that exists may be assumed so: its external id must be the one of the call."""
        if call.action != "sts:AssumeRole":
            return True
        arn = call.given.get("RoleArn", "")
        account = arn.split(":")[4] if arn.count(":") >= 5 else ""
        roles = iam_backends[account]["aws"].roles.values() if account else ()
        role = next((each for each in roles if each.arn == arn), None)
        wanted = (
            re.findall(r'"sts:ExternalId":\s*"([^"]+)"', str(role.assume_role_policy_document))
            if role
            else []
        )
        return not wanted or call.given.get("ExternalId") in wanted

    def _ecr(self, asked: Asked, call: Call, body: bytes) -> Reply:
        assert call.who is not None
        try:
            own = OWN.get(call.action.partition(":")[2])
            if call.target != call.place and call.action not in GLOBAL:
                self._elsewhere(call)
            if own is not None:
                return answered(own(self, call))
            reply = self._pass(asked, body, call)
        except Refused as refused:
            return failure(call, 400, refused.name, refused.message)
        except JsonRESTError as error:
            return failure(call, 400, error.error_type, error.message)
        return self._paged(call, reply)

    def _elsewhere(self, call: Call) -> None:
        """Another account's registry: its repository's policy decides. Raises Refused."""
        assert call.who is not None
        name = call.given.get("repositoryName") or next(iter(call.given.get("repositoryNames", [])), "")
        if call.target.host not in self.front.places:
            text = refusal(call.action, call.who.arn, call.target.arn(name), "repository")
            raise Refused(400, "DENIED", text, "AccessDeniedException")
        self.store.allow(call.who, call.action, call.target, name)

    def _pass(self, asked: Asked, body: bytes, call: Call | None = None) -> Reply:
        """Moto's answer; for another account's registry, with a key of that account."""
        headers = {name: value for name, value in asked.headers.items() if name != "transfer-encoding"}
        if call is not None and call.target.account != call.place.account:
            keys = iam_backends[call.target.account]["aws"].access_keys
            headers["authorization"] = headers["authorization"].replace(call.key, next(iter(keys)))
        base = f"http://{asked.headers.get('host', '127.0.0.1')}"
        done = self.moto.open(
            asked.path,
            base_url=base,
            method=asked.method,
            query_string=asked.query,
            headers=headers,
            data=body,
        )
        kept = {k: v for k, v in done.headers.items() if k.lower() not in {"content-length", "connection"}}
        return Reply(done.status_code, done.get_data(), kept, length=_length(asked, done))

    def _paged(self, call: Call, reply: Reply) -> Reply:
        """One page of moto's whole list."""
        if call.action != "ecr:DescribeRepositories" or reply.status != 200:
            return reply
        whole = json.loads(reply.body)
        if call.given.get("repositoryNames"):
            return reply
        return answered(self._page(call, "repositories", whole["repositories"]))

    def _page(self, call: Call, name: str, entries: list[Any]) -> dict[str, Any]:
        start = int(call.given.get("nextToken") or 0)
        end = start + int(call.given.get("maxResults") or self.faults.page)
        return {name: entries[start:end], **({"nextToken": str(end)} if end < len(entries) else {})}

    # --- calls of ECR that are ours ---

    def login(self, call: Call) -> dict[str, Any]:
        assert call.who is not None
        given = []
        for account in call.given.get("registryIds") or [call.who.account]:
            token, until = self.store.token(call.who, call.place.region)
            end = f"https://{Place(account, call.place.region).host}"
            given.append({"authorizationToken": token, "expiresAt": until, "proxyEndpoint": end})
        return {"authorizationData": given}

    def setting(self, call: Call) -> dict[str, Any]:
        name = call.given["name"]
        if name not in SETTINGS:
            raise Refused(400, "", f"Invalid parameter at 'name': {name}")
        if "value" in call.given:
            self.store.settings[call.place, name] = call.given["value"]
        return {"name": name, "value": self.store.settings.get((call.place, name), SETTINGS[name])}

    def layers(self, call: Call) -> dict[str, Any]:
        there = self._repository(call).layers
        digests = call.given["layerDigests"]
        found = [
            {"layerDigest": d, "layerAvailability": "AVAILABLE", "layerSize": there[d], "mediaType": LAYER}
            for d in digests
            if d in there
        ]
        lacking = [
            {"layerDigest": d, "failureCode": "MissingLayerDigest", "failureReason": "Layer not found"}
            for d in digests
            if d not in there
        ]
        return {"layers": found, "failures": lacking}

    def download(self, call: Call) -> dict[str, Any]:
        digest = call.given["layerDigest"]
        repository = self._repository(call)
        if digest not in repository.layers:
            raise Refused(404, "", f"Layer {digest} not found", "LayersNotFoundException")
        if not self.store.readable(repository, digest):
            raise Refused(400, "", f"Layer {digest} is not accessible", "LayerInaccessibleException")
        return {"downloadUrl": self.front.download(call.target, digest), "layerDigest": digest}

    def put_image(self, call: Call) -> dict[str, Any]:
        raw, repository = call.given["imageManifest"].encode(), self._repository(call)
        kind = call.given.get("imageManifestMediaType") or json.loads(raw).get("mediaType", "")
        digest, tag = digest_of(raw), call.given.get("imageTag")
        if call.given.get("imageDigest", digest) != digest:
            raise Refused(400, "", "image digest does not match", "ImageDigestDoesNotMatchException")
        before = self.store.image(repository, digest)
        if before is not None and (tag is None or tag in before.image_tags):
            text = f"Image with digest '{digest}' and tag '{tag}' already exists"
            raise Refused(400, "", text, "ImageAlreadyExistsException")
        found = self.store.put(repository, tag or digest, kind, raw)
        return {"image": self._whole(call, found, tag)}

    def get_images(self, call: Call) -> dict[str, Any]:
        repository, images, failures = self._repository(call), [], []
        for wanted in call.given["imageIds"]:
            found = self._named(repository, wanted)
            if found is None:
                why = {"failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
                failures.append({"imageId": wanted, **why})
            else:
                images.append(self._whole(call, found, wanted.get("imageTag")))
        return {"images": images, "failures": failures}

    def describe_images(self, call: Call) -> dict[str, Any]:
        repository, wanted = self._repository(call), call.given.get("imageIds")
        if not wanted:
            images = _chosen(call, repository)
            return self._page(call, "imageDetails", [self._detail(call, repository, each) for each in images])
        found = [self._named(repository, each) for each in wanted]
        if None in found:
            lacking = wanted[found.index(None)]
            where = f"within the repository with name '{repository.name}'"
            text = f"The image with imageId {lacking} does not exist {where}"
            raise Refused(404, "", text, "ImageNotFoundException")
        return {"imageDetails": [self._detail(call, repository, each) for each in found if each is not None]}

    def list_images(self, call: Call) -> dict[str, Any]:
        ids = [
            {"imageDigest": each.image_digest, **({"imageTag": tag} if tag else {})}
            for each in _chosen(call, self._repository(call))
            for tag in (each.image_tags or [""])
        ]
        return self._page(call, "imageIds", ids)

    def referrers(self, call: Call) -> dict[str, Any]:
        repository = self._repository(call)
        found = self.store.referrers(repository, call.given["subjectId"]["imageDigest"])
        kinds = (call.given.get("filter") or {}).get("artifactTypes")
        return self._page(
            call, "referrers", [each for each in found if not kinds or each["artifactType"] in kinds]
        )

    def _repository(self, call: Call) -> Repository:
        return self.store.repository(call.target, call.given["repositoryName"])

    def _named(self, repository: Repository, wanted: Mapping[str, str]) -> Image | None:
        found = self.store.image(repository, wanted.get("imageDigest") or wanted.get("imageTag", ""))
        tag = wanted.get("imageTag")
        return None if found is None or (tag and tag not in found.image_tags) else found

    def _whole(self, call: Call, image: Image, tag: str | None) -> dict[str, Any]:
        return {
            "registryId": call.target.account,
            "repositoryName": call.given["repositoryName"],
            "imageId": {"imageDigest": image.image_digest, **({"imageTag": tag} if tag else {})},
            "imageManifest": image.image_manifest,
            "imageManifestMediaType": image.image_manifest_media_type,
        }

    def _detail(self, call: Call, repository: Repository, image: Image) -> dict[str, Any]:
        document = json.loads(image.image_manifest)
        kind = document.get("artifactType") or (document.get("config") or {}).get("mediaType")
        return {
            "registryId": call.target.account,
            "repositoryName": repository.name,
            "imageDigest": image.image_digest,
            **({"imageTags": list(image.image_tags)} if image.image_tags else {}),
            "imageSizeInBytes": self.store.size(repository, image),
            "imagePushedAt": image.image_pushed_at,
            "imageManifestMediaType": image.image_manifest_media_type,
            **({"artifactMediaType": kind} if kind else {}),
        }


OWN: dict[str, Callable[[Api, Call], dict[str, Any]]] = {
    "GetAuthorizationToken": Api.login,
    "GetAccountSetting": Api.setting,
    "PutAccountSetting": Api.setting,
    "BatchCheckLayerAvailability": Api.layers,
    "GetDownloadUrlForLayer": Api.download,
    "PutImage": Api.put_image,
    "BatchGetImage": Api.get_images,
    "DescribeImages": Api.describe_images,
    "ListImages": Api.list_images,
    "ListImageReferrers": Api.referrers,
}


def answered(document: Mapping[str, Any]) -> Reply:
    return Reply(200, json.dumps(document).encode(), {"Content-Type": JSON})


def failure(call: Call, status: int, code: str, message: str) -> Reply:
    """An error as the service writes it: JSON of ECR, XML of STS, IAM and S3."""
    if call.service not in {"sts", "iam", "s3"}:
        text = json.dumps({"__type": code, "message": message}).encode()
        return Reply(status, text, {"Content-Type": JSON, "x-amzn-ErrorType": code})
    inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    text = f"<ErrorResponse>{inner}<RequestId>1</RequestId></ErrorResponse>".encode()
    return Reply(status, inner.encode() if call.service == "s3" else text, {"Content-Type": "text/xml"})


def _chosen(call: Call, repository: Repository) -> list[Image]:
    wanted = (call.given.get("filter") or {}).get("tagStatus", "ANY")
    return [
        each for each in repository.images if wanted == "ANY" or bool(each.image_tags) == (wanted == "TAGGED")
    ]


def _length(asked: Asked, done: Any) -> int | None:
    """A HEAD tells how long the body is that it does not send."""
    told = done.headers.get("Content-Length")
    return int(told) if asked.method == "HEAD" and told else None
