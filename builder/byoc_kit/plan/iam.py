"""Permissions of AWS: what a refusal says, and the least policy that would have allowed it. Pure."""

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from byoc_kit.plan.repository_documents import PULL

__all__ = ["LOGIN", "PULL", "PUSH", "Cause", "Denied", "Need", "covered_by_managed", "policy", "trust_policy"]

LOGIN: Final = "ecr:GetAuthorizationToken"
"""It knows no resources: its statement has ``*``."""
PUSH: Final = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImages",
    "ecr:DescribeRepositories",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:ListImages",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
"""What whoever publishes needs on the repository."""

SAID: Final = re.compile(
    r"(?:User: (?P<principal>\S+) )?is not authorized to perform: (?P<action>[a-z0-9-]+:[A-Za-z0-9*]+)"
    r"(?: on resource: (?P<resource>\S+))?(?P<rest>.*)",
    re.DOTALL,
)
BY: Final = re.compile(
    r"(?:an? |no )(?P<kind>[a-z -]+? policy|permissions boundary|VPC endpoint policy)", re.IGNORECASE
)


class Cause(enum.StrEnum):
    """Why AWS refused."""

    NOT_ALLOWED = "no policy allows it"
    DENIED = "a policy denies it explicitly"
    ORGANIZATION = "the organization does not let this account do it"
    BOUNDARY = "the permissions boundary of the identity does not include it"
    SESSION = "the policy of the session does not include it"
    ENDPOINT = "the policy of the VPC endpoint does not let it through"
    REPOSITORY = "the policy of the repository does not allow it to other accounts"

    @property
    def mendable(self) -> bool:
        """Whether a further statement in a policy of the identity is a remedy."""
        return self is Cause.NOT_ALLOWED


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """One refusal, as AWS words it."""

    action: str
    resource: str
    principal: str | None
    cause: Cause
    explicit: bool
    """An explicit deny wins over everything that allows."""

    @classmethod
    def parse(cls, message: str) -> Self | None:
        """What *message* says; None where it is no refusal of that form."""
        found = SAID.search(message)
        if found is None:
            return None
        rest = found["rest"]
        explicit = "explicit deny" in rest
        return cls(
            action=found["action"],
            resource=(found["resource"] or "*").rstrip(".,;"),
            principal=found["principal"],
            cause=_cause(rest, explicit),
            explicit=explicit,
        )

    @property
    def fix(self) -> str:
        """What to do, and who can do it."""
        if self.cause is Cause.NOT_ALLOWED:
            return f"allow {self.action} on {self.resource} in a policy of the identity"
        if self.cause is Cause.DENIED:
            return f"find the Deny for {self.action} in the identity's policies: no Allow overrules it"
        way = f"take its Deny of {self.action} away" if self.explicit else f"allow {self.action} there"
        return f"{WHERE[self.cause]}: {way}"


WHERE: Final[Mapping[Cause, str]] = {
    Cause.ORGANIZATION: "ask who runs the AWS organization, since no policy of this account helps",
    Cause.BOUNDARY: "ask who manages the identity's permissions boundary",
    Cause.SESSION: "look at the policy that the session was started with",
    Cause.ENDPOINT: "look at the policy of the VPC endpoint for ECR",
    Cause.REPOSITORY: "ask the owner of the repository, whose policy decides",
}


def _cause(rest: str, explicit: bool) -> Cause:
    kind = found["kind"].lower() if (found := BY.search(rest)) else ""
    table = {
        "service control policy": Cause.ORGANIZATION,
        "resource control policy": Cause.ORGANIZATION,
        "permissions boundary": Cause.BOUNDARY,
        "session policy": Cause.SESSION,
        "vpc endpoint policy": Cause.ENDPOINT,
        "resource-based policy": Cause.REPOSITORY,
    }
    return next(
        (cause for name, cause in table.items() if name in kind),
        Cause.DENIED if explicit else Cause.NOT_ALLOWED,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Actions on one resource."""

    actions: tuple[str, ...]
    resource: str


def policy(needs: Iterable[Need]) -> Mapping[str, Any]:
    """The least policy document that allows *needs*; equal resources share a statement."""
    by_resource: dict[str, set[str]] = {}
    for need in needs:
        for action in need.actions:
            resource = "*" if action == LOGIN else need.resource
            by_resource.setdefault(resource, set()).add(action)
    statements = [
        {"Effect": "Allow", "Action": sorted(actions), "Resource": resource}
        for resource, actions in sorted(by_resource.items())
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def trust_policy(principal: str, external_id: str | None) -> Mapping[str, Any]:
    """The trust policy by which *principal* (an ARN) may assume a role."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": _lasting(principal)},
        "Action": "sts:AssumeRole",
    }
    if external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _lasting(principal: str) -> str:
    """The role behind a session of it: sessions come and go."""
    found = re.fullmatch(r"arn:(aws[a-z-]*):sts::([0-9]{12}):assumed-role/([^/]+)/.*", principal)
    return f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}" if found else principal


def covered_by_managed(path: str) -> bool:
    """Whether AmazonSageMakerFullAccess lets roles write to the repository: only ``*sagemaker*``."""
    return "sagemaker" in path
