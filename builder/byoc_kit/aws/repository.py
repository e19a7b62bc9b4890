"""Repositories of Amazon ECR: how one is, and requests of a plan sent as they are."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from byoc_kit.aws.refusal import code_of
from byoc_kit.aws.session import AwsSettings, aws_errors, client
from byoc_kit.oci.ecr import EcrRegistry
from byoc_kit.plan.expiry import Stored
from byoc_kit.plan.repository import Action, Encryption, Found, RegistryState
from byoc_kit.spec.types import Ecr

__all__ = ["apply", "encryption_of", "find", "images_of", "registry_state"]

ABSENT = {
    "LifecyclePolicyNotFoundException",
    "RepositoryPolicyNotFoundException",
    "RepositoryNotFoundException",
}
MOUNTING = "BLOB_MOUNTING"

Answer = Mapping[str, Any]


def find(settings: AwsSettings, registry: EcrRegistry, path: str, wanted: Ecr) -> Found | None:
    """The repository *path*; None: there is none. Only what *wanted* says something about is asked for.

    Raises ByocError as ``aws_errors``.
    """
    with aws_errors(f"looking at the repository {path} in {registry.host}", settings):
        found = _describe(settings, registry, path)
        return _found(settings, registry, found, wanted) if found else None


def encryption_of(settings: AwsSettings, registry: EcrRegistry, path: str) -> Encryption | None:
    """How the repository *path* is encrypted; None: there is none, or we may not know."""
    found = _willing(_describe, settings, registry, path)
    return _encryption(found) if found else None


def images_of(settings: AwsSettings, registry: EcrRegistry, path: str) -> tuple[Stored, ...]:
    """All images of the repository *path*. Raises ByocError as ``aws_errors``."""
    ecr = client(settings, "ecr", registry.region)
    pages = ecr.get_paginator("describe_images").paginate(registryId=registry.account, repositoryName=path)
    with aws_errors(f"listing the images of {registry.host}/{path}", settings):
        return tuple(
            Stored(
                digest=each["imageDigest"],
                tags=tuple(each.get("imageTags", ())),
                pushed_at=each["imagePushedAt"].timestamp(),
            )
            for page in pages
            for each in page["imageDetails"]
        )


def registry_state(settings: AwsSettings, registry: EcrRegistry, *, scanning: bool) -> RegistryState:
    """Settings of the whole registry, as far as we may know them; *scanning*: ask for that, too."""
    ecr = client(settings, "ecr", registry.region)
    mounting = _willing(ecr.get_account_setting, name=MOUNTING)
    found = _willing(ecr.get_registry_scanning_configuration) if scanning else None
    return RegistryState(
        mounting=mounting.get("value") == "ENABLED" if mounting else None,
        scanning=found.get("scanningConfiguration") if found else None,
    )


def apply(settings: AwsSettings, registry: EcrRegistry, actions: Iterable[Action]) -> None:
    """Send each request. A repository that somebody else has made meanwhile is as good as ours.

    Raises ByocError as ``aws_errors``, with what was being done.
    """
    ecr = client(settings, "ecr", registry.region)
    for action in actions:
        with aws_errors(f"{registry.host}: {action.what}", settings):
            try:
                getattr(ecr, action.operation)(**action.request)
            except ecr.exceptions.RepositoryAlreadyExistsException:
                continue


def _describe(settings: AwsSettings, registry: EcrRegistry, path: str) -> Mapping[str, Any] | None:
    ecr = client(settings, "ecr", registry.region)
    found = _asked(ecr.describe_repositories, registryId=registry.account, repositoryNames=[path])
    repositories = found.get("repositories", ()) if found else ()
    return repositories[0] if repositories else None


def _found(settings: AwsSettings, registry: EcrRegistry, described: Mapping[str, Any], wanted: Ecr) -> Found:
    ecr = client(settings, "ecr", registry.region)
    target = {"registryId": registry.account, "repositoryName": described["repositoryName"]}
    rules = shared = None
    if wanted.keep_releases is not None or wanted.expire_untagged_days is not None:
        rules = _asked(ecr.get_lifecycle_policy, **target)
    if wanted.pull_accounts is not None or wanted.sagemaker_pull is not None:
        shared = _asked(ecr.get_repository_policy, **target)
    filters = described.get("imageTagMutabilityExclusionFilters", ())
    tags: Mapping[str, Any] = {}
    if wanted.resource_tags:
        tags = ecr.list_tags_for_resource(resourceArn=described["repositoryArn"])
    return Found(
        encryption=_encryption(described),
        mutability=described.get("imageTagMutability", "MUTABLE"),
        exclusions=frozenset(each["filter"] for each in filters),
        scan_on_push=described.get("imageScanningConfiguration", {}).get("scanOnPush", False),
        lifecycle=_document(rules, "lifecyclePolicyText"),
        policy=_document(shared, "policyText"),
        tags={each["Key"]: each["Value"] for each in tags.get("tags", ())},
    )


def _encryption(described: Mapping[str, Any]) -> Encryption:
    found = described.get("encryptionConfiguration", {})
    return Encryption(found.get("encryptionType", "AES256"), found.get("kmsKey"))


def _document(answer: Answer | None, member: str) -> Answer | None:
    document = json.loads(answer[member]) if answer else None
    return document if isinstance(document, dict) else None


def _asked(operation: Callable[..., Answer], **request: Any) -> Answer | None:
    """What *operation* answers; None where what is asked for is not there."""
    from botocore.exceptions import ClientError

    try:
        return operation(**request)
    except ClientError as error:
        if code_of(error) in ABSENT:
            return None
        raise


def _willing(operation: Callable[..., Answer | None], *arguments: Any, **request: Any) -> Answer | None:
    """What *operation* answers; None where AWS does not tell us: nothing depends on it but a hint."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return operation(*arguments, **request)
    except (BotoCoreError, ClientError):
        return None
