"""The caller's own AWS credentials, for a container that is to have them."""

from collections.abc import Mapping

from byoc_kit.aws.session import AwsSettings, session
from byoc_kit.errors import ByocError

__all__ = ["credentials"]


def credentials() -> Mapping[str, str]:
    """The environment that gives a program the caller's identity. Raises ByocError where there is none.

    They are looked for as boto3 does: environment, profile, SSO, container, instance.
    """
    from botocore.exceptions import BotoCoreError

    try:
        found = session(AwsSettings()).get_credentials()
        frozen = found and found.get_frozen_credentials()
    except BotoCoreError as error:
        raise _missing(str(error)) from error
    if not frozen or not frozen.access_key or not frozen.secret_key:
        raise _missing("boto3 finds none in the environment, the profile, SSO or an instance role")
    token = {"AWS_SESSION_TOKEN": frozen.token} if frozen.token else {}
    return {"AWS_ACCESS_KEY_ID": frozen.access_key, "AWS_SECRET_ACCESS_KEY": frozen.secret_key, **token}


def _missing(why: str) -> ByocError:
    return ByocError(
        "there are no AWS credentials to hand to the container",
        why=why,
        fix="log in first (`aws sso login`, AWS_PROFILE), or run without --aws-credentials",
        id="BYOC-E803",
    )
