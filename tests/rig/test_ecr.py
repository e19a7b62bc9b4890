"""The rig's ECR does what ECR does, and what moto does not."""

import base64
import hashlib
import json
import socket
from collections.abc import Iterator

import pytest
import urllib3
from botocore.exceptions import ClientError

from byoc_kit.errors import ByocError
from byoc_kit.images.blobs import Blobs
from byoc_kit.images.http import Backoff
from byoc_kit.images.keychain import Credentials
from byoc_kit.images.moving import Bytes
from byoc_kit.images.registry import RemoteRepository
from byoc_kit.images.session import Session
from byoc_kit.oci.digest import measure
from byoc_kit.oci.manifest import DOCKER_MANIFEST, Descriptor, Manifest, parse_manifest
from byoc_kit.oci.reference import Repository
from rig.ecr import ACCOUNTS, Ecr

OURS, THEIRS = ACCOUNTS
LAYER = b"layer" * 1000
CONFIG = b'{"os": "linux", "architecture": "amd64"}'


def session(
    ecr: Ecr, name: str = "team/app", *, caller: str = OURS, at: str = OURS, region: str = "us-east-1"
) -> Session:
    """What a caller of one account says to a registry."""

    def login(host: str) -> Credentials:
        answer = ecr.client("ecr", caller, region).get_authorization_token()
        token = answer["authorizationData"][0]["authorizationToken"]
        user, _, secret = base64.b64decode(token).decode().partition(":")
        return Credentials(user, secret)

    where = Repository(ecr.host(at, region), name)
    return Session(where, keychain=login, environ=ecr.environ(), backoff=Backoff.standard(0.001))


def blob(content: bytes) -> Bytes:
    return Bytes(Descriptor("application/octet-stream", *measure([content])), content)


def pushed(line: Session, tag: str = "1", config: bytes = CONFIG) -> Manifest:
    """A small image."""
    for content in (LAYER, config):
        Blobs(line).put(blob(content))
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": blob(config).descriptor.to_json(),
        "layers": [blob(LAYER).descriptor.to_json()],
    }
    made = parse_manifest(json.dumps(document).encode(), DOCKER_MANIFEST)
    assert isinstance(made, Manifest)
    RemoteRepository(line).put_manifest(tag, made)
    return made


@pytest.fixture
def line(ecr: Ecr) -> Iterator[Session]:
    ecr.client("ecr").create_repository(repositoryName="team/app")
    made = session(ecr)
    yield made
    made.close()


def test_what_is_pushed_is_what_the_api_tells(ecr: Ecr, line: Session) -> None:
    made = pushed(line)
    (detail,) = ecr.client("ecr").describe_images(repositoryName="team/app")["imageDetails"]
    assert detail["imageDigest"] == made.digest == f"sha256:{hashlib.sha256(made.raw).hexdigest()}"
    assert detail["imageTags"] == ["1"]
    assert detail["imageSizeInBytes"] == len(LAYER) + len(CONFIG)
    digest = blob(LAYER).descriptor.digest
    answer = ecr.client("ecr").batch_check_layer_availability(
        repositoryName="team/app", layerDigests=[digest]
    )
    assert [each["layerAvailability"] for each in answer["layers"]] == ["AVAILABLE"]
    assert b"".join(Blobs(line).read(blob(LAYER).descriptor)) == LAYER


def test_a_tag_that_moves_leaves_its_image_untagged(ecr: Ecr, line: Session) -> None:
    first, second = pushed(line), pushed(line, config=b"{}")
    found = {
        each["imageDigest"]: each.get("imageTags")
        for each in ecr.client("ecr").describe_images(repositoryName="team/app")["imageDetails"]
    }
    assert found == {first.digest: None, second.digest: ["1"]}


def test_a_tag_that_must_not_move_does_not(ecr: Ecr, line: Session) -> None:
    rules = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    ecr.client("ecr").put_image_tag_mutability(
        repositoryName="team/app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=rules,
    )
    first = pushed(line)
    pushed(line, "dev-1")
    pushed(line, "dev-1", config=b"{}")
    with pytest.raises(ByocError):
        pushed(line, config=b"{}")
    assert ecr.requests[-1].status == 400
    assert RemoteRepository(line).manifest("1") == first
    with pytest.raises(ClientError, match="ImageTagAlreadyExistsException"):
        ecr.client("ecr").put_image(repositoryName="team/app", imageManifest=_other(first), imageTag="1")


def _other(manifest: Manifest) -> str:
    return manifest.raw.decode() + "\n"


def test_a_login_ends(ecr: Ecr, line: Session) -> None:
    pushed(line)
    header = line.login.header()
    ecr.faults.expire_tokens()
    assert header is not None
    answer = _asked(ecr, header)
    assert answer.startswith("403")
    assert "has expired" in answer


def _asked(ecr: Ecr, header: str) -> str:
    from byoc_kit.images.http import pool

    with pool(f"https://{ecr.host()}", ecr.environ()) as http:
        found = http.request("GET", f"https://{ecr.host()}/v2/", headers={"Authorization": header})
        return f"{found.status} {found.data.decode()}"


def test_no_other_name_leads_anywhere(ecr: Ecr) -> None:
    for name in ("999900001111.dkr.ecr.us-east-1.amazonaws.com", "sts.amazonaws.com", "registry.example"):
        line = Session(Repository(name, "a/b"), environ=ecr.environ(), backoff=Backoff.standard(0.001))
        with pytest.raises(ByocError, match="cannot be reached"):
            RemoteRepository(line).tags()
    assert ecr.requests == []


def test_buckets_are_gone_with_a_reset(ecr: Ecr) -> None:
    for _ in range(2):
        ecr.client("s3").create_bucket(Bucket="byoc-data")
        ecr.client("s3").put_object(Bucket="byoc-data", Key="a/b", Body=b"x")
        ecr.reset()
    assert ecr.client("s3").list_buckets()["Buckets"] == []


def test_a_way_out_for_packages_leads_to_no_aws(ecr: Ecr) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        port = outside.getsockname()[1]
        assert connect(ecr, f"localhost:{port}") == 200
        for name in (
            f"{THEIRS}.dkr.ecr.eu-west-3.amazonaws.com",
            "api.ecr.eu-west-1.api.aws",
            "sts.amazonaws.com.cn",
        ):
            assert connect(ecr, f"{name}:443") == 403
    assert connect(ecr, f"{ecr.host()}:443") == 200


def connect(ecr: Ecr, where: str) -> int:
    """What the proxy answers that ``ecr.environ(index=True)`` names."""
    proxy = urllib3.util.parse_url(ecr.environ(index=True)["HTTPS_PROXY"])
    with socket.create_connection((proxy.host or "", proxy.port or 0), timeout=10) as line:
        line.sendall(f"CONNECT {where} HTTP/1.1\r\n\r\n".encode())
        return int(line.recv(1000).split()[1])


def test_another_account_needs_the_repositorys_policy(ecr: Ecr, line: Session) -> None:
    pushed(line)
    theirs = session(ecr, caller=THEIRS)
    with pytest.raises(ByocError, match="403 DENIED"):
        RemoteRepository(theirs).manifest("1")
    allow = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{THEIRS}:root"},
        "Action": "ecr:BatchGetImage",
    }
    ecr.client("ecr").set_repository_policy(
        repositoryName="team/app", policyText=json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    )
    assert RemoteRepository(session(ecr, caller=THEIRS)).manifest("1") is not None
    api = ecr.client("ecr", THEIRS)
    answer = api.batch_get_image(registryId=OURS, repositoryName="team/app", imageIds=[{"imageTag": "1"}])
    assert answer["images"][0]["registryId"] == OURS
    with pytest.raises(ClientError, match="no resource-based policy allows the ecr:DescribeRepositories"):
        api.describe_repositories(registryId=OURS, repositoryNames=["team/app"])
