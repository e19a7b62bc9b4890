"""Options that say as whom AWS is asked, for the verbs that publish."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from byoc_kit.work.accounts import AwsOptions

__all__ = ["aws_options", "chosen_aws"]

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS = (
    click.option("--profile", metavar="NAME", help="AWS profile, in the place of [publish] profile."),
    click.option("--region", metavar="REGION", help="AWS region, in the place of [publish] region."),
    click.option("--role-arn", metavar="ARN", help="IAM role to assume first."),
    click.option("--external-id", metavar="ID", help="External id that the role asks for."),
    click.option("--role-session-name", metavar="NAME", help="Name of the role's session in CloudTrail."),
    click.option("--endpoint-url", metavar="URL", help="Address of the ECR API."),
)


def aws_options(function: F) -> F:
    """``--profile`` and so on, over what ``[publish]`` says; :func:`chosen_aws` takes them together."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def chosen_aws(given: Mapping[str, Any]) -> "AwsOptions":
    """Those of :func:`aws_options` among all that a command was *given*."""
    from byoc_kit.work.accounts import AwsOptions

    return AwsOptions(**{name: given[name] for name in AwsOptions.__slots__})
