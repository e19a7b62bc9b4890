"""byoc doctor tries what a publish to ECR needs, prints the least policy that is missing, leaves no trace."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from byoc_kit.plan.iam import PULL, PUSH
from byoc_kit.work.checks import Check, State
from byoc_kit.work.doctor_aws import aws_checks
from byoc_kit.work.project import load
from byoc_kit.work.repository import ensure
from rig.ecr import Ecr

pytestmark = pytest.mark.long

Write = Callable[..., Path]
ARN = "arn:aws:ecr:us-east-1:111122223333:repository/sagemaker/churn"


def examined(file: Path) -> dict[str, Check]:
    return {check.name: check for check in aws_checks(load(file))}


def test_all_is_well_and_nothing_is_left(here: Ecr, write: Write) -> None:
    file = write()
    ensure(load(file))
    before = here.client("ecr").describe_images(repositoryName="sagemaker/churn")["imageDetails"]
    found = examined(file)
    assert {check.state for check in found.values()} == {State.OK}
    assert "assumed-role/byoc-sagemaker" in found["aws"].seen
    assert found["permissions"].seen == f"allowed: push to {here.host()}/sagemaker/churn"
    asked = {request.path for request in here.requests}
    assert asked >= set(PUSH)
    assert here.client("ecr").describe_images(repositoryName="sagemaker/churn")["imageDetails"] == before


def test_the_least_policy_that_is_missing(here: Ecr, write: Write) -> None:
    file = write()
    ensure(load(file))
    here.faults.allow_only(set(PUSH) - {"ecr:PutImage", "ecr:UploadLayerPart"} | {"sts:GetCallerIdentity"})
    found = examined(file)["permissions"]
    assert found.state is State.FAIL
    assert found.documents["policy that is missing"] == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": "*"},
            {"Effect": "Allow", "Action": ["ecr:PutImage", "ecr:UploadLayerPart"], "Resource": ARN},
        ],
    }
    assert found.fix == "add the policy below to the identity"


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("explicit", "no Allow overrules it"),
        ("scp", "who runs the AWS organization"),
        ("boundary", "permissions boundary"),
        ("repository", "owner of the repository"),
    ],
)
def test_what_no_further_policy_mends(here: Ecr, write: Write, form: Any, told: str) -> None:
    file = write()
    ensure(load(file))
    here.faults.deny("ecr:PutImage", form, ARN)
    found = examined(file)["permissions"]
    assert (found.state, dict(found.documents)) == (State.FAIL, {})
    assert "ecr:PutImage" in found.seen
    assert told in found.fix


@pytest.mark.long
def test_a_role_that_does_not_trust_us(
    here: Ecr, write: Write, typed: Callable[..., CompletedProcess[str]]
) -> None:
    role = "arn:aws:iam::444455556666:role/publisher"
    here.faults.deny("sts:AssumeRole", "identity", role)
    write(f'role-arn = "{role}"\nexternal-id = "churn-42"\n')
    done = typed("doctor", "--json", check=False, DOCKER_HOST="unix:///nowhere")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1
    documents = checks["aws"]["documents"]
    (trusted,) = documents[f"trust policy of {role}"]["Statement"]
    assert trusted["Principal"] == {"AWS": "arn:aws:iam::111122223333:role/byoc-sagemaker"}
    assert trusted["Condition"] == {"StringEquals": {"sts:ExternalId": "churn-42"}}
    assert {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": role} in [
        statement for document in documents.values() for statement in document["Statement"]
    ]
    assert "permissions" not in checks


@pytest.mark.long
def test_policies_are_printed_for_people(
    here: Ecr, write: Write, typed: Callable[..., CompletedProcess[str]]
) -> None:
    here.faults.deny("ecr:GetAuthorizationToken")
    write()
    done = typed("doctor", "--region", "eu-west-1", check=False, DOCKER_HOST="unix:///nowhere")
    assert done.returncode == 1
    assert here.host(region="eu-west-1") in done.stdout
    after = done.stdout.split("policy that is missing:\n")[1]
    printed, _ = json.JSONDecoder().raw_decode(after.lstrip())
    assert printed["Statement"][0]["Action"] == ["ecr:GetAuthorizationToken"]


def test_a_base_in_another_account_must_let_us_pull(here: Ecr, write: Write) -> None:
    here.client("ecr", "444455556666").create_repository(repositoryName="team/base")
    base = f"{here.host('444455556666')}/team/base:1"
    file = write(base=base)
    found = examined(file)["permissions"]
    assert found.state is State.FAIL
    assert all(action in found.seen for action in PULL)
    assert "444455556666:repository/team/base" in found.seen


def test_drift_mounting_and_names_are_told(here: Ecr, write: Write) -> None:
    here.client("ecr").create_repository(repositoryName="team/base")
    ensure(load(write()))
    file = write('[publish.ecr]\nmutability = "immutable"\n', base=f"{here.host()}/team/base:1")
    found = examined(file)
    assert found["repository"].state is State.WARN
    assert "byoc repository apply" in found["repository"].fix
    assert found["mounting"].state is State.WARN
    assert found["mounting"].fix == (
        "`aws ecr put-account-setting --region us-east-1 --name BLOB_MOUNTING --value ENABLED`"
    )
    here.client("ecr").put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    assert examined(file)["mounting"].state is State.OK
    file.write_text(file.read_text().replace("sagemaker/churn", "team/churn"))
    assert "AmazonSageMakerFullAccess" in examined(file)["name"].seen


def test_a_repository_that_is_missing(here: Ecr, write: Write) -> None:
    assert examined(write())["repository"].state is State.OK
    found = examined(write("[publish.ecr]\ncreate = false\n"))["repository"]
    assert (found.state, found.fix) == (State.FAIL, "`byoc repository apply` makes it")


def test_credentials_that_have_ended(here: Ecr, write: Write) -> None:
    here.faults.expire_credentials()
    found = examined(write())
    assert list(found) == ["aws"]
    assert "aws sso login" in found["aws"].fix


def test_roles_of_other_accounts_are_tried(here: Ecr, write: Write) -> None:
    role = "arn:aws:iam::444455556666:role/publisher"
    found = examined(write(f'roles = {{ "444455556666" = "{role}" }}\n'))
    assert "444455556666:assumed-role/publisher/byoc" in found["aws 444455556666"].seen


def test_a_project_outside_of_ecr_asks_aws_nothing(here: Ecr, write: Write) -> None:
    file = write()
    file.write_text(file.read_text().replace('"sagemaker/churn"', '"registry.example/churn"'))
    assert examined(file) == {}
    assert here.requests == []
