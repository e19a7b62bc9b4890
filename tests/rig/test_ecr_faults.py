"""Each fault of the rig's ECR does what it says, for as many requests as it says."""

import json
import time
from collections.abc import Iterator

import pytest
import urllib3
from botocore.exceptions import ClientError

from byoc_kit.errors import ByocError
from byoc_kit.images.blobs import Blobs
from byoc_kit.images.http import pool
from byoc_kit.images.registry import RemoteRepository
from byoc_kit.images.session import Session
from rig.ecr import ACCOUNTS, Ecr
from rig.test_ecr import LAYER, blob, pushed, session

OURS, THEIRS = ACCOUNTS
pytestmark = pytest.mark.long


@pytest.fixture
def line(ecr: Ecr) -> Iterator[Session]:
    ecr.client("ecr").create_repository(repositoryName="team/app")
    made = session(ecr)
    yield made
    made.close()


def raw(
    ecr: Ecr, line: Session, method: str, url: str, body: bytes = b"", **headers: str
) -> urllib3.BaseHTTPResponse:
    """One request as it is, without any of a client's patience."""
    whole = url if url.startswith("https:") else f"https://{ecr.host()}{url}"
    shown = {"Authorization": line.login.header() or ""} | {
        k.replace("_", "-"): v for k, v in headers.items()
    }
    with pool(whole, ecr.environ()) as http:
        return http.request(method, whole, body=body, headers=shown, retries=False, redirect=False)


def statuses(ecr: Ecr, match: str) -> list[int | None]:
    return [each.status for each in ecr.requests if match in str(each)]


def test_throttling(ecr: Ecr, line: Session) -> None:
    ecr.faults.throttle("ecr:ListImages", times=2)
    assert ecr.client("ecr").list_images(repositoryName="team/app")["imageIds"] == []
    assert statuses(ecr, "ecr:ListImages") == [400, 400, 200]
    ecr.faults.throttle("registry GET .*/tags/list", times=1)
    assert RemoteRepository(line).tags() == frozenset()
    assert 429 in statuses(ecr, "tags/list")


def test_a_line_is_cut_after_so_many_bytes(ecr: Ecr, line: Session) -> None:
    ecr.faults.cut(after_bytes=1000, match="registry PATCH")
    pushed(line)
    assert [each.status for each in ecr.requests if each.method == "PATCH"] == [None, 201, 201]
    ecr.faults.cut(after_bytes=1000, match="s3 GET")
    assert b"".join(Blobs(line).read(blob(LAYER).descriptor)) == LAYER
    assert len(statuses(ecr, "s3 GET")) == 2


def test_a_region_is_down(ecr: Ecr, line: Session) -> None:
    assert RemoteRepository(line).tags() == frozenset()
    ecr.faults.region_down("us-east-1")
    with pytest.raises(ByocError, match="cannot be reached"):
        RemoteRepository(line).tags()
    ecr.client("ecr", region="eu-west-1").create_repository(repositoryName="team/app")
    assert RemoteRepository(session(ecr, region="eu-west-1")).tags() == frozenset()
    ecr.faults.region_down("us-east-1", down=False)
    assert RemoteRepository(line).tags() == frozenset()


def test_all_bodies_share_the_rate(ecr: Ecr, line: Session) -> None:
    content = blob(bytes(2_000_000))
    ecr.faults.slow(4_000_000)
    start = time.monotonic()
    Blobs(line).put(content)
    assert time.monotonic() - start > 0.4


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("identity", "because no identity-based policy allows the ecr:PutImage action"),
        ("explicit", "with an explicit deny in an identity-based policy"),
        ("scp", "with an explicit deny in a service control policy"),
        ("boundary", "because no permissions boundary allows the ecr:PutImage action"),
    ],
)
def test_iam_says_no(ecr: Ecr, line: Session, form: str, words: str) -> None:
    made = pushed(line)
    ecr.faults.deny("ecr:PutImage", form)  # type: ignore[arg-type]
    with pytest.raises(ClientError) as api:
        ecr.client("ecr").put_image(repositoryName="team/app", imageManifest=made.raw.decode(), imageTag="2")
    who = f"User: arn:aws:sts::{OURS}:assumed-role/byoc-sagemaker/byoc"
    on = f"ecr:PutImage on resource: arn:aws:ecr:us-east-1:{OURS}:repository/team/app"
    said = f"{who} is not authorized to perform: {on} {words}"
    assert api.value.response["Error"] == {"Code": "AccessDeniedException", "Message": said}
    answer = raw(ecr, line, "PUT", "/v2/team/app/manifests/2", made.raw, Content_Type=made.media_type)
    assert answer.status == 403
    assert answer.json()["errors"] == [{"code": "DENIED", "message": said}]


def test_iam_allows_nothing_but(ecr: Ecr, line: Session) -> None:
    ecr.faults.allow_only({"ecr:GetAuthorizationToken", "ecr:List*"})
    assert RemoteRepository(line).tags() == frozenset()
    with pytest.raises(ClientError, match="no identity-based policy allows the ecr:DescribeImages action"):
        ecr.client("ecr").describe_images(repositoryName="team/app")


def test_a_login_without_permission(ecr: Ecr) -> None:
    ecr.faults.deny("ecr:GetAuthorizationToken")
    with pytest.raises(ClientError, match="on resource: \\* because no identity-based policy"):
        ecr.client("ecr").get_authorization_token()


def test_credentials_end(ecr: Ecr) -> None:
    api = ecr.client("ecr")
    api.describe_repositories()
    time.sleep(0.01)
    ecr.faults.expire_credentials()
    with pytest.raises(ClientError, match="ExpiredTokenException"):
        api.describe_repositories()
    ecr.client("ecr").describe_repositories()


def test_a_role_wants_its_external_id(ecr: Ecr) -> None:
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OURS}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "42"}},
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = ecr.client("iam", THEIRS).create_role(RoleName="publisher", AssumeRolePolicyDocument=text)
    arn, sts = made["Role"]["Arn"], ecr.client("sts", OURS)
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole on resource: " + arn):
        sts.assume_role(RoleArn=arn, RoleSessionName="ci")
    given = sts.assume_role(RoleArn=arn, RoleSessionName="ci", ExternalId="42")
    assert given["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{THEIRS}:assumed-role/publisher/ci"


def test_uploads_are_as_odd_as_those_of_ecr(ecr: Ecr, line: Session) -> None:
    RemoteRepository(line).tags()
    big = bytes(5 << 20)
    begun = raw(ecr, line, "POST", "/v2/team/app/blobs/uploads/")
    where = begun.headers["Location"]
    first = raw(ecr, line, "PATCH", where, big, Content_Range=f"0-{len(big) - 1}")
    second = raw(ecr, line, "PATCH", where, b"rest", Content_Range=f"{len(big)}-{len(big) + 3}")
    assert (first.status, second.status) == (201, 201)
    assert second.headers["Range"] == f"0-{len(big) - 1}"
    again = raw(ecr, line, "PATCH", where, big, Content_Range=f"0-{len(big) - 1}")
    assert again.status == 416
    assert "First byte of the layer part is 0 instead of 5242884" in again.data.decode()
    assert raw(ecr, line, "GET", where).status == 405
    digest = blob(big + b"rest").descriptor.digest
    assert raw(ecr, line, "PUT", f"{where}?digest={digest}").status == 201
    assert raw(ecr, line, "GET", f"/v2/team/app/blobs/{digest}").status == 404, "no manifest names it"
    small = raw(ecr, line, "POST", "/v2/team/app/blobs/uploads/").headers["Location"]
    assert raw(ecr, line, "PATCH", small, b"abc").status == 201
    assert raw(ecr, line, "PATCH", small, b"def", Content_Range="3-5").status == 400


def test_uploads_by_the_book(ecr: Ecr, line: Session) -> None:
    RemoteRepository(line).tags()
    ecr.faults.upload_quirks(False)
    where = raw(ecr, line, "POST", "/v2/team/app/blobs/uploads/").headers["Location"]
    assert raw(ecr, line, "PATCH", where, b"abc").status == 202
    assert raw(ecr, line, "PATCH", where, b"def").headers["Range"] == "0-5"
    assert raw(ecr, line, "GET", where).headers["Range"] == "0-5"


def test_blobs_come_from_s3_which_wants_no_second_login(ecr: Ecr, line: Session) -> None:
    pushed(line)
    digest = blob(LAYER).descriptor.digest
    answer = raw(ecr, line, "GET", f"/v2/team/app/blobs/{digest}")
    where = answer.headers["Location"]
    assert answer.status == 307
    assert where.startswith("https://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com/")
    assert raw(ecr, line, "GET", where).status == 400
    given = ecr.client("ecr").get_download_url_for_layer(repositoryName="team/app", layerDigest=digest)
    with pool(where, ecr.environ()) as http:
        assert http.request("GET", given["downloadUrl"]).data == LAYER
        part = http.request("GET", where, headers={"Range": "bytes=10-"})
        assert (part.status, part.data) == (206, LAYER[10:])
        assert http.request("GET", where + "0").status == 403


def test_a_repository_that_does_not_exist(ecr: Ecr, line: Session) -> None:
    RemoteRepository(line).tags()
    answer = raw(ecr, line, "POST", "/v2/team/nope/blobs/uploads/")
    assert (answer.status, answer.json()["errors"][0]["code"]) == (404, "NAME_UNKNOWN")
    ecr.faults.missing = "cut"
    with pytest.raises(urllib3.exceptions.HTTPError):
        raw(ecr, line, "POST", "/v2/team/nope/blobs/uploads/")


def test_mounts(ecr: Ecr, line: Session) -> None:
    pushed(line)
    api, digest = ecr.client("ecr"), blob(LAYER).descriptor.digest
    api.create_repository(repositoryName="team/two")
    api.create_repository(repositoryName="team/secret", encryptionConfiguration={"encryptionType": "KMS"})
    mount = f"?mount={digest}&from=team/app"
    assert raw(ecr, line, "POST", f"/v2/team/two/blobs/uploads/{mount}").status == 202, (
        "off until it is asked for"
    )
    api.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    assert raw(ecr, line, "POST", f"/v2/team/secret/blobs/uploads/{mount}").status == 202, "another key"
    assert raw(ecr, line, "POST", f"/v2/team/two/blobs/uploads/{mount}").status == 201
    ecr.faults.mount(False)
    assert raw(ecr, line, "POST", f"/v2/team/two/blobs/uploads/{mount}").status == 202


def test_lists_come_in_pages(ecr: Ecr, line: Session) -> None:
    for tag in ("1", "2", "3"):
        pushed(line, tag, config=json.dumps({"n": tag}).encode())
    ecr.faults.page = 2
    api = ecr.client("ecr")
    assert len(api.describe_images(repositoryName="team/app")["imageDetails"]) == 2
    pages = api.get_paginator("list_images").paginate(repositoryName="team/app")
    assert sorted(each["imageTag"] for page in pages for each in page["imageIds"]) == ["1", "2", "3"]
    assert RemoteRepository(line).tags() == {"1", "2", "3"}
    for name in ("b/b", "c/c"):
        api.create_repository(repositoryName=name)
    pages = api.get_paginator("describe_repositories").paginate()
    assert [len(page["repositories"]) for page in pages] == [2, 1]


def test_what_refers_to_an_image(ecr: Ecr, line: Session) -> None:
    made = pushed(line)
    Blobs(line).put(blob(b"{}"))
    document = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/x-note",
        "config": blob(b"{}").descriptor.to_json(),
        "layers": [],
        "subject": {"mediaType": made.media_type, "digest": made.digest, "size": len(made.raw)},
    }
    note = json.dumps(document).encode()
    kind = str(document["mediaType"])
    answer = raw(
        ecr, line, "PUT", f"/v2/team/app/manifests/{blob(note).descriptor.digest}", note, Content_Type=kind
    )
    assert answer.headers["OCI-Subject"] == made.digest
    found = raw(
        ecr, line, "GET", f"/v2/team/app/referrers/{made.digest}?artifactType=application/x-note"
    ).json()
    assert [each["digest"] for each in found["manifests"]] == [blob(note).descriptor.digest]
    told = ecr.client("ecr").list_image_referrers(
        repositoryName="team/app", subjectId={"imageDigest": made.digest}
    )
    assert [each["artifactType"] for each in told["referrers"]] == ["application/x-note"]


def test_something_happens_in_the_middle(ecr: Ecr, line: Session) -> None:
    seen: list[int] = []
    ecr.faults.when("registry HEAD", lambda: seen.append(len(ecr.requests)), at=2)
    pushed(line)
    heads = [place for place, each in enumerate(ecr.requests, 1) if each.method == "HEAD"]
    assert seen == [heads[1]]
