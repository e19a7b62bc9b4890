"""Who we are to AWS: profiles, roles, regions and endpoints, several at once; and errors one can act on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from byoc_kit.aws.session import AwsSettings, client, region_of, session, whoami
from byoc_kit.errors import ByocError, UsageError
from rig.ecr import Ecr

pytestmark = pytest.mark.long

ROLE = "arn:aws:iam::444455556666:role/publisher"


@pytest.fixture
def here(ecr: Ecr, monkeypatch: pytest.MonkeyPatch) -> Ecr:
    for name, value in ecr.environ().items():
        monkeypatch.setenv(name, value)
    return ecr


def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the credentials of the environment."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)


def configure(rig: Ecr, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two profiles, of two accounts; nothing in the environment."""
    bare(monkeypatch)
    lines = list[str]()
    for name, account in {"default": "111122223333", "team": "444455556666"}.items():
        lines.append(f"[{name}]")
        lines += [f"{key.lower()} = {value}" for key, value in rig.keys(account).items()]
    (tmp_path / "credentials").write_text("\n".join(lines))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def test_the_environment_is_enough(here: Ecr) -> None:
    assert whoami(AwsSettings()).account == "111122223333"
    assert region_of(AwsSettings()) == "us-east-1"
    assert region_of(AwsSettings(region="eu-west-1")) == "eu-west-1"


def test_profiles(here: Ecr, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    configure(here, monkeypatch, tmp_path)
    assert whoami(AwsSettings()).account == "111122223333"
    assert whoami(AwsSettings(profile="team")).account == "444455556666"
    monkeypatch.setenv("AWS_PROFILE", "team")
    assert whoami(AwsSettings()).account == "444455556666"
    with pytest.raises(ByocError) as caught:
        whoami(AwsSettings(profile="nobody"))
    assert (caught.value.id, "nobody" in caught.value.why) == ("BYOC-E825", True)


def test_a_role_with_external_id_and_session_name(here: Ecr) -> None:
    trust = {"Condition": {"StringEquals": {"sts:ExternalId": "churn-42"}}}
    here.client("iam", "444455556666").create_role(
        RoleName="publisher", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )
    told = whoami(AwsSettings(role_arn=ROLE, external_id="churn-42", role_session_name="ci-7"))
    assert told.arn == "arn:aws:sts::444455556666:assumed-role/publisher/ci-7"
    assert whoami(AwsSettings()).account == "111122223333"
    with pytest.raises(ByocError) as caught:
        whoami(AwsSettings(role_arn=ROLE, external_id="wrong"))
    assert caught.value.id == "BYOC-E817"
    assert "trust policy" in caught.value.fix


def test_a_role_is_assumed_from_a_profile(here: Ecr, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    configure(here, monkeypatch, tmp_path)
    told = whoami(AwsSettings(profile="team", role_arn="arn:aws:iam::111122223333:role/byoc-sagemaker"))
    assert told.arn == "arn:aws:sts::111122223333:assumed-role/byoc-sagemaker/byoc"


def test_an_endpoint_is_that_of_ecr_only(here: Ecr) -> None:
    settings = AwsSettings(endpoint_url="http://127.0.0.1:1")
    assert whoami(settings).account == "111122223333"
    assert client(settings, "ecr").meta.endpoint_url == "http://127.0.0.1:1"


def test_what_is_made_once_is_used_again(here: Ecr, monkeypatch: pytest.MonkeyPatch) -> None:
    first = session(AwsSettings(region="eu-west-1"))
    assert session(AwsSettings(region="eu-west-1")) is first
    assert client(AwsSettings(), "ecr", "eu-west-1") is client(AwsSettings(), "ecr", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    assert session(AwsSettings(region="eu-west-1")) is not first


def test_throttling_is_waited_out(here: Ecr) -> None:
    here.faults.throttle("api", times=3)
    assert client(AwsSettings(), "ecr").describe_repositories()["repositories"] == []


def test_a_user_who_sets_retries_gets_those(here: Ecr, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client(AwsSettings(), "ecr").meta.config.retries == {"mode": "standard", "total_max_attempts": 8}
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    assert client(AwsSettings(), "ecr").meta.config.retries["total_max_attempts"] == 2


def nothing(rig: Ecr, monkeypatch: pytest.MonkeyPatch) -> None:
    bare(monkeypatch)


def ended(rig: Ecr, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.faults.expire_credentials()


def unknown(rig: Ecr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODYKNOWS")


def away(rig: Ecr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


def busy(rig: Ecr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    rig.faults.throttle("api", times=9)


@pytest.mark.parametrize(
    ("trouble", "told", "fix"),
    [
        (nothing, "BYOC-E814", "aws sso login"),
        (ended, "BYOC-E815", "log in again"),
        (unknown, "BYOC-E815", "log in again"),
        (away, "BYOC-E820", "check network"),
        (busy, "BYOC-E819", "in a minute"),
    ],
)
def test_trouble_is_told_with_its_fix(
    here: Ecr, monkeypatch: pytest.MonkeyPatch, trouble: Callable[[Ecr, Any], None], told: str, fix: str
) -> None:
    trouble(here, monkeypatch)
    with pytest.raises(ByocError) as caught:
        whoami(AwsSettings())
    assert caught.value.id == told
    assert fix in caught.value.fix
    secrets = [value for name, value in here.keys().items() if name != "AWS_ACCESS_KEY_ID"]
    assert not any(secret in str(caught.value) for secret in secrets)


def test_no_region_is_a_mistake_of_use(here: Ecr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(UsageError) as caught:
        region_of(AwsSettings())
    assert caught.value.id == "BYOC-E816"
