"""What a repository in Amazon ECR should be, what it is, and hence what would be asked of AWS.

Pure: the same values give the same plan. An action holds the very request that is sent when it is applied.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from byoc_kit.oci.ecr import EcrRegistry
from byoc_kit.oci.reference import Repository
from byoc_kit.plan.expiry import Stored, expiring
from byoc_kit.plan.repository_documents import NO_CHANGE, Edit, lifecycle_edit, policy_edit
from byoc_kit.spec.types import Ecr

__all__ = ["Action", "Encryption", "Fixed", "Found", "RegistryState", "RepositoryPlan", "plan_repository"]

AES256 = "AES256"
MOUNTING = "BLOB_MOUNTING"


@dataclass(frozen=True, slots=True)
class Encryption:
    """How a repository is encrypted at rest."""

    kind: str
    """``AES256``, ``KMS`` or ``KMS_DSSE``."""
    key: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} ({self.key})" if self.key else self.kind

    def is_met_by(self, other: "Encryption") -> bool:
        """Whether *other*, as ECR tells it, is what is meant here: a key's alias cannot be compared."""
        if self.kind != other.kind or self.key is None or "alias/" in self.key:
            return self.kind == other.kind
        return (other.key or "").rpartition("/")[2] == self.key.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A repository as ECR tells it; what was not asked for is None."""

    encryption: Encryption
    mutability: str
    exclusions: frozenset[str] = frozenset()
    scan_on_push: bool = False
    lifecycle: Mapping[str, Any] | None = None
    policy: Mapping[str, Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def keeps(self, tag: str) -> bool:
        """Whether *tag*, once it is there, never comes to mean another image."""
        excluded = any(_excludes(pattern, tag) for pattern in self.exclusions)
        return self.mutability.startswith("IMMUTABLE") != excluded


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryState:
    """Settings of the whole registry; None: not asked, or AWS would not say."""

    mounting: bool | None = None
    """Whether blobs may be mounted from one repository into another."""
    scanning: Mapping[str, Any] | None = None
    """``scanningConfiguration`` of GetRegistryScanningConfiguration."""


UNKNOWN = RegistryState()


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One request to AWS."""

    name: str
    """What it concerns: repository, lifecycle, policy, mutability, scan, tags, mounting."""
    what: str
    operation: str
    """Method of boto3's ECR client."""
    request: Mapping[str, Any]
    removes: tuple[str, ...] = ()
    """Names of what somebody would miss; such an action is applied only where each is named."""
    scope: Literal["repository", "registry"] = "repository"
    """``registry``: it concerns every repository of the account in that region."""

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "name": self.name,
            "what": self.what,
            "operation": self.operation,
            "request": dict(self.request),
            "removes": list(self.removes),
            "scope": self.scope,
        }

    def with_expiring(self, images: Iterable[Stored], now: float) -> "Action":
        """The same, with the images that ECR would delete by the lifecycle policy that it puts."""
        policy = json.loads(self.request["lifecyclePolicyText"])
        gone = tuple(f"image/{each.name}" for each in expiring(policy, tuple(images), now))
        return replace(self, removes=(*self.removes, *gone))


@dataclass(frozen=True, slots=True)
class Fixed:
    """A difference that no request can take away."""

    name: str
    found: str
    wanted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryPlan:
    """Schema ``byoc/repository-plan/1``."""

    repository: Repository
    exists: bool | None
    """None: the registry is not ECR's, where repositories come with what is pushed."""
    actions: tuple[Action, ...] = ()
    fixed: tuple[Fixed, ...] = ()
    notes: tuple[str, ...] = ()
    found: Found | None = None
    """What is there; None: nothing, or it was not asked."""

    @property
    def own(self) -> tuple[Action, ...]:
        """Actions on the repository itself."""
        return tuple(each for each in self.actions if each.scope == "repository")

    @property
    def drift(self) -> tuple[str, ...]:
        """How an existing repository differs from byoc.toml, in words."""
        told = [f"{each.name} is {each.found}, not {each.wanted}" for each in self.fixed]
        return (*told, *(each.what for each in self.own)) if self.exists else ()

    def to_json(self) -> dict[str, Any]:
        """For machines; ``actions`` are what is executed."""
        return {
            "schema": "byoc/repository-plan/1",
            "repository": str(self.repository),
            "exists": self.exists,
            "actions": [each.to_json() for each in self.actions],
            "fixed": [{"name": each.name, "found": each.found, "wanted": each.wanted} for each in self.fixed],
            "notes": list(self.notes),
        }

    def to_text(self) -> str:
        """For a person."""
        state = {None: "is not in ECR: nothing to do", True: "exists", False: "does not exist"}[self.exists]
        if self.exists and not (self.actions or self.fixed):
            state = "is as byoc.toml says"
        lines = [f"{self.repository} {state}"]
        lines += [f"  {'+' if not self.exists else '~'} {_words(each)}" for each in self.actions]
        lines += [f"    removes: {name}" for each in self.actions for name in each.removes]
        lines += [
            f"  ! {each.name} is {each.found}, byoc.toml wants {each.wanted}: "
            "ECR never changes it, only a new repository can have it"
            for each in self.fixed
        ]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def plan_repository(
    repository: Repository,
    wanted: Ecr,
    found: Found | None,
    *,
    base: Encryption | None = None,
    registry: RegistryState = UNKNOWN,
) -> RepositoryPlan:
    """What makes *found* (None: it does not exist) what is *wanted*.

    *base*: how the base's repository is encrypted, where it is another one of the same registry: between
    equal encryptions blobs can be mounted instead of sent (ECR's blob mounting).
    """
    here = EcrRegistry.of_host(repository.host)
    assert here is not None, "only ECR has repositories to be planned"
    target = {"registryId": here.account, "repositoryName": repository.path}
    common = [
        *_documents(here, target, wanted, found),
        *_of_registry(repository.path, wanted, registry, base),
    ]
    if found is None:
        return RepositoryPlan(
            repository=repository,
            exists=False,
            actions=(_create(target, wanted, base), *common),
            notes=tuple(_mounting_notes(_encryption(wanted, base), base)),
        )
    return RepositoryPlan(
        repository=repository,
        exists=True,
        actions=(*_changes(here, target, wanted, found), *common),
        fixed=tuple(_fixed(wanted, found)),
        notes=tuple(_mounting_notes(found.encryption, base)),
        found=found,
    )


def _excludes(pattern: str, tag: str) -> bool:
    """Whether a filter of exclusions is about *tag*: ``*`` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), tag) is not None


def _words(action: Action) -> str:
    return action.what + ("" if action.scope == "repository" else " (whole registry; only where told)")


def _encryption(wanted: Ecr, base: Encryption | None) -> Encryption:
    """What a new repository gets: what is written, else what its base's has, else ECR's default."""
    if wanted.encryption is None:
        return base or Encryption(AES256)
    return Encryption(wanted.encryption, wanted.kms_key)


def _create(target: Mapping[str, str], wanted: Ecr, base: Encryption | None) -> Action:
    encryption, request = _encryption(wanted, base), dict[str, Any](target)
    request["encryptionConfiguration"] = {"encryptionType": encryption.kind} | (
        {"kmsKey": encryption.key} if encryption.key else {}
    )
    said = [f"encryption {encryption} (for ever)"]
    if wanted.mutability:
        request |= _mutability(wanted)
        said.append(_mutability_text(request))
    if wanted.scan in {"on-push", "off"}:
        request["imageScanningConfiguration"] = {"scanOnPush": wanted.scan == "on-push"}
        said.append(f"scan {wanted.scan}")
    if wanted.resource_tags:
        request["tags"] = _aws_tags(wanted.resource_tags)
        said.append(f"tags {', '.join(f'{key}={value}' for key, value in wanted.resource_tags.items())}")
    what = f"create the repository: {'; '.join(said)}"
    return Action(name="repository", what=what, operation="create_repository", request=request)


def _changes(here: EcrRegistry, target: Mapping[str, str], wanted: Ecr, found: Found) -> Iterator[Action]:
    """Of the settings that a new repository gets when it is created."""
    request = _mutability(wanted) if wanted.mutability else {}
    if request and (request["imageTagMutability"], _filters(request)) != (found.mutability, found.exclusions):
        now = _mutability_words(found.mutability, found.exclusions)
        yield Action(
            name="mutability",
            what=f"tags are {now}, and become {_mutability_text(request)}",
            operation="put_image_tag_mutability",
            request={**target, **request},
        )
    on_push = wanted.scan == "on-push"
    if wanted.scan in {"on-push", "off"} and found.scan_on_push != on_push:
        yield Action(
            name="scan",
            what=f"scanning on push {'begins' if on_push else 'ends'}",
            operation="put_image_scanning_configuration",
            request={**target, "imageScanningConfiguration": {"scanOnPush": on_push}},
        )
    tags = {key: value for key, value in wanted.resource_tags.items() if found.tags.get(key) != value}
    if tags:
        yield Action(
            name="tags",
            what=f"AWS tags are put: {', '.join(f'{key}={value}' for key, value in tags.items())}",
            operation="tag_resource",
            request={"resourceArn": here.arn(target["repositoryName"]), "tags": _aws_tags(tags)},
        )


def _documents(
    here: EcrRegistry, target: Mapping[str, str], wanted: Ecr, found: Found | None
) -> Iterator[Action]:
    lifecycle = lifecycle_edit(wanted, found.lifecycle if found else None)
    if lifecycle is not NO_CHANGE:
        yield _put(target, "lifecycle", "put_lifecycle_policy", "lifecyclePolicyText", lifecycle)
    policy = policy_edit(wanted, here, found.policy if found else None)
    if policy is not NO_CHANGE and policy.document is None:
        yield Action(
            name="policy",
            what=policy.what,
            operation="delete_repository_policy",
            request=target,
            removes=policy.removes,
        )
    elif policy is not NO_CHANGE:
        yield _put(target, "policy", "set_repository_policy", "policyText", policy)


def _put(target: Mapping[str, str], name: str, operation: str, member: str, edit: Edit) -> Action:
    return Action(
        name=name,
        what=edit.what,
        operation=operation,
        request={**target, member: edit.text()},
        removes=edit.removes,
    )


def _of_registry(
    path: str, wanted: Ecr, registry: RegistryState, base: Encryption | None
) -> Iterator[Action]:
    if registry.mounting is False and base is not None:
        yield Action(
            name="mounting",
            what="repositories of the registry share layers (blob mounting), so the base's are not sent",
            operation="put_account_setting",
            request={"name": MOUNTING, "value": "ENABLED"},
            scope="registry",
        )
    if wanted.scan == "enhanced" and registry.scanning is not None:
        yield from _enhanced(path, registry.scanning)


def _enhanced(path: str, scanning: Mapping[str, Any]) -> Iterator[Action]:
    """A further rule for *path*; the others stay. Switching from basic concerns the whole registry."""
    enhanced = scanning.get("scanType") == "ENHANCED"
    rules = list(scanning.get("rules", ()))
    filters = [each["filter"] for rule in rules for each in rule.get("repositoryFilters", ())]
    if enhanced and any(_matches(pattern, path) for pattern in filters):
        return
    ours = {
        "scanFrequency": "CONTINUOUS_SCAN",
        "repositoryFilters": [{"filter": path, "filterType": "WILDCARD"}],
    }
    switched = "" if enhanced else "the registry switches from basic scanning to Amazon Inspector, and "
    yield Action(
        name="scan",
        what=f"{switched}{path} is scanned continuously",
        operation="put_registry_scanning_configuration",
        request={"scanType": "ENHANCED", "rules": [*(rules if enhanced else ()), ours]},
        scope="registry",
    )


def _matches(pattern: str, path: str) -> bool:
    """Whether ECR's filter *pattern* covers *path*: ``*`` is anything, and without one it is a beginning."""
    first, *rest = pattern.split("*")
    if not rest:
        return path.startswith(pattern)
    if not path.startswith(first):
        return False
    at = len(first)
    for part in rest[:-1]:
        at = path.find(part, at) + len(part)
        if at < len(part):
            return False
    return path.endswith(rest[-1]) and len(path) - len(rest[-1]) >= at


def _fixed(wanted: Ecr, found: Found) -> Iterator[Fixed]:
    if wanted.encryption is None:
        return
    meant = Encryption(wanted.encryption, wanted.kms_key)
    if not meant.is_met_by(found.encryption):
        yield Fixed("encryption", str(found.encryption), str(meant))


def _mounting_notes(own: Encryption, base: Encryption | None) -> Iterator[str]:
    if base is not None and not own.is_met_by(base):
        yield (
            f"the base's repository has the encryption {base}, this one {own}: ECR cannot mount its layers, "
            "and they are sent once"
        )


def _mutability(wanted: Ecr) -> dict[str, Any]:
    word = str(wanted.mutability).upper()
    if not wanted.mutability_exclusions:
        return {"imageTagMutability": word}
    filters = [{"filterType": "WILDCARD", "filter": each} for each in wanted.mutability_exclusions]
    return {"imageTagMutability": f"{word}_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": filters}


def _filters(request: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(each["filter"] for each in request.get("imageTagMutabilityExclusionFilters", ()))


def _mutability_text(request: Mapping[str, Any]) -> str:
    return _mutability_words(request["imageTagMutability"], _filters(request))


def _mutability_words(kind: str, exclusions: frozenset[str]) -> str:
    word = kind.partition("_")[0].lower()
    return f"{word}, but for {', '.join(sorted(exclusions))}" if exclusions else word


def _aws_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
