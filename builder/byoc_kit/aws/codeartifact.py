"""Tokens of AWS CodeArtifact: what lets pip and uv into a repository of an AWS account."""

import re
from collections.abc import Mapping

from byoc_kit.aws.session import AwsSettings, client
from byoc_kit.errors import ByocError

__all__ = ["codeartifact_login"]

HOST = re.compile(
    r"(?P<domain>[a-z][a-z0-9-]{0,48}[a-z0-9])-(?P<owner>\d{12})\.d\.codeartifact\."
    r"(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?"
)
"""DOMAIN-ACCOUNT.d.codeartifact.REGION.amazonaws.com, and nothing that merely looks like it."""

USER = "aws"


def codeartifact_login(host: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """User and token for *host*, if it is CodeArtifact's and the caller's credentials get one; else None."""
    found = HOST.fullmatch(host.partition(":")[0])
    if found is None:
        return None
    from botocore.exceptions import BotoCoreError, ClientError

    settings = AwsSettings(profile=environ.get("AWS_PROFILE"))
    try:
        service = client(settings, "codeartifact", found["region"])
        told = service.get_authorization_token(domain=found["domain"], domainOwner=found["owner"])
    except (BotoCoreError, ClientError, ByocError):
        return None  # the index will say that it wants a login
    return USER, told["authorizationToken"]
