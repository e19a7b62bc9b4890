"""Logins for Amazon ECR: a token for the caller's AWS identity, valid for hours at most."""

import base64

from byoc_kit.errors import ByocError
from byoc_kit.oci.reference import ECR_HOST

__all__ = ["authorization"]


def authorization(host: str) -> tuple[str, str] | None:
    """User and password for the private ECR registry *host*; None: the caller has no AWS identity.

    Raises ByocError (BYOC-E804) where AWS gives no token; never for a host that is not ECR's own.
    """
    found = ECR_HOST.fullmatch(host)
    if found is None:
        return None
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        client = boto3.Session().client("ecr", region_name=found["region"])
        answer = client.get_authorization_token(registryIds=[found["account"]])
        token = answer["authorizationData"][0]["authorizationToken"]
        user, _, password = base64.b64decode(token).decode().partition(":")
    except NoCredentialsError:
        return None
    except (BotoCoreError, ClientError, LookupError, ValueError) as error:
        raise ByocError(
            f"AWS gives no login for {host}",
            why=_said(error),
            fix="log in to AWS (`aws sso login`, AWS_PROFILE); the identity needs ecr:GetAuthorizationToken",
            id="BYOC-E804",
        ) from error
    return user, password


def _said(error: Exception) -> str:
    """The service's own code and words; never what it answered where that may hold a token."""
    told = getattr(error, "response", {}).get("Error", {})
    if told:
        return f"{told.get('Code')}: {told.get('Message')}"
    return str(error) if type(error).__module__.startswith("botocore") else "its answer holds no token"
