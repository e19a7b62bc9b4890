"""The two JSON documents of a repository: its lifecycle policy and its permissions.

Both may hold rules of others. Ours are known by their description or Sid; others stay, unless ECR allows only
one of a kind: then the plan names what would go.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from byoc_kit.oci.ecr import EcrRegistry, partition_of
from byoc_kit.spec.types import Ecr

__all__ = ["NO_CHANGE", "PULL", "Edit", "lifecycle_edit", "policy_edit"]

PULL: Final = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
"""What whoever pulls needs on a repository."""
RELEASES, UNTAGGED = "byoc releases", "byoc untagged"
"""How descriptions of our lifecycle rules begin."""
ACCOUNTS, SERVICE = "ByocPull", "ByocSageMaker"
"""Sids of our statements."""
RELEASE: Final = "*.*"
"""Tags with a dot: of those that are computed, only versions have one."""

Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Edit:
    """A document as it should be."""

    what: str
    document: Mapping[str, Any] | None
    """None: there should be none."""
    removes: tuple[str, ...] = ()

    def text(self) -> str:
        """The document as JSON, the same each time."""
        return json.dumps(self.document, separators=(",", ":"))


NO_CHANGE: Final = Edit("", None)


def lifecycle_edit(wanted: Ecr, found: Rule | None) -> Edit:
    """The lifecycle policy with our rules as *wanted*; :data:`NO_CHANGE` where they are so already."""
    have = sorted((found or {}).get("rules", ()), key=lambda rule: int(rule["rulePriority"]))
    ours = list(_lifecycle_rules(wanted))
    if all(any(_same(rule, each) for each in have) for rule in ours):
        return NO_CHANGE
    kinds = {_kind(rule) for rule in ours}
    others = [rule for rule in have if _kind(rule) not in kinds]
    gone = [rule for rule in others if UNTAGGED in kinds and _status(rule) == "untagged"]
    kept = [rule for rule in others if rule not in gone]
    # A rule may not touch what one before it selects, and ECR wants "any" last: what is there goes first.
    first = [rule for rule in kept if _status(rule) != "any"]
    last = [rule for rule in kept if _status(rule) == "any"]
    rules = [{**rule, "rulePriority": place} for place, rule in enumerate([*first, *ours, *last], 1)]
    said = ", ".join(str(rule["description"]).partition(": ")[2] for rule in ours)
    return Edit(f"lifecycle: {said}", {"rules": rules}, tuple(f"lifecycle/{_named(rule)}" for rule in gone))


def _lifecycle_rules(wanted: Ecr) -> Iterator[dict[str, Any]]:
    if wanted.keep_releases is not None:
        yield {
            "description": f"{RELEASES}: the newest {wanted.keep_releases} images with a version are kept",
            "selection": {
                "tagStatus": "tagged",
                "tagPatternList": [RELEASE],
                "countType": "imageCountMoreThan",
                "countNumber": wanted.keep_releases,
            },
            "action": {"type": "expire"},
        }
    if wanted.expire_untagged_days is not None:
        yield {
            "description": f"{UNTAGGED}: images without a tag go after {wanted.expire_untagged_days} days",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": wanted.expire_untagged_days,
            },
            "action": {"type": "expire"},
        }


def _same(rule: Rule, other: Rule) -> bool:
    return all(rule[name] == other.get(name) for name in ("selection", "action"))


def _kind(rule: Rule) -> str:
    return str(rule.get("description", "")).partition(":")[0]


def _status(rule: Rule) -> str:
    return str(rule["selection"]["tagStatus"])


def _named(rule: Rule) -> str:
    return str(rule.get("description") or f"rule {rule['rulePriority']}")


def policy_edit(wanted: Ecr, here: EcrRegistry, found: Rule | None) -> Edit:
    """The repository's permissions with our statements as *wanted*; :data:`NO_CHANGE` where they are so."""
    have = {str(each.get("Sid", place)): each for place, each in enumerate(_statements(found))}
    after, said, gone = dict(have), list[str](), list[str]()
    for sid, statement in _wanted_statements(wanted, here):
        before = have.get(sid)
        if statement is None:
            after.pop(sid, None)
        elif before is None or _sides(before) != _sides(statement):
            after[sid] = statement
        lost, new = _who(before) - _who(statement), _who(statement) - _who(before)
        gone += [f"policy/{name}" for name in sorted(lost)]
        said += [f"{name} may pull" for name in sorted(new)] + [
            f"{name} may not any more" for name in sorted(lost)
        ]
    if after == have:
        return NO_CHANGE
    what = f"policy: {'; '.join(said) or 'what may be done is put right'}"
    if not after:
        return Edit(what, None, tuple(gone))
    document = {"Version": "2012-10-17", **(found or {}), "Statement": list(after.values())}
    return Edit(what, document, tuple(gone))


def _statements(document: Rule | None) -> Iterable[Rule]:
    found = (document or {}).get("Statement", ())
    return [found] if isinstance(found, dict) else found


def _wanted_statements(wanted: Ecr, here: EcrRegistry) -> Iterator[tuple[str, Rule | None]]:
    """Sid and statement of what byoc.toml says something about; None: there should be none."""
    if wanted.pull_accounts is not None:
        partition = partition_of(here.region)
        roots = [f"arn:{partition}:iam::{account}:root" for account in wanted.pull_accounts]
        yield ACCOUNTS, _statement(ACCOUNTS, {"AWS": roots}) if roots else None
    if wanted.sagemaker_pull is not None:
        service = {"Service": "sagemaker.amazonaws.com"}
        yield SERVICE, _statement(SERVICE, service) if wanted.sagemaker_pull else None


def _statement(sid: str, principal: Rule) -> Rule:
    return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": list(PULL)}


def _sides(statement: Rule) -> tuple[frozenset[str], frozenset[str], object]:
    return _who(statement), frozenset(_listed(statement.get("Action"))), statement.get("Effect")


def _who(statement: Rule | None) -> frozenset[str]:
    """Principals, in the form in which a person knows them: an account by its number."""
    principal = (statement or {}).get("Principal", {})
    values = principal.values() if isinstance(principal, dict) else [principal]
    names = [name for value in values for name in _listed(value)]
    return frozenset(name.split(":")[4] if name.endswith(":root") else name for name in names)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())
