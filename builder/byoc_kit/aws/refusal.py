"""What an error of boto3 means to a user, and what helps. The service's own words, never a secret."""

from typing import Any, Final

from byoc_kit.errors import ByocError
from byoc_kit.plan.iam import Denied

__all__ = ["DENIED", "code_of", "told", "words_of"]

ENDED: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "AuthFailure",
    }
)
"""Error codes for credentials that are not good (any more)."""
ENDED_LOCALLY: Final = frozenset(
    {
        "UnauthorizedSSOTokenError",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "LoginError",
        "LoginTokenLoadError",
        "CredentialRetrievalError",
        "RefreshWithMFAUnsupportedError",
    }
)
"""botocore's names for the same, seen before anything was asked of AWS."""
ABSENT: Final = frozenset({"NoCredentialsError", "PartialCredentialsError", "NoAuthTokenError"})
THROTTLED: Final = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"}
)
AWAY: Final = frozenset(
    {
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ConnectionClosedError",
        "ProxyConnectionError",
        "SSLError",
        "HTTPClientError",
        "ConnectionError",
    }
)
DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


def code_of(error: Exception) -> str:
    """The service's own error code, else the name of the exception."""
    return str(_answer(error).get("Code") or type(error).__name__)


def told(error: Exception, doing: str, who: str) -> ByocError:
    """*error* as something a user can act on; *doing* says what was asked, *who* as whom."""
    code, words = code_of(error), words_of(error)
    if code in DENIED:
        return _denied(doing, words)
    id, what, fix = next(  # noqa: A001
        (meaning for codes, meaning in MEANINGS if code in codes),
        ("BYOC-E821", f"AWS refuses: {code}", "correct what AWS names, and run it again"),
    )
    return ByocError(f"{doing}: {what}", why=f"{who}: {words}", fix=fix, id=id)


MEANINGS: Final = (
    (
        frozenset({"ProfileNotFound"}),
        (
            "BYOC-E825",
            "the AWS configuration has no such profile",
            "check [publish] profile and AWS_PROFILE; `aws configure list-profiles` lists what there is",
        ),
    ),
    (
        ABSENT,
        (
            "BYOC-E814",
            "there are no AWS credentials",
            "log in (`aws sso login`), set AWS_PROFILE, or write [publish] profile",
        ),
    ),
    (
        ENDED | ENDED_LOCALLY,
        (
            "BYOC-E815",
            "the AWS credentials are not accepted",
            "log in again (`aws sso login`), or get new keys; a wrong clock of this machine does the same",
        ),
    ),
    (
        THROTTLED,
        (
            "BYOC-E819",
            "AWS answers too many requests, also after several tries",
            "run it again in a minute; many jobs at once are better spread out",
        ),
    ),
    (
        AWAY,
        (
            "BYOC-E820",
            "AWS cannot be reached",
            "check network, proxy and region; in a VPC without a way out ECR needs its endpoints",
        ),
    ),
    (
        frozenset({"NoRegionError"}),
        ("BYOC-E816", "no AWS region is known", 'write [publish] region = "eu-west-1", or set AWS_REGION'),
    ),
)
"""Error codes and botocore's names; id, what happened, and what helps."""


def _denied(doing: str, words: str) -> ByocError:
    found = Denied.parse(words)
    if found is not None and found.action == "sts:AssumeRole":
        return ByocError(f"{doing}: the role cannot be assumed", why=words, fix=ASSUME, id="BYOC-E817")
    what, why, fix = "AWS does not allow it", words, "`byoc doctor` tells what is missing"
    if found is not None:
        what, why = f"{found.action} is not allowed", f"{found.cause}: {words}"
        fix = f"{found.fix}; `byoc doctor` prints the policy that is missing"
    return ByocError(f"{doing}: {what}", why=why, fix=fix, id="BYOC-E818")


ASSUME: Final = (
    "the role's trust policy must name the caller, and the external id where it asks for one; the caller "
    "needs sts:AssumeRole; `byoc doctor` prints both policies"
)


def _answer(error: Exception) -> dict[str, Any]:
    found = (getattr(error, "response", None) or {}).get("Error", {})  # botocore has some without
    return found if isinstance(found, dict) else {}


def words_of(error: Exception) -> str:
    """One line; never the whole answer, which may hold a token."""
    said = str(_answer(error).get("Message") or "") or str(error)
    return " ".join(said.split())[:600]
