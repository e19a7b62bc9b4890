"""What a repository in ECR should be, and what is asked of AWS for it; nothing is asked in vain."""

import json
from dataclasses import replace
from typing import Any

import pytest

from byoc_kit.oci.reference import parse_repository
from byoc_kit.plan.repository import (
    Encryption,
    Found,
    RegistryState,
    RepositoryPlan,
    plan_repository,
)
from byoc_kit.spec.types import Ecr

HERE = parse_repository("111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/churn")
NOTHING = Ecr(
    create=True,
    encryption=None,
    kms_key=None,
    mutability=None,
    mutability_exclusions=(),
    scan=None,
    keep_releases=None,
    expire_untagged_days=None,
    pull_accounts=None,
    sagemaker_pull=None,
    resource_tags={},
)
PLAIN = Found(encryption=Encryption("AES256"), mutability="MUTABLE")
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1a2b"


def planned(found: Found | None = PLAIN, **wanted: Any) -> RepositoryPlan:
    return plan_repository(HERE, replace(NOTHING, **wanted), found)


def text(plan: RepositoryPlan, member: str) -> Any:
    (found,) = [each.request[member] for each in plan.actions if member in each.request]
    return json.loads(found)


def test_what_nobody_asked_for_is_not_looked_at() -> None:
    strange = replace(PLAIN, mutability="IMMUTABLE", scan_on_push=True, tags={"a": "b"})
    assert planned(strange).actions == ()
    assert planned(strange).to_text() == f"{HERE} is as byoc.toml says"


def test_a_new_repository_without_wishes_is_ecr_s_own() -> None:
    (action,) = planned(None).actions
    assert (action.operation, action.request) == (
        "create_repository",
        {
            "registryId": "111122223333",
            "repositoryName": "team/churn",
            "encryptionConfiguration": {"encryptionType": "AES256"},
        },
    )
    assert "for ever" in action.what


@pytest.mark.parametrize(
    ("wanted", "found", "met"),
    [
        (Encryption("AES256"), Encryption("AES256"), True),
        (Encryption("KMS"), Encryption("AES256"), False),
        (Encryption("KMS"), Encryption("KMS", KEY), True),
        (Encryption("KMS", "1a2b"), Encryption("KMS", KEY), True),
        (Encryption("KMS", KEY), Encryption("KMS", KEY), True),
        (Encryption("KMS", KEY + "c"), Encryption("KMS", KEY), False),
        (Encryption("KMS", "alias/images"), Encryption("KMS", KEY), True),
        (Encryption("KMS_DSSE", KEY), Encryption("KMS", KEY), False),
    ],
)
def test_encryptions(wanted: Encryption, found: Encryption, met: bool) -> None:
    assert wanted.is_met_by(found) is met
    made = planned(replace(PLAIN, encryption=found), encryption=wanted.kind, kms_key=wanted.key)
    assert (made.fixed == (), made.actions) == (met, ())


def test_mutability_with_and_without_exclusions() -> None:
    (action,) = planned(mutability="immutable", mutability_exclusions=("latest",)).actions
    assert action.request["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    there = replace(PLAIN, mutability="IMMUTABLE_WITH_EXCLUSION", exclusions=frozenset({"latest"}))
    assert planned(there, mutability="immutable", mutability_exclusions=("latest",)).actions == ()
    (back,) = planned(there, mutability="immutable").actions
    assert back.what == "tags are immutable, but for latest, and become immutable"


def lifecycle(*rules: dict[str, Any]) -> Found:
    return replace(PLAIN, lifecycle={"rules": list(rules)})


def rule(priority: int, status: str, **more: Any) -> dict[str, Any]:
    selection = {"tagStatus": status, "countType": "imageCountMoreThan", "countNumber": 5, **more}
    return {"rulePriority": priority, "selection": selection, "action": {"type": "expire"}}


def test_lifecycle_rules_of_others_keep_their_place() -> None:
    found = lifecycle(rule(9, "any"), rule(2, "tagged", tagPrefixList=["prod"]))
    made = planned(found, keep_releases=20, expire_untagged_days=14)
    rules = text(made, "lifecyclePolicyText")["rules"]
    assert [each["rulePriority"] for each in rules] == [1, 2, 3, 4]
    assert [each["selection"]["tagStatus"] for each in rules] == ["tagged", "tagged", "untagged", "any"]
    assert planned(lifecycle(*rules), keep_releases=20, expire_untagged_days=14).actions == ()
    (changed,) = planned(lifecycle(*rules), keep_releases=5).actions
    assert changed.removes == ()
    counts = [
        each["selection"]["countNumber"]
        for each in json.loads(changed.request["lifecyclePolicyText"])["rules"]
    ]
    assert counts == [5, 14, 5, 5]


def test_a_rule_that_ours_replaces_is_named() -> None:
    theirs = {**rule(1, "untagged"), "description": "clean up"}
    made = planned(lifecycle(theirs), expire_untagged_days=14)
    assert made.actions[0].removes == ("lifecycle/clean up",)
    assert "removes: lifecycle/clean up" in made.to_text()


def pulled(*accounts: str, sid: str = "ByocPull", actions: list[str] | str | None = None) -> Found:
    pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    roots = [f"arn:aws:iam::{account}:root" for account in accounts]
    statement = {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": roots if roots[1:] else roots[0]}}
    return replace(
        PLAIN, policy={"Version": "2008-10-17", "Statement": [{**statement, "Action": actions or pull}]}
    )


def test_permissions_to_pull() -> None:
    one, two = "444455556666", "777788889999"
    assert planned(pulled(one), pull_accounts=(one,)).actions == ()
    (more,) = planned(pulled(one), pull_accounts=(one, two)).actions
    assert (more.what, more.removes) == (f"policy: {two} may pull", ())
    (less,) = planned(pulled(one, two), pull_accounts=(one,)).actions
    assert (less.operation, less.removes) == ("set_repository_policy", (f"policy/{two}",))
    (none,) = planned(pulled(one), pull_accounts=()).actions
    assert (none.operation, none.removes) == ("delete_repository_policy", (f"policy/{one}",))
    (right,) = planned(pulled(one, actions="ecr:*"), pull_accounts=(one,)).actions
    assert right.what == "policy: what may be done is put right"
    (beside,) = planned(pulled(one, sid="Theirs"), pull_accounts=(two,)).actions
    statements = json.loads(beside.request["policyText"])["Statement"]
    assert [each["Sid"] for each in statements] == ["Theirs", "ByocPull"]


def test_principals_are_of_the_partition() -> None:
    china = parse_repository("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/team/churn")
    made = plan_repository(china, replace(NOTHING, pull_accounts=("444455556666",)), PLAIN)
    (statement,) = text(made, "policyText")["Statement"]
    assert statement["Principal"] == {"AWS": ["arn:aws-cn:iam::444455556666:root"]}


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        *((name, True) for name in ("*", "team/churn", "team", "*/churn", "team*rn")),
        *((name, False) for name in ("other", "team/*/x", "*churns", "team/churn*churn")),
    ],
)
def test_enhanced_scanning_of_the_registry(pattern: str, covered: bool) -> None:
    filters = [{"filter": pattern, "filterType": "WILDCARD"}]
    rules = [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": filters}]
    state = RegistryState(scanning={"scanType": "ENHANCED", "rules": rules})
    made = plan_repository(HERE, replace(NOTHING, scan="enhanced"), PLAIN, registry=state)
    assert (made.actions == ()) is covered
    if not covered:
        assert made.actions[0].request["rules"][0] == rules[0]
        assert made.drift == ()


def test_a_new_repository_takes_the_encryption_of_its_base() -> None:
    base, off = Encryption("KMS", KEY), RegistryState(mounting=False)
    made = plan_repository(HERE, NOTHING, None, base=base, registry=off)
    assert made.actions[0].request["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": KEY}
    assert [each.name for each in made.actions] == ["repository", "mounting"]
    assert made.own == made.actions[:1]
    told = plan_repository(HERE, replace(NOTHING, encryption="AES256"), None, base=base).notes
    assert "cannot mount" in told[0]


def test_the_plan_as_json_holds_the_requests() -> None:
    made = planned(None, resource_tags={"team": "churn"})
    document = json.loads(json.dumps(made.to_json()))
    assert document["schema"] == "byoc/repository-plan/1"
    assert document["exists"] is False
    assert document["actions"][0]["request"]["tags"] == [{"Key": "team", "Value": "churn"}]
