"""What AWS says when it refuses, and the least policy that would have allowed it."""

import pytest

from byoc_kit.plan.iam import Cause, Denied, Need, covered_by_managed, policy, trust_policy

WHO = "arn:aws:sts::111122223333:assumed-role/dev/ann"
WHERE = "arn:aws:ecr:eu-west-1:111122223333:repository/team/churn"
SAYS = f"User: {WHO} is not authorized to perform: ecr:PutImage on resource: {WHERE}"


@pytest.mark.parametrize(
    ("rest", "cause", "explicit"),
    [
        ("", Cause.NOT_ALLOWED, False),
        (" because no identity-based policy allows the ecr:PutImage action", Cause.NOT_ALLOWED, False),
        (" with an explicit deny", Cause.DENIED, True),
        (" with an explicit deny in an identity-based policy", Cause.DENIED, True),
        (" with an explicit deny in a service control policy", Cause.ORGANIZATION, True),
        (
            " with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o/p-1",
            Cause.ORGANIZATION,
            True,
        ),
        (" because no service control policy allows the ecr:PutImage action", Cause.ORGANIZATION, False),
        (" with an explicit deny in a resource control policy", Cause.ORGANIZATION, True),
        (" because no permissions boundary allows the ecr:PutImage action", Cause.BOUNDARY, False),
        (" with an explicit deny in a permissions boundary", Cause.BOUNDARY, True),
        (" because no session policy allows the ecr:PutImage action", Cause.SESSION, False),
        (" because no VPC endpoint policy allows the ecr:PutImage action", Cause.ENDPOINT, False),
        (" because no resource-based policy allows the ecr:PutImage action", Cause.REPOSITORY, False),
    ],
)
def test_why_aws_refuses(rest: str, cause: Cause, explicit: bool) -> None:
    found = Denied.parse(SAYS + rest)
    assert found == Denied(
        action="ecr:PutImage", resource=WHERE, principal=WHO, cause=cause, explicit=explicit
    )
    assert cause.mendable == (cause is Cause.NOT_ALLOWED)
    assert "ecr:PutImage" in found.fix


def test_a_login_knows_no_resource() -> None:
    found = Denied.parse(
        f"User: {WHO} is not authorized to perform: ecr:GetAuthorizationToken on resource: *"
    )
    assert found is not None
    assert (found.action, found.resource) == ("ecr:GetAuthorizationToken", "*")
    needs = [Need(actions=("ecr:GetAuthorizationToken", "ecr:PutImage"), resource=WHERE)]
    assert [statement["Resource"] for statement in policy(needs)["Statement"]] == ["*", WHERE]


@pytest.mark.parametrize("text", ["", "not allowed", "The security token included in the request is expired"])
def test_other_words_are_no_refusal(text: str) -> None:
    assert Denied.parse(text) is None


def test_needs_of_one_resource_share_a_statement() -> None:
    needs = [
        Need(actions=("ecr:PutImage",), resource=WHERE),
        Need(actions=("ecr:ListImages",), resource=WHERE),
    ]
    assert policy(needs) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["ecr:ListImages", "ecr:PutImage"], "Resource": WHERE},
        ],
    }


@pytest.mark.parametrize(
    ("caller", "trusted"),
    [
        (WHO, "arn:aws:iam::111122223333:role/dev"),
        ("arn:aws-cn:sts::111122223333:assumed-role/dev/a", "arn:aws-cn:iam::111122223333:role/dev"),
        ("arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:user/ann"),
    ],
)
def test_a_trust_policy_names_what_lasts(caller: str, trusted: str) -> None:
    (statement,) = trust_policy(caller, None)["Statement"]
    assert statement == {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("path", "covered"), [("sagemaker/churn", True), ("team/my-sagemaker-x", True), ("team/churn", False)]
)
def test_the_managed_policy_covers_names_with_sagemaker(path: str, covered: bool) -> None:
    assert covered_by_managed(path) is covered
