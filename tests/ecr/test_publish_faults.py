"""``byoc publish`` into ECR when things go wrong, at whatever moment, and with the least permissions."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.plan.record import Record
from byoc_kit.work.project import load
from byoc_kit.work.publish import publish as work_publish
from ecr.small import Small
from rig.ecr import Ecr
from rig.ecr_faults import Faults
from rig.projects import Byoc, Command

NAME = "sagemaker/churn"
TAGS = {"1.4.2", "1.4", "1", "latest"}
MOMENTS = 40  # requests to the registry that a first publish makes at least

pytestmark = pytest.mark.long
Publish = Callable[[], Record]


@pytest.fixture
def publish(ecr: Ecr, small: Small, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """``byoc publish IMAGE`` in this process."""

    def run() -> Record:
        for name, value in ecr.environ().items():
            monkeypatch.setenv(name, value)
        return work_publish(load(small.folder / "byoc.toml"), image=small.image(size=100_000))

    return run


def meanings(ecr: Ecr) -> dict[str, str]:
    """Each tag, and the digest that it means."""
    ecr.faults.clear()
    if not ecr.client("ecr").describe_repositories()["repositories"]:
        return {}
    ids = ecr.client("ecr").list_images(repositoryName=NAME)["imageIds"]
    return {each["imageTag"]: each["imageDigest"] for each in ids if "imageTag" in each}


def anew(ecr: Ecr, small: Small) -> None:
    """As before a first publish."""
    ecr.reset()
    for file in (small.folder / ".byoc").glob("*"):
        file.unlink()


def check(ecr: Ecr, record: Record) -> None:
    """All tags mean the one image, and the record is beside it."""
    found = meanings(ecr)
    assert set(found) == TAGS | set(record.tags)
    assert set(found.values()) == {record.digest}
    told = ecr.client("ecr").list_image_referrers(
        repositoryName=NAME, subjectId={"imageDigest": record.digest}
    )
    assert any("record" in each["artifactType"] for each in told["referrers"])


ONCE: dict[str, Callable[[Faults], object]] = {
    "the login ends": lambda f: f.expire_tokens(),
    "the line is cut": lambda f: f.cut(0, 1, "registry|s3"),
    "a request is answered with 503": lambda f: f.fail(503, 1, "registry"),
}


@pytest.mark.parametrize("fault", ONCE)
def test_at_whatever_moment(ecr: Ecr, small: Small, publish: Publish, fault: str) -> None:
    begin = ONCE[fault]
    for moment in range(1, MOMENTS, 8):
        anew(ecr, small)
        ecr.faults.when("registry|s3", lambda: begin(ecr.faults), at=moment)
        record = publish()
        assert any(each.cut or each.status in {403, 503} for each in ecr.requests), "the fault was met"
        check(ecr, record)


def test_whatever_it_comes_to_it_can_be_gone_on_with(ecr: Ecr, small: Small, publish: Publish) -> None:
    """From some moment on nothing is allowed: no tag means anything else, and the next run ends it."""
    for moment in range(2, MOMENTS, 8):
        anew(ecr, small)
        ecr.faults.when("registry|s3", lambda: ecr.faults.deny("ecr:*"), at=moment)
        with pytest.raises(ByocError, match="ecr:") as caught:
            publish()
        assert caught.value.id in {"BYOC-E502", "BYOC-E818"}
        before = meanings(ecr)
        record = publish()
        assert set(before.values()) <= {record.digest}
        check(ecr, record)


def test_the_policy_that_doctor_prints_is_enough(ecr: Ecr, small: Small, byoc: Command) -> None:
    """From no permission at all; the second look is at the repository, which it may see by then."""
    allowed: set[str] = set()
    for _ in range(2):
        ecr.faults.allow_only(allowed)
        done = byoc("doctor", "--json", cwd=small.folder, env=ecr.environ(), check=False)
        documents = [each["documents"] for each in json.loads(done.stdout)["checks"]]
        for policy in (policy for each in documents for policy in each.values()):
            for statement in policy["Statement"]:
                allowed |= set(statement["Action"])
    assert "ecr:*" not in allowed
    ecr.faults.allow_only(allowed)
    byoc("publish", small.image(), cwd=small.folder, env=ecr.environ())
    assert set(meanings(ecr)) >= TAGS


NEEDED = [
    "ecr:GetAuthorizationToken",
    "ecr:DescribeRepositories",
    "ecr:CreateRepository",
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
    "ecr:BatchGetImage",
    "ecr:ListImages",
]


@pytest.mark.parametrize("action", NEEDED)
def test_an_action_that_is_missing_is_named(ecr: Ecr, small: Small, publish: Publish, action: str) -> None:
    ecr.faults.deny(action)
    with pytest.raises(ByocError) as caught:
        publish()
    error = caught.value
    assert action in f"{error.what} {error.why}"
    assert action in error.fix or "byoc doctor" in error.fix
    assert not (small.folder / ".byoc" / "record.json").exists()
    ecr.faults.clear()
    check(ecr, publish())


def test_a_policy_of_the_organization_is_told_as_such(ecr: Ecr, small: Small, byoc: Command) -> None:
    ecr.client("ecr").create_repository(repositoryName=NAME)
    ecr.faults.deny("ecr:PutImage", "scp")
    done = byoc("publish", small.image(), cwd=small.folder, env=ecr.environ(), check=False)
    assert done.returncode == 1
    assert "ask who runs the AWS organization" in done.stderr
    seen = byoc("doctor", cwd=small.folder, env=ecr.environ(), check=False)
    assert seen.returncode == 1
    assert "ask who runs the AWS organization" in seen.stdout


@pytest.mark.parametrize(
    ("number", "where"),
    [
        (signal.SIGKILL, "registry PATCH"),
        (signal.SIGKILL, "registry PUT .*manifests/c-"),
        (signal.SIGKILL, "registry PUT .*manifests/1.4$"),
        (signal.SIGINT, "registry PUT .*manifests/latest"),
    ],
)
def test_killed_and_resumed(ecr: Ecr, small: Small, byoc: Byoc, number: signal.Signals, where: str) -> None:
    command = [sys.executable, "-m", "byoc_kit", "publish", small.image()]
    environ = os.environ | byoc.own | ecr.environ()
    with subprocess.Popen(command, env=environ, cwd=small.folder, stderr=subprocess.DEVNULL) as process:
        ecr.faults.when(where, lambda: process.send_signal(number))
        assert process.wait(60) != 0
    before = meanings(ecr)
    done = byoc("publish", small.image(), "--json", cwd=small.folder, env=ecr.environ())
    record = json.loads(done.stdout)
    assert set(before.values()) <= {record["image"]["digest"]}
    assert set(meanings(ecr)) >= TAGS
    assert set(meanings(ecr).values()) == {record["image"]["digest"]}
