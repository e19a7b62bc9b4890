"""Who we are to AWS: sessions of boto3 by profile, role and region, made once; and what AWS's errors mean.

What is not set is left to boto3: environment, profile, SSO, container and instance roles, proxies, CAs.
"""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from byoc_kit.aws.refusal import told
from byoc_kit.errors import UsageError

if TYPE_CHECKING:
    import boto3
    import botocore.session

__all__ = ["AwsSettings", "Caller", "aws_errors", "client", "region_of", "session", "whoami"]

ATTEMPTS: Final = 8
"""Requests at most, the first included: a fleet that publishes together is throttled for seconds."""
SESSION_NAME: Final = "byoc"
TIMEOUT: Final = 10.0
"""Seconds to connect; the caller waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSettings:
    """One identity; None: as boto3 finds it."""

    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    role_session_name: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    """Of the ECR API only."""

    def __str__(self) -> str:
        """In words, for messages."""
        parts = (
            f"profile {self.profile}" if self.profile else "",
            f"role {self.role_arn}" if self.role_arn else "",
        )
        return ", ".join(filter(None, parts)) or "the default AWS identity"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as AWS sees it."""

    account: str
    arn: str


def session(settings: AwsSettings) -> "boto3.Session":
    """The session of *settings*, made once. Raises ByocError as :func:`aws_errors`."""
    with aws_errors("finding out who we are to AWS", settings):
        return _session(settings, _variables())


def client(settings: AwsSettings, service: str, region: str | None = None) -> Any:
    """A client of *service* that is patient with throttling. Raises ByocError as :func:`aws_errors`."""
    with aws_errors("finding out who we are to AWS", settings):
        return _client(settings, service, region, _variables())


def region_of(settings: AwsSettings) -> str:
    """The region that is set, or that the AWS configuration has. Raises UsageError (BYOC-E816)."""
    found = settings.region or session(settings).region_name
    if found:
        return str(found)
    raise UsageError(
        "no AWS region is known",
        why="neither byoc.toml, nor a variable, nor the AWS configuration says which",
        fix='write [publish] region = "eu-west-1", or set AWS_REGION',
        id="BYOC-E816",
    )


def whoami(settings: AwsSettings) -> Caller:
    """The identity behind *settings*. It needs no permission. Raises ByocError as :func:`aws_errors`."""
    with aws_errors("asking AWS who we are", settings):
        told = client(settings, "sts", region_of(settings)).get_caller_identity()
    return Caller(told["Account"], told["Arn"])


@contextmanager
def aws_errors(doing: str, settings: AwsSettings) -> Iterator[None]:
    """Errors of boto3 as errors that a user can act on; *doing* says what was asked."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise told(error, doing, str(settings)) from error


Variables = tuple[tuple[str, str], ...]


def _variables() -> Variables:
    """What a session is made from besides its settings: another environment, another session."""
    return tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))


@functools.lru_cache(maxsize=64)
def _session(settings: AwsSettings, variables: Variables) -> "boto3.Session":
    import boto3

    region = settings.region or os.environ.get("AWS_REGION") or None
    found = boto3.Session(profile_name=settings.profile, region_name=region)
    if settings.role_arn is None:
        return found
    return boto3.Session(
        botocore_session=_assumed(settings, settings.role_arn, found), region_name=found.region_name
    )


@functools.lru_cache(maxsize=64)
def _client(settings: AwsSettings, service: str, region: str | None, variables: Variables) -> Any:
    from botocore.config import Config

    owner: Any = session(settings)
    chosen = {"retry_mode", "max_attempts"} & owner._session.get_scoped_config().keys()
    chosen |= {"AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS"} & dict(variables).keys()
    patient = Config(retries={"mode": "standard", "total_max_attempts": ATTEMPTS}, connect_timeout=TIMEOUT)
    return owner.client(
        service,
        region_name=region,
        endpoint_url=settings.endpoint_url if service == "ecr" else None,
        config=None if chosen else patient,
    )


def _assumed(settings: AwsSettings, role_arn: str, source: "boto3.Session") -> "botocore.session.Session":
    """A session with the role's credentials, which renew themselves."""
    import botocore.session
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.exceptions import NoCredentialsError

    credentials = source.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    extra = {"RoleSessionName": settings.role_session_name or SESSION_NAME}
    if settings.external_id:
        extra["ExternalId"] = settings.external_id
    inner: Any = source._session
    fetcher = AssumeRoleCredentialFetcher(
        functools.partial(inner.create_client, region_name=source.region_name),
        credentials,
        role_arn,
        extra_args=extra,
    )
    made: Any = botocore.session.get_session()
    if settings.profile:
        made.set_config_variable("profile", settings.profile)
    made._credentials = DeferredRefreshableCredentials(
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    return made  # type: ignore[no-any-return]
