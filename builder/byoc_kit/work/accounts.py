"""Whose registries a project publishes to, and as whom: ``[publish]`` with options of a command over it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from byoc_kit.aws.ecr import TOKENS
from byoc_kit.aws.session import AwsSettings, region_of, whoami
from byoc_kit.errors import ByocError, UsageError
from byoc_kit.oci.ecr import EcrRegistry
from byoc_kit.oci.reference import Repository
from byoc_kit.spec.types import Publish
from byoc_kit.work.project import Project

__all__ = ["Accounts", "AwsOptions", "accounts_of", "in_ecr", "with_options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Which AWS identity is used for which account's registries."""

    default: AwsSettings = field(default_factory=AwsSettings)
    roles: Mapping[str, str] = field(default_factory=dict)
    """Account to the role that is assumed for its registries."""

    def of(self, account: str | None) -> AwsSettings:
        """The identity for the registries of *account*; None: where no account is meant yet."""
        role = self.roles.get(account or "")
        return replace(self.default, role_arn=role) if role else self.default


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsOptions:
    """What a command line says over ``[publish]``; None: nothing."""

    profile: str | None = None
    region: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    role_session_name: str | None = None
    endpoint_url: str | None = None


def with_options(project: Project, options: AwsOptions) -> Project:
    """*project* with *options* in the place of what its ``[publish]`` says."""
    publish = project.spec.publish
    if publish is None:
        return project
    said = {name: value for name in options.__slots__ if (value := getattr(options, name)) is not None}
    return replace(project, spec=replace(project.spec, publish=replace(publish, **said)))


def accounts_of(publish: Publish | None) -> Accounts:
    """The identities that *publish* names; without any, what boto3 finds."""
    if publish is None:
        return Accounts()
    default = AwsSettings(
        profile=publish.profile,
        role_arn=publish.role_arn,
        external_id=publish.external_id,
        role_session_name=publish.role_session_name,
        region=publish.region,
        endpoint_url=publish.endpoint_url,
    )
    return Accounts(default=default, roles=publish.roles)


def _own_registry(publish: Publish) -> EcrRegistry:
    """The ECR registry that a name without a host means: of ``account``, else the caller's.

    Raises UsageError (BYOC-E816) where no region is known, ByocError where AWS does not tell who we are.
    """
    settings = accounts_of(publish).of(publish.account)
    region = region_of(settings)
    if publish.account:
        return EcrRegistry(publish.account, region)
    try:
        own = TOKENS.of(settings, region).registry  # it tells the account, and is needed anyway
    except ByocError as error:
        if error.id != "BYOC-E818":
            raise
        own = None
    return own or EcrRegistry(whoami(settings).account, region)


def in_ecr(publish: Publish) -> Repository:
    """The repository of the account's own ECR that ``repository`` means."""
    registry = _own_registry(publish)
    if EcrRegistry.of_host(registry.host) != registry:
        raise UsageError(
            f"{registry.region[:60]!r} is not an AWS region",
            why=f"a registry of ECR would be called {registry.host[:90]!r}",
            fix="write for example eu-west-1",
            id="BYOC-E816",
        )
    return Repository(registry.host, publish.repository.removeprefix("ecr:"))
