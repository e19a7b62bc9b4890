"""What goes wrong at ECR ends in the image being there, or in an error that says what to do, never between.

``byoc copy`` sends as ``byoc publish`` does. Most of it happens in this process: a command takes a second.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.images.source import open_image
from byoc_kit.oci.reference import parse_image
from byoc_kit.work.copy import copy as work_copy
from ecr.small import Small
from rig.ecr import Ecr, Request
from rig.ecr_faults import Faults
from rig.projects import Byoc, Command

NAME = "sagemaker/churn"
SIZE = 2_000_000

pytestmark = pytest.mark.long


@pytest.fixture
def source(small: Small) -> str:
    """An image with a layer of some size."""
    return small.image(size=SIZE)


Copy = Callable[[], ByocError | None]


@pytest.fixture
def copy(ecr: Ecr, source: str, monkeypatch: pytest.MonkeyPatch) -> Copy:
    """Copies the image into an existing, empty repository; gives the error there was."""
    ecr.client("ecr").create_repository(repositoryName=NAME)
    ecr.requests.clear()

    def run() -> ByocError | None:
        for name, value in ecr.environ().items():
            monkeypatch.setenv(name, value)
        try:
            work_copy(parse_image(source), parse_image(f"{ecr.host()}/{NAME}:1"))
        except ByocError as error:
            return error
        return None

    return run


def whole(ecr: Ecr, source: str) -> bool:
    """Whether the tag means the image, and every blob of it is there."""
    with open_image(parse_image(source)) as image:
        wanted = image.manifest
    ecr.faults.clear()
    api = ecr.client("ecr")
    found = api.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "1"}])["images"]
    blobs = [wanted.config.digest, *(each.digest for each in wanted.layers)]
    there = api.batch_check_layer_availability(repositoryName=NAME, layerDigests=blobs)
    kept = {each.name for each in ecr.folder.glob("sha256-*")} >= {each.replace(":", "-") for each in blobs}
    return (
        [each["imageManifest"].encode() for each in found] == [wanted.raw] and not there["failures"] and kept
    )


def tags(ecr: Ecr) -> list[str]:
    """The tags that the repository has."""
    ecr.faults.clear()
    listed = ecr.client("ecr").list_images(repositoryName=NAME)["imageIds"]
    return [each["imageTag"] for each in listed if "imageTag" in each]


def asked(ecr: Ecr, match: str) -> list[Request]:
    return [each for each in ecr.requests if match in str(each)]


PASS: dict[str, Callable[[Faults], object]] = {
    "the login ends before the first layer": lambda f: f.when("registry POST", f.expire_tokens),
    "the login ends between two layers": lambda f: f.when("registry PATCH", f.expire_tokens, at=2),
    "the login ends before a layer is whole": lambda f: f.when("registry PUT .*uploads", f.expire_tokens),
    "the login ends before the manifest": lambda f: f.when("registry PUT .*manifests", f.expire_tokens),
    "the login ends before the tag": lambda f: f.when("registry PUT .*manifests/1", f.expire_tokens),
    "a layer's line is cut": lambda f: f.cut(SIZE // 2, 2, "registry PATCH"),
    "an upload cannot be begun": lambda f: f.cut(0, 2, "registry POST"),
    "an upload cannot be ended": lambda f: f.cut(0, 1, "registry PUT .*uploads"),
    "the manifest's line is cut": lambda f: f.cut(0, 1, "registry PUT .*manifests"),
    "the manifest's line is cut within": lambda f: f.cut(100, 1, "registry PUT .*manifests"),
    "a layer is answered with 500": lambda f: f.fail(500, 2, "registry PATCH"),
    "the manifest is answered with 503": lambda f: f.fail(503, 2, "registry PUT .*manifests"),
    "too many requests": lambda f: f.throttle("registry", 3),
    "too many logins": lambda f: f.throttle("ecr:GetAuthorizationToken", 2),
    "the API has trouble": lambda f: f.fail(500, 2, "api"),
    "uploads by the book": lambda f: f.upload_quirks(False),
    "no redirects to S3": lambda f: setattr(f, "s3", False),
}


@pytest.mark.parametrize("fault", PASS)
def test_it_passes(ecr: Ecr, source: str, copy: Copy, fault: str) -> None:
    PASS[fault](ecr.faults)
    assert copy() is None
    refused = [each for each in ecr.requests if each.cut or (each.status or 500) in {400, 403, 429, 500, 503}]
    assert bool(refused) == (fault not in {"uploads by the book", "no redirects to S3"}), "the fault was met"
    assert whole(ecr, source)


STAYS: dict[str, tuple[Callable[[Faults], object], str, str]] = {
    "no login": (
        lambda f: f.deny("ecr:GetAuthorizationToken"),
        "BYOC-E818",
        "allow ecr:GetAuthorizationToken on * in a policy of the identity",
    ),
    "may not begin": (
        lambda f: f.deny("ecr:InitiateLayerUpload"),
        "BYOC-E502",
        f"allow ecr:InitiateLayerUpload on arn:aws:ecr:us-east-1:111122223333:repository/{NAME}",
    ),
    "may not send": (
        lambda f: f.deny("ecr:UploadLayerPart"),
        "BYOC-E502",
        "allow ecr:UploadLayerPart on arn",
    ),
    "may not end": (
        lambda f: f.deny("ecr:CompleteLayerUpload"),
        "BYOC-E502",
        "allow ecr:CompleteLayerUpload",
    ),
    "may not put": (lambda f: f.deny("ecr:PutImage"), "BYOC-E502", "allow ecr:PutImage on arn"),
    "may not read back": (
        lambda f: f.deny("ecr:BatchGetImage"),
        "BYOC-E502",
        "allow ecr:BatchGetImage on arn",
    ),
    "may not look": (
        lambda f: f.deny("ecr:BatchCheckLayerAvailability"),
        "BYOC-E502",
        "it needs ecr:BatchCheckLayerAvailability",
    ),
    "forbidden": (
        lambda f: f.deny("ecr:PutImage", "explicit"),
        "BYOC-E502",
        "find the Deny for ecr:PutImage",
    ),
    "forbidden by the organization": (
        lambda f: f.deny("ecr:PutImage", "scp"),
        "BYOC-E502",
        "no policy of this account helps",
    ),
    "not within the boundary": (lambda f: f.deny("ecr:PutImage", "boundary"), "BYOC-E502", "boundary"),
    "the identity ends": (
        lambda f: f.when(
            "registry PATCH", lambda: [call() for call in (f.expire_tokens, f.expire_credentials)]
        ),
        "BYOC-E815",
        "log in again",
    ),
    "the region is down": (
        lambda f: f.region_down("us-east-1"),
        "BYOC-E820",
        "check network, proxy and region",
    ),
    "the registry goes down": (
        lambda f: f.when("registry PATCH", lambda: f.region_down("us-east-1")),
        "BYOC-E505",
        "check that it runs",
    ),
    "the line breaks for good": (
        lambda f: f.cut(SIZE // 4, 99, "registry PATCH"),
        "BYOC-E505",
        "check that it runs",
    ),
    "trouble for good": (
        lambda f: f.fail(503, 99, "registry PUT .*manifests"),
        "BYOC-E506",
        "try again later",
    ),
}


@pytest.mark.parametrize("fault", STAYS)
def test_it_stays_and_is_told(ecr: Ecr, source: str, copy: Copy, fault: str) -> None:
    begin, id, fix = STAYS[fault]  # noqa: A001
    begin(ecr.faults)
    error = copy()
    assert error is not None
    assert error.id == id
    assert fix in f"{error.why} {error.fix}"
    assert tags(ecr) == [], "nothing means an image that was not written"
    assert copy() is None
    assert whole(ecr, source)


@pytest.mark.parametrize("form", ["name", "cut"])
def test_the_repository_does_not_exist(ecr: Ecr, byoc: Command, source: str, form: str) -> None:
    setattr(ecr.faults, "missing", form)  # noqa: B010
    done = byoc("copy", source, f"{ecr.host()}/{NAME}:1", env=ecr.environ(), check=False)
    assert done.returncode == 1
    assert "[BYOC-E529]" in done.stderr
    assert f"aws ecr create-repository --repository-name {NAME}" in done.stderr


def test_a_tag_that_must_not_move(ecr: Ecr, small: Small, byoc: Command) -> None:
    ecr.client("ecr").create_repository(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    name = f"{ecr.host()}/{NAME}:1"
    byoc("copy", small.image("one"), name, env=ecr.environ())
    ecr.faults.strict_immutable = True
    byoc("copy", small.image("one"), name, env=ecr.environ())
    done = byoc("copy", small.image("other"), name, env=ecr.environ(), check=False)
    assert done.returncode == 1
    assert "immutable" in done.stderr
    assert whole(ecr, small.image("one"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_and_resumed(
    ecr: Ecr,
    byoc: Byoc,
    source: str,
    copy: Copy,
    number: signal.Signals,
) -> None:
    """What was sent before is not sent again, and no tag was put."""
    command = [sys.executable, "-m", "byoc_kit", "copy", source, f"{ecr.host()}/{NAME}:1", "--jobs", "1"]
    process = subprocess.Popen(command, env=os.environ | byoc.own | ecr.environ(), stderr=subprocess.DEVNULL)
    with process:
        ecr.faults.when("registry PATCH", lambda: process.send_signal(number), at=3)
        assert process.wait(60) != 0
    first = [each for each in asked(ecr, "registry PUT") if "/uploads/" in each.path and each.status == 201]
    assert len(first) >= 2
    assert tags(ecr) == []
    ecr.requests.clear()
    assert copy() is None
    assert len(asked(ecr, "registry PATCH")) == 1
    assert whole(ecr, source)


def test_a_pull_whose_lines_break(ecr: Ecr, byoc: Command, source: str, small: Small) -> None:
    """From ECR into a layout, over S3, with a login that ends on the way."""
    ecr.client("ecr").create_repository(repositoryName=NAME)
    name = f"{ecr.host()}/{NAME}:1"
    byoc("copy", source, name, env=ecr.environ())
    with open_image(parse_image(source)) as image:
        big = max(image.manifest.layers, key=lambda layer: layer.size).digest
    ecr.requests.clear()
    ecr.faults.cut(SIZE // 2, 2, f"s3 GET .*{big}")
    ecr.faults.when("registry GET .*blobs", ecr.faults.expire_tokens, at=2)
    byoc("copy", name, f"oci:{small.folder.parent / 'pulled'}", env=ecr.environ())
    assert [each.status for each in asked(ecr, big) if each.kind == "s3"] == [200, 206, 206], "it goes on"
    with (
        open_image(parse_image(source)) as one,
        open_image(parse_image(f"oci:{small.folder.parent / 'pulled'}")) as two,
    ):
        assert one.manifest.digest == two.manifest.digest


def test_a_bucket_that_refuses_is_told_as_such(ecr: Ecr, byoc: Command, source: str, small: Small) -> None:
    """In a VPC the policy of an endpoint may stand between us and the layers."""
    ecr.client("ecr").create_repository(repositoryName=NAME)
    name = f"{ecr.host()}/{NAME}:1"
    byoc("copy", source, name, env=ecr.environ())
    ecr.faults.fail(403, 99, "s3 GET")
    done = byoc("copy", name, f"oci:{small.folder.parent / 'pulled'}", env=ecr.environ(), check=False)
    assert done.returncode == 1
    assert "[BYOC-E502]" in done.stderr
    assert "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*" in done.stderr.partition("  fix: ")[2]
