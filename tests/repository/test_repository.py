"""A repository in ECR becomes what byoc.toml says, and only as far as somebody has said so."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.oci.reference import Named, Repository
from byoc_kit.talk import Silence
from byoc_kit.work.accounts import AwsOptions, with_options
from byoc_kit.work.images import open_sink
from byoc_kit.work.places import destination
from byoc_kit.work.project import load
from byoc_kit.work.repository import apply, ensure, offer_mounting, plan
from rig.ecr import Ecr
from rig.images import made_image

pytestmark = pytest.mark.long

Write = Callable[..., Path]
Typed = Callable[..., CompletedProcess[str]]

WHOLE = """
[publish.ecr]
encryption = "KMS"
kms-key = "alias/images"
mutability = "immutable"
mutability-exclusions = ["latest", "dev-*"]
scan = "on-push"
keep-releases = 20
expire-untagged-days = 14
pull-accounts = ["444455556666"]
sagemaker-pull = true
resource-tags = { team = "churn" }
"""
NAME = "sagemaker/churn"


class Told(Silence):
    def __init__(self) -> None:
        self.warned: list[str] = []
        self.noted: list[str] = []

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def note(self, text: str) -> None:
        self.noted.append(text)


def described(rig: Ecr) -> dict[str, Any]:
    (found,) = rig.client("ecr").describe_repositories(repositoryNames=[NAME])["repositories"]
    return dict(found)


def document(rig: Ecr, operation: str, member: str) -> dict[str, Any]:
    answer = getattr(rig.client("ecr"), operation)(repositoryName=NAME)
    return dict(json.loads(answer[member]))


def changes(rig: Ecr) -> list[str]:
    """What was asked of the API that changes anything."""
    asked = (request.path for request in rig.requests if request.kind == "api")
    return [name for name in asked if not name.startswith(("ecr:Get", "ecr:Describe", "ecr:List", "sts:"))]


def test_a_missing_repository_is_made_with_all_its_settings(here: Ecr, write: Write) -> None:
    project = load(write(WHOLE))
    made = ensure(project)
    assert made.exists is False
    found = described(here)
    assert found["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": "alias/images"}
    assert found["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert {each["filter"] for each in found["imageTagMutabilityExclusionFilters"]} == {"latest", "dev-*"}
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    rules = document(here, "get_lifecycle_policy", "lifecyclePolicyText")["rules"]
    assert [rule["selection"]["countNumber"] for rule in rules] == [20, 14]
    statements = document(here, "get_repository_policy", "policyText")["Statement"]
    assert [each["Principal"] for each in statements] == [
        {"AWS": ["arn:aws:iam::444455556666:root"]},
        {"Service": "sagemaker.amazonaws.com"},
    ]
    tags = here.client("ecr").list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
    assert tags == [{"Key": "team", "Value": "churn"}]
    here.requests.clear()
    assert ensure(project).exists is True
    assert plan(project).actions == ()
    assert changes(here) == []


@pytest.mark.long
def test_what_is_shown_is_what_is_executed(here: Ecr, write: Write, typed: Typed) -> None:
    write(WHOLE)
    shown = json.loads(typed("repository", "apply", "--dry-run", "--json").stdout)
    assert changes(here) == []
    assert shown["schema"] == "byoc/repository-plan/1"
    assert shown["repository"] == f"{here.host()}/{NAME}"
    done = json.loads(typed("repository", "apply", "--json").stdout)
    assert done == shown
    camel = ["".join(word.title() for word in each["operation"].split("_")) for each in done["actions"]]
    assert changes(here) == [f"ecr:{name}" for name in camel]
    after = typed("repository", "plan", "--check")
    assert after.stdout == f"{here.host()}/{NAME} is as byoc.toml says\n"


def test_drift_is_told_and_changed_only_as_told(here: Ecr, write: Write) -> None:
    ensure(load(write('[publish.ecr]\nscan = "off"\n')))
    project, told = load(write('[publish.ecr]\nscan = "on-push"\nmutability = "immutable"\n')), Told()
    here.requests.clear()
    made = ensure(project, talk=told)
    assert changes(here) == []
    assert made.drift == ("tags are mutable, and become immutable", "scanning on push begins")
    assert "byoc repository plan" in told.warned[0]
    apply(project)
    assert described(here)["imageTagMutability"] == "IMMUTABLE"
    assert plan(project).drift == ()


@pytest.mark.long
def test_encryption_that_cannot_change_is_told(here: Ecr, write: Write, typed: Typed) -> None:
    ensure(load(write()))
    write('[publish.ecr]\nencryption = "KMS"\n')
    done = typed("repository", "plan", "--check", check=False)
    assert done.returncode == 1
    assert "encryption is AES256, byoc.toml wants KMS: ECR never changes it" in done.stdout
    assert "BYOC-E824" in done.stderr


@pytest.mark.long
def test_nothing_goes_that_is_not_named(here: Ecr, write: Write, typed: Typed) -> None:
    def may_pull() -> list[str]:
        statements = document(here, "get_repository_policy", "policyText")["Statement"]
        return [name.split(":")[4] for name in statements[0]["Principal"]["AWS"]]

    one, two = "444455556666", "777788889999"
    apply(load(write(f'[publish.ecr]\npull-accounts = ["{one}", "{two}"]\n')))
    write(f'[publish.ecr]\npull-accounts = ["{two}"]\n')
    assert f"removes: policy/{one}" in typed("repository", "plan").stdout
    refused = typed("repository", "apply", check=False)
    assert (refused.returncode, "BYOC-E823" in refused.stderr) == (1, True)
    assert f"--remove 'policy/{one}'" in refused.stderr
    assert may_pull() == [one, two]
    assert typed("repository", "apply", "--remove", f"policy/{one}").stdout == f"{here.host()}/{NAME}\n"
    assert may_pull() == [two]
    apply(load(write("[publish.ecr]\npull-accounts = []\n")), remove=[f"policy/{two}"])
    with pytest.raises(here.client("ecr").exceptions.RepositoryPolicyNotFoundException):
        here.client("ecr").get_repository_policy(repositoryName=NAME)


def test_what_others_have_put_there_stays(here: Ecr, write: Write) -> None:
    ecr = here.client("ecr")
    ecr.create_repository(repositoryName=NAME, tags=[{"Key": "owner", "Value": "ann"}])
    theirs = {"Sid": "Audit", "Effect": "Allow", "Principal": "*", "Action": "ecr:DescribeImages"}
    policy = {"Version": "2012-10-17", "Statement": theirs}
    ecr.set_repository_policy(repositoryName=NAME, policyText=json.dumps(policy))
    rule = {
        "rulePriority": 7,
        "description": "keep prod",
        "selection": {"tagStatus": "tagged", "tagPrefixList": ["prod"], "countType": "imageCountMoreThan"}
        | {"countNumber": 99},
        "action": {"type": "expire"},
    }
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=json.dumps({"rules": [rule]}))
    project = load(write(WHOLE))
    made = apply(project)
    assert [name for each in made.actions for name in each.removes] == []
    statements = document(here, "get_repository_policy", "policyText")["Statement"]
    assert [each["Sid"] for each in statements] == ["Audit", "ByocPull", "ByocSageMaker"]
    rules = document(here, "get_lifecycle_policy", "lifecyclePolicyText")["rules"]
    assert [(each["rulePriority"], each["description"][:9]) for each in rules] == [
        (1, "keep prod"),
        (2, "byoc rele"),
        (3, "byoc unta"),
    ]
    tags = ecr.list_tags_for_resource(resourceArn=described(here)["repositoryArn"])["tags"]
    assert {each["Key"] for each in tags} == {"owner", "team"}


def test_byoc_may_be_told_not_to_make_repositories(here: Ecr, write: Write) -> None:
    project = load(write("[publish.ecr]\ncreate = false\n"))
    assert ensure(project, plan_only=True).exists is False
    with pytest.raises(ByocError) as caught:
        ensure(project)
    assert caught.value.id == "BYOC-E822"
    assert changes(here) == []
    apply(project)
    assert described(here)["repositoryName"] == NAME


def test_two_that_make_it_at_once_both_go_on(here: Ecr, write: Write) -> None:
    project = load(write(WHOLE))
    here.faults.when("api POST ecr:CreateRepository", lambda: create(here))
    assert ensure(project).exists is False
    assert document(here, "get_lifecycle_policy", "lifecyclePolicyText")


def create(rig: Ecr) -> None:
    rig.client("ecr").create_repository(repositoryName=NAME)


def test_a_repository_like_its_base_can_mount_its_layers(here: Ecr, write: Write) -> None:
    key = "arn:aws:kms:us-east-1:111122223333:key/1a2b"
    encryption = {"encryptionType": "KMS", "kmsKey": key}
    here.client("ecr").create_repository(repositoryName="team/base", encryptionConfiguration=encryption)
    told = Told()
    project = load(write(base=f"{here.host()}/team/base:1"))
    made = ensure(project, talk=told)
    assert described(here)["encryptionConfiguration"] == encryption
    assert [each.name for each in made.actions if each.scope == "registry"] == ["mounting"]
    assert (
        "`aws ecr put-account-setting --region us-east-1 --name BLOB_MOUNTING --value ENABLED`"
        in told.noted[0]
    )
    assert "ecr:PutAccountSetting" not in changes(here)
    again = Told()
    offer_mounting(project, made.repository, again)
    assert again.noted == told.noted
    here.client("ecr").put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    offer_mounting(project, made.repository, again)
    offer_mounting(load(write()), made.repository, again)
    assert again.noted == told.noted


def test_layers_of_a_base_with_another_encryption_are_sent(here: Ecr, write: Write) -> None:
    here.client("ecr").create_repository(repositoryName="team/base")
    base = f"{here.host()}/team/base:1"
    made = ensure(load(write('[publish.ecr]\nencryption = "KMS"\n', base=base)))
    assert "cannot mount" in made.notes[0]


@pytest.mark.long
def test_settings_of_the_registry_change_only_where_told(here: Ecr, write: Write, typed: Typed) -> None:
    project = load(write('[publish.ecr]\nscan = "enhanced"\n'))
    assert "whole registry; only where told" in plan(project, registry=True).to_text()
    apply(project)
    assert "ecr:PutRegistryScanningConfiguration" not in changes(here)
    typed("repository", "apply", "--registry")
    found = here.client("ecr").get_registry_scanning_configuration()["scanningConfiguration"]
    assert found["scanType"] == "ENHANCED"
    assert [rule["repositoryFilters"][0]["filter"] for rule in found["rules"]] == [NAME]
    assert plan(project, registry=True).to_text() == f"{here.host()}/{NAME} is as byoc.toml says"


def test_other_registries_have_no_repositories_to_make(here: Ecr, write: Write) -> None:
    file = write(WHOLE)
    file.write_text(file.read_text().replace(f'"{NAME}"', '"registry.example/team/churn"'))
    assert ensure(load(file)).exists is None
    assert here.requests == []


def test_account_and_region_say_which_registry_is_meant(
    here: Ecr, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = load(write('region = "eu-west-1"\n'))
    assert str(plan(project).repository) == f"{here.host(region='eu-west-1')}/{NAME}"
    over = with_options(project, AwsOptions(region="ap-southeast-2"))
    assert str(plan(over).repository) == f"{here.host(region='ap-southeast-2')}/{NAME}"
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    named = load(
        write('region = "cn-north-1"\naccount = "111122223333"\nendpoint-url = "http://127.0.0.1:1"\n')
    )
    with pytest.raises(ByocError) as caught:
        plan(named)
    assert caught.value.id == "BYOC-E820"


@pytest.mark.parametrize("region", ["eu-west-1.evil.example", "eu_west_1", "@evil", "x/y"])
def test_a_region_that_cannot_be_is_refused(here: Ecr, write: Write, region: str) -> None:
    project = load(write('account = "111122223333"\n'))
    with pytest.raises(UsageError) as caught:
        plan(with_options(project, AwsOptions(region=region)))
    assert (caught.value.id, caught.value.fix) == ("BYOC-E816", "write for example eu-west-1")
    assert here.requests == []


def test_regions_of_every_partition_can_be_written(write: Write) -> None:
    for region in ("eu-west-1", "us-gov-west-1", "cn-north-1", "us-isob-east-1", "eusc-de-east-1"):
        project = load(write(f'account = "111122223333"\nregion = "{region}"\n'))
        assert f".dkr.ecr.{region}." in str(destination(project))


def test_without_a_region_nothing_is_guessed(
    here: Ecr, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(UsageError) as caught:
        plan(load(write()))
    assert caught.value.id == "BYOC-E816"
    assert here.requests == []


def test_images_that_a_lifecycle_would_delete_are_named(here: Ecr, write: Write) -> None:
    ensure(load(write()))
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        with open_sink(Named(Repository(here.host(), NAME), version)) as sink:
            sink.write(made_image({"version": version.encode()}), tag=True)
    project = load(write("[publish.ecr]\nkeep-releases = 1\n"))
    (named,) = [each.removes for each in plan(project, registry=True).actions]
    assert len(named) == 2  # which, only their times tell, which may be equal
    for told in ((), named[:1]):
        with pytest.raises(ByocError) as caught:
            apply(project, remove=told)
        assert caught.value.id == "BYOC-E823"
        assert named[1] in caught.value.what
    assert "ecr:PutLifecyclePolicy" not in changes(here)
    apply(project, remove=["image/*"])
    assert "ecr:PutLifecyclePolicy" in changes(here)
