"""byoc publish, as typed: the repository with its settings, as a role into another account, what is told."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ecr.small import Small
from rig.ecr import Ecr
from rig.projects import Command

pytestmark = pytest.mark.long
SETTINGS = """
[publish.ecr]
mutability = "immutable"
mutability-exclusions = ["latest", "1", "1.4"]
scan = "on-push"
keep-releases = 20
expire-untagged-days = 14
sagemaker-pull = true
"""
NAME = "sagemaker/churn"
OTHER = "444455556666"


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return Small(tmp_path / "project")


@pytest.fixture
def publish(ecr: Ecr, small: Small, byoc: Command) -> Callable[..., str]:
    """Publish one small image; gives what was said on stderr."""

    def published(*words: str) -> str:
        done = byoc(
            "publish", small.image(), "--verify", "static", *words, cwd=small.folder, env=ecr.environ()
        )
        return done.stderr

    return published


def test_from_nothing_the_repository_is_as_byoc_toml_says(
    ecr: Ecr, small: Small, publish: Callable[..., str]
) -> None:
    small.write(more=SETTINGS)
    publish()
    client = ecr.client("ecr")
    (found,) = client.describe_repositories(repositoryNames=[NAME])["repositories"]
    assert found["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert found["imageScanningConfiguration"]["scanOnPush"] is True
    rules = json.loads(client.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"])["rules"]
    assert [rule["selection"]["countNumber"] for rule in rules] == [20, 14]
    assert "sagemaker.amazonaws.com" in client.get_repository_policy(repositoryName=NAME)["policyText"]
    client.put_image_scanning_configuration(
        repositoryName=NAME, imageScanningConfiguration={"scanOnPush": False}
    )
    said = publish()
    assert "is not as byoc.toml says (scanning on push begins)" in said
    (after,) = client.describe_repositories(repositoryNames=[NAME])["repositories"]
    assert after["imageScanningConfiguration"]["scanOnPush"] is False


def test_into_another_account_by_its_role(ecr: Ecr, small: Small, publish: Callable[..., str]) -> None:
    role = f"arn:aws:iam::{OTHER}:role/publisher"
    small.write(more=f'account = "{OTHER}"\nroles = {{ "{OTHER}" = "{role}" }}\n')
    publish("--region", "eu-west-1", "--role-session-name", "release")
    images = ecr.client("ecr", OTHER, "eu-west-1").list_images(repositoryName=NAME)["imageIds"]
    assert "1.4.2" in {each.get("imageTag") for each in images}
    assert {each.account for each in ecr.requests if each.kind == "registry"} == {OTHER}
    assert not ecr.client("ecr").describe_repositories()["repositories"]


def test_sharing_of_layers_is_offered_before_they_are_sent(
    ecr: Ecr, small: Small, publish: Callable[..., str]
) -> None:
    ecr.client("ecr").create_repository(repositoryName="team/base")
    ecr.client("ecr").create_repository(repositoryName=NAME)
    small.write(base=f"{ecr.host()}/team/base:1")
    offer = "aws ecr put-account-setting --region us-east-1 --name BLOB_MOUNTING --value ENABLED"
    assert offer in publish()
    assert offer not in publish()
