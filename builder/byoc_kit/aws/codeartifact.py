"""Tokens of AWS CodeArtifact: what lets pip and uv into a repository of an AWS account."""

import re
from collections.abc import Mapping

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
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        session = boto3.Session(profile_name=environ.get("AWS_PROFILE"), region_name=found["region"])
        client = session.client("codeartifact")
        told = client.get_authorization_token(domain=found["domain"], domainOwner=found["owner"])
    except (BotoCoreError, ClientError):
        return None  # the index will say that it wants a login
    return USER, told["authorizationToken"]
