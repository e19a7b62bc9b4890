"""``byoc replicate`` between registries of ECR when lines break, logins end, or one place refuses."""

from collections.abc import Callable

import pytest

from byoc_kit.plan.replicate import Replication
from byoc_kit.work.project import load
from byoc_kit.work.publish import publish
from byoc_kit.work.replicate import replicate
from ecr.small import Small
from ecr.test_publish import tags
from rig.ecr import Ecr
from rig.ecr_faults import Faults

SIZE = 500_000
PLACES = ("eu-west-1", "ap-southeast-2")

pytestmark = pytest.mark.long
Replicate = Callable[[], Replication]


@pytest.fixture
def again(ecr: Ecr, small: Small, monkeypatch: pytest.MonkeyPatch) -> Replicate:
    """``byoc replicate`` of an image that is published in us-east-1 to two more regions."""
    for name, value in ecr.environ().items():
        monkeypatch.setenv(name, value)
    project = load(small.folder / "byoc.toml")
    record = publish(project, image=small.image(size=SIZE))
    ecr.requests.clear()
    return lambda: replicate(record.reference, PLACES, project=project)


PASS: dict[str, Callable[[Faults], object]] = {
    "the login ends while a layer travels": lambda f: f.when("registry PATCH", f.expire_tokens, at=3),
    "the login ends before the last manifest": lambda f: f.when(
        "registry PUT .*manifests", f.expire_tokens, at=4
    ),
    "the source's line is cut": lambda f: f.cut(SIZE // 3, 3, "s3 GET"),
    "the target's line is cut": lambda f: f.cut(SIZE // 3, 3, "registry PATCH"),
    "busy": lambda f: f.throttle("registry P", 4),
}


@pytest.mark.parametrize("fault", PASS)
def test_it_passes(ecr: Ecr, again: Replicate, fault: str) -> None:
    PASS[fault](ecr.faults)
    done = again()
    assert [each.error for each in done.replicas] == [None, None]
    assert any(each.cut or each.status in {403, 429} for each in ecr.requests), "the fault was met"
    for region in PLACES:
        assert tags(ecr, region=region) == tags(ecr)


@pytest.mark.parametrize("form", ["identity", "scp"])
def test_one_place_may_not_be_written_to(ecr: Ecr, again: Replicate, form: str) -> None:
    ecr.faults.deny("ecr:PutImage", form, "arn:aws:ecr:eu-west-1:*")  # type: ignore[arg-type]
    replicas = {each.repository.host: each for each in again().replicas}
    refused, done = (replicas[ecr.host(region=region)] for region in PLACES)
    assert done.error is None
    assert refused.error is not None
    assert "ecr:PutImage" in refused.error.why
    assert tags(ecr, region="ap-southeast-2") == tags(ecr)
    assert tags(ecr, region="eu-west-1") == {}
    ecr.faults.clear()
    ecr.requests.clear()
    assert [each.error for each in again().replicas] == [None, None]
    assert not [each for each in ecr.requests if each.method == "PATCH" and each.body_bytes > SIZE // 2]
