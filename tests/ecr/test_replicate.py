"""``byoc promote`` and ``byoc replicate`` between repositories, regions and accounts of ECR."""

import json
from pathlib import Path

import pytest

from ecr.small import Small
from ecr.test_publish import asked, manifest, tags
from rig.ecr import ACCOUNTS, Ecr
from rig.projects import Command

pytestmark = pytest.mark.long

VERSION = {"1.4.2", "1.4", "1", "latest"}


@pytest.fixture
def published(ecr: Ecr, small: Small, byoc: Command) -> str:
    """A project's image in us-east-1, by digest."""
    small.write(more="oci = true\n")
    return byoc("publish", small.image(size=300_000), cwd=small.folder, env=ecr.environ()).stdout.strip()


def test_a_tag_moves_forwards_and_back(ecr: Ecr, published: str, small: Small, byoc: Command) -> None:
    first = published.partition("@")[2]
    small.write(version="1.4.3")
    byoc("publish", small.image("two"), cwd=small.folder, env=ecr.environ())
    second = tags(ecr)["1.4.3"]
    for image, digest in ((":1.4.3", second), (f"@{first}", first), (":1.4.3", second)):
        planned = byoc("promote", image, "prod", "--dry-run", cwd=small.folder, env=ecr.environ()).stdout
        assert digest in planned
        printed = byoc("promote", image, "prod", cwd=small.folder, env=ecr.environ()).stdout.strip()
        assert printed == f"{ecr.host()}/sagemaker/churn@{digest}"
        assert tags(ecr)["prod"] == digest
        assert tags(ecr)["prod-oci"] != digest
        config = manifest(ecr, digest)["config"]["digest"]
        assert manifest(ecr, tags(ecr)["prod-oci"])["config"]["digest"] == config
    ecr.requests.clear()
    byoc("promote", ":1.4.3", "prod", cwd=small.folder, env=ecr.environ())
    assert not [each for each in asked(ecr) if "PUT" in each]


def test_a_tag_of_an_immutable_repository_is_not_promoted(
    ecr: Ecr, published: str, small: Small, byoc: Command
) -> None:
    api = ecr.client("ecr")
    api.put_image_tag_mutability(repositoryName="sagemaker/churn", imageTagMutability="IMMUTABLE")
    byoc("promote", ":1.4.2", "prod", cwd=small.folder, env=ecr.environ())
    small.write(version="1.4.3", more="")
    byoc("publish", small.image("two"), cwd=small.folder, env=ecr.environ())
    done = byoc("promote", ":1.4.3", "prod", cwd=small.folder, env=ecr.environ(), check=False)
    assert (done.returncode, "BYOC-E582" in done.stderr) == (1, True)
    assert tags(ecr)["prod"] == published.partition("@")[2]


def test_to_another_account_by_its_role(ecr: Ecr, published: str, small: Small, byoc: Command) -> None:
    other = ACCOUNTS[1]
    small.write(more=f'roles = {{ "{other}" = "arn:aws:iam::{other}:role/byoc-sagemaker" }}\n')
    place = f"{other}/eu-west-1"
    printed = byoc("replicate", published, "--to", place, cwd=small.folder, env=ecr.environ()).stdout
    assert printed.strip() == f"{ecr.host(other, 'eu-west-1')}/sagemaker/churn@{published.partition('@')[2]}"
    listed = ecr.client("ecr", other, "eu-west-1").list_images(repositoryName="sagemaker/churn")["imageIds"]
    assert {each["imageTag"] for each in listed if "imageTag" in each} >= VERSION


def test_to_other_regions(ecr: Ecr, published: str, small: Small, byoc: Command) -> None:
    digest = published.partition("@")[2]
    places = ["--to", "eu-west-1", "--to", "ap-southeast-2"]
    planned = json.loads(
        byoc(
            "replicate", ":1.4.2", *places, "--dry-run", "--json", cwd=small.folder, env=ecr.environ()
        ).stdout
    )
    assert planned["schema"] == "byoc/replication-plan/1"
    assert all(each["prepare"] and each["transfer"]["relay"] for each in planned["replicas"])
    printed = byoc("replicate", ":1.4.2", *places, cwd=small.folder, env=ecr.environ()).stdout.split()
    regions = ("eu-west-1", "ap-southeast-2")
    assert printed == [f"{ecr.host(region=region)}/sagemaker/churn@{digest}" for region in regions]
    for region in regions:
        found = tags(ecr, region=region)
        assert found == tags(ecr)
        assert {found[name] for name in VERSION} == {digest}
    shown = json.loads(
        byoc("record", "show", printed[0], "--json", cwd=small.folder, env=ecr.environ()).stdout
    )
    assert shown["image"]["repository"] == f"{ecr.host(region='eu-west-1')}/sagemaker/churn"
    assert set(shown["uris"]) == {"us-east-1", *regions}
    assert set(small.record["uris"]) == {"us-east-1", *regions}
    ecr.requests.clear()
    assert byoc("replicate", ":1.4.2", *places, cwd=small.folder, env=ecr.environ()).stdout.split() == printed
    assert {each.method for each in ecr.requests if each.kind == "registry"} == {"GET", "HEAD"}
    kept = small.record
    byoc("publish", small.image(), cwd=small.folder, env=ecr.environ())
    assert small.record == kept, "publishing again does not forget the replicas"


def test_within_one_registry_no_blob_moves(ecr: Ecr, published: str, small: Small, byoc: Command) -> None:
    ecr.faults.mount(True)
    names = [f"{ecr.host()}/team/{name}" for name in ("a", "b", "c")]
    ecr.requests.clear()
    places = [word for name in names for word in ("--to", name)]
    printed = byoc("replicate", published, *places, cwd=small.folder, env=ecr.environ()).stdout.split()
    assert [each.partition("@")[0] for each in printed] == names
    sent = [each.body_bytes for each in ecr.requests if each.method == "PATCH" and each.body_bytes > 5000]
    assert not sent
    layers = {each["digest"] for each in manifest(ecr, published.partition("@")[2])["layers"]}
    fetched = [each for each in asked(ecr) if "GET" in each and any(layer in each for layer in layers)]
    assert not fetched


def test_one_region_down_the_others_are_done_and_again_does_the_rest(
    ecr: Ecr, published: str, small: Small, byoc: Command
) -> None:
    places = ["--to", "eu-west-1", "--to", "ap-southeast-2"]
    ecr.faults.region_down("eu-west-1")
    done = byoc("replicate", ":1.4.2", *places, "--json", cwd=small.folder, env=ecr.environ(), check=False)
    assert done.returncode == 1
    found = {each["repository"].split(".")[3]: each for each in json.loads(done.stdout)["replicas"]}
    assert found["ap-southeast-2"]["error"] is None
    assert found["eu-west-1"]["reference"] is None
    assert "eu-west-1" in done.stderr
    assert "1 of 2 places failed" in done.stderr
    assert tags(ecr, region="ap-southeast-2")["1.4.2"] == published.partition("@")[2]
    ecr.faults.region_down("eu-west-1", down=False)
    printed = byoc("replicate", ":1.4.2", *places, cwd=small.folder, env=ecr.environ()).stdout
    assert len(printed.split()) == 2
    assert tags(ecr, region="eu-west-1") == tags(ecr)


def test_an_interrupted_replication_goes_on_where_it_was(
    ecr: Ecr, published: str, small: Small, byoc: Command
) -> None:
    """The first layer is there; the second breaks again and again, and no tag is put."""
    layers = [each["digest"] for each in manifest(ecr, published.partition("@")[2])["layers"]]
    ecr.faults.fail(500, 50, "PUT /v2/sagemaker/churn/manifests/")
    broken = byoc(
        "replicate", ":1.4.2", "--to", "eu-west-1", cwd=small.folder, env=ecr.environ(), check=False
    )
    assert broken.returncode == 1
    assert not tags(ecr, region="eu-west-1")
    ecr.faults.clear()
    ecr.requests.clear()
    byoc("replicate", ":1.4.2", "--to", "eu-west-1", cwd=small.folder, env=ecr.environ())
    assert not [each for each in asked(ecr) if "GET" in each and any(layer in each for layer in layers)]
    assert tags(ecr, region="eu-west-1") == tags(ecr)


def test_a_release_that_is_another_image_there_is_refused(
    ecr: Ecr, published: str, small: Small, byoc: Command, tmp_path: Path
) -> None:
    other = Small(tmp_path / "other" / "project").write(more='region = "eu-west-1"\n')
    byoc("publish", other.image("two"), cwd=other.folder, env=ecr.environ())
    before = tags(ecr, region="eu-west-1")
    done = byoc("replicate", published, "--to", "eu-west-1", cwd=small.folder, env=ecr.environ(), check=False)
    assert (done.returncode, "BYOC-E588" in done.stderr) == (1, True)
    assert tags(ecr, region="eu-west-1") == before
