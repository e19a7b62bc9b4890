"""Amazon ECR on this machine: the API (moto's, mended) and a registry with ECR's names, in one process.

``with ecr() as rig:`` gives an empty one; ``rig.environ()`` is all that a program needs to use it. Its
registry answers by TLS at the real names ``ACCOUNT.dkr.ecr.REGION.amazonaws.com``, with certificates of a CA
of its own, and its URLs of blobs lead to the real name of S3's bucket. There are two ways to reach them:

- through ``HTTPS_PROXY`` of ``rig.environ()``: the registry itself is that proxy, and refuses other names;
- as the Docker engine does, by name: ``rig/ecr_names.py`` maps them for a while (fixture ``ecr_engine``).

Nothing gets to AWS in either way: credentials are made up here, and boto3's endpoints are on this machine.
"""

import contextlib
import json
import os
import re
import ssl
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import boto3
import botocore.session
import certifi
import trustme
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.sts.models import sts_backends
from moto.sts.utils import DEFAULT_STS_SESSION_DURATION

from byoc_kit.oci.image import Image
from rig.ecr_api import Api, failure
from rig.ecr_faults import Cut, Fault, Faults
from rig.ecr_front import Front, error
from rig.ecr_http import Asked, Reply, serving
from rig.ecr_store import Place, Store

__all__ = ["ACCOUNTS", "PREBUILT", "REGIONS", "Ecr", "Faults", "Request", "ecr"]

ACCOUNTS = ("111122223333", "444455556666")
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
PREBUILT = "763104351884"
"""Whose deep learning containers everybody uses; nobody's session here belongs to it."""
ROLE = "byoc-sagemaker"
LOADER = botocore.session.Session().get_component("data_loader")
AWS = re.compile(
    r"(^|\.)(amazonaws\.[a-z.]+|amazonwebservices\.[a-z.]+|aws|awsapps\.com|aws\.dev|ic\.gov|sgov\.gov|adc-e\.uk)$"
)
"""Names that AWS answers to, in all its partitions."""


@dataclass
class Request:
    """What was asked, and what came of it."""

    kind: Literal["api", "registry", "s3"]
    method: str
    path: str
    """Of the API the action, ``ecr:PutImage``."""
    account: str
    """Of the registry; of the API, of the caller."""
    region: str
    body_bytes: int = 0
    """Bytes of the request's body that came."""
    status: int | None = None
    """None: the line was cut."""
    sent_bytes: int = 0
    asked: Asked | None = field(default=None, repr=False)

    @property
    def cut(self) -> bool:
        """Whether the line ended before its time."""
        return self.asked is not None and self.asked.was_cut

    def __str__(self) -> str:
        return f"{self.kind} {self.method} {self.path}"


@dataclass
class Ecr:
    """A running rig."""

    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    folder: Path
    api: str = ""
    """``http://127.0.0.1:PORT``: where boto3 finds ecr, sts, iam and s3."""
    port: int = 0
    """Of the registry on loopback; with a CONNECT before TLS it is a proxy for its own names."""
    open_port: int = 0
    """The same, and it leads on to names that are not AWS's."""
    faults: Faults = field(default_factory=Faults)
    requests: list[Request] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _clients: dict[tuple[str, str, str, float], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.places = [Place(account, region) for account in self.accounts for region in self.regions]
        self.store = Store(self.folder, self.faults)
        self.front = Front(self.store, self.places)
        self.moto = Api(self.front)
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(str(self.ca))
        known = Path(os.environ.get("SSL_CERT_FILE") or certifi.where())
        self.bundle.write_bytes(known.read_bytes() + b"\n" + self.ca.read_bytes())

    @property
    def ca(self) -> Path:
        """The certificate of the registry's CA, PEM."""
        return self.folder / "ca.pem"

    @property
    def bundle(self) -> Path:
        """The same, and all that this machine trusts."""
        return self.folder / "bundle.pem"

    def host(self, account: str | None = None, region: str | None = None) -> str:
        """``ACCOUNT.dkr.ecr.REGION.amazonaws.com``."""
        return Place(account or self.accounts[0], region or self.regions[0]).host

    def context(self) -> ssl.SSLContext:
        """TLS of the registry, for all of its names."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued = self.authority.issue_cert(*self.front.hosts, key_type=trustme.KeyType.ECDSA)
        issued.configure_cert(made)
        return made

    def keys(self, account: str | None = None, session: str = "byoc", role: str = ROLE) -> dict[str, str]:
        """Credentials of a new session of the role in *account*, as variables."""
        arn = f"arn:aws:iam::{account or self.accounts[0]}:role/{role}"
        made = sts_backends[account or self.accounts[0]]["aws"].assume_role(
            "us-east-1", session, arn, "", DEFAULT_STS_SESSION_DURATION, ""
        )
        return {
            "AWS_ACCESS_KEY_ID": made.access_key_id,
            "AWS_SECRET_ACCESS_KEY": made.secret_access_key,
            "AWS_SESSION_TOKEN": made.session_token,
        }

    def environ(
        self, account: str | None = None, region: str | None = None, *, index: bool = False
    ) -> dict[str, str]:
        """The variables with which a program finds this and nothing else; *index*: nothing else of AWS.

        With *index* it finds everything but AWS, as it must where it gets packages.
        """
        proxy = f"http://127.0.0.1:{self.open_port if index else self.port}"
        bundles = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")
        chosen = region or self.regions[0]
        return {
            **self.keys(account),
            "AWS_ENDPOINT_URL": self.api,
            "AWS_DEFAULT_REGION": chosen,
            "AWS_REGION": chosen,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(self.folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "credentials"),
            "DOCKER_CONFIG": str(self.folder / "docker"),
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            **dict.fromkeys(bundles, str(self.bundle)),
        }

    def client(self, service: str, account: str | None = None, region: str | None = None) -> Any:
        """A client of boto3 for *service*, as that account."""
        chosen = (service, account or self.accounts[0], region or self.regions[0], self.faults.sessions_end)
        with self._lock:
            if chosen not in self._clients:
                names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
                keys = dict(zip(names, self.keys(chosen[1]).values(), strict=True))
                session: Any = boto3.Session(botocore_session=_quick(), region_name=chosen[2], **keys)
                self._clients[chosen] = session.client(service, endpoint_url=self.api)
            return self._clients[chosen]

    def seed(self, place: Place, repository: str, tag: str, image: Image) -> str:
        """Put *image* there as if it had been for ever; its name. Others may pull it."""
        if repository not in place.backend.repositories:
            made = place.backend.create_repository(repository, None, {}, {}, "MUTABLE", [])
            allow = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
            made.policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        found = place.backend.repositories[repository]
        contents = [(each.descriptor.digest, b"".join(each.read())) for each in image.layers]
        for digest, content in [*contents, (image.manifest.config.digest, image.raw_config)]:
            self.store.blob(digest).write_bytes(content)
            found.layers[digest] = len(content)
        self.store.put(found, tag, image.manifest.media_type, image.manifest.raw)
        return f"{place.host}/{repository}:{tag}"

    def reset(self) -> None:
        """Empty, without faults, and nothing was asked."""
        self.faults.clear()
        for place in (*self.places, *self.front.open.places.values()):
            place.backend.reset()
        for account in self.accounts:
            iam_backends[account]["aws"].reset()
            sts_backends[account]["aws"].reset()
            s3_backends[account]["aws"].reset()
        for kept in (self.store.tokens, self.store.uploads, self.store.settings, self.store.signatures):
            kept.clear()
        for file in self.folder.glob("sha256-*"):
            file.unlink()
        self.requests.clear()
        self._clients.clear()

    def served(self, asked: Asked) -> Reply:
        """The registry's answer."""
        place = self.front.places.get(asked.host) or self.front.open.places.get(asked.host)
        region = place.region if place else self.front.buckets.get(asked.host, "")
        kind: Literal["registry", "s3"] = "s3" if asked.host in self.front.buckets else "registry"
        request = Request(kind, asked.method, asked.path, place.account if place else "", region)
        return self._recorded(request, asked, lambda: self.front.serve(asked), _error)

    def called(self, asked: Asked) -> Reply:
        """The API's answer."""
        body = asked.body()
        call = self.moto.call(asked, body)
        request = Request("api", asked.method, call.action, call.place.account, call.place.region)
        request.body_bytes = len(body)

        def trouble(fault: Fault) -> Reply:
            code = "ThrottlingException" if fault.status == 429 else "ServerException"
            return failure(call, 400 if fault.status == 429 else fault.status or 500, code, "Rate exceeded")

        return self._recorded(request, asked, lambda: self.moto.serve(asked, call, body), trouble)

    def _recorded(self, request: Request, asked: Asked, serve: Any, trouble: Any) -> Reply:
        request.asked = asked
        with self._lock:
            self.requests.append(request)
        fault = self.faults.meet(str(request))
        try:
            if request.region in self.faults.down or (fault and fault.status is None and fault.after == 0):
                raise Cut
            if fault is not None and fault.status is not None:
                asked.drain()
                reply: Reply = trouble(fault)
            else:
                if fault is not None:
                    asked.cut_after, asked.spared = fault.after, fault.give_back
                reply = serve()
            request.status = reply.status
        finally:
            request.body_bytes = max(request.body_bytes, asked.received)
        request.sent_bytes = len(reply.body) if reply.length is None else reply.length
        return reply


def _quick() -> botocore.session.Session:
    """A session that need not read the services' models again."""
    made = botocore.session.Session()
    made.register_component("data_loader", LOADER)
    return made


def _error(fault: Fault) -> Reply:
    code = "TOOMANYREQUESTS" if fault.status == 429 else "UNKNOWN"
    return error(fault.status or 500, code, "Rate exceeded" if fault.status == 429 else "Internal error")


@contextlib.contextmanager
def ecr(*, accounts: Sequence[str] = ACCOUNTS, regions: Sequence[str] = REGIONS) -> Iterator[Ecr]:
    """An empty ECR for as long as the block runs. One at a time in a process: its state is moto's."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="byoc-ecr-")))
        rig = Ecr(tuple(accounts), tuple(regions), folder)
        rig.reset()
        bucket, names = rig.faults.bucket, frozenset(rig.front.hosts)
        front = partial(serving, rig.served, bucket=bucket, tls=rig.context(), names=names.__contains__)
        rig.port = stack.enter_context(front())
        rig.open_port = stack.enter_context(front(beyond=lambda name: not AWS.search(name)))
        rig.api = f"http://127.0.0.1:{stack.enter_context(serving(rig.called, bucket=bucket))}"
        yield rig
        rig.reset()
