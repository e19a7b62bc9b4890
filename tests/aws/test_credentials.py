"""The caller's credentials as a container's environment."""

import pytest

from byoc_kit.aws.credentials import credentials
from byoc_kit.errors import ByocError


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials of this machine are looked at."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_they_are_found_as_boto3_finds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert credentials() == {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert credentials()["AWS_SESSION_TOKEN"] == "token"


def test_none_and_a_profile_that_is_not_there_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ByocError) as caught:
        credentials()
    assert caught.value.id == "BYOC-E803"
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    with pytest.raises(ByocError) as named:
        credentials()
    assert "no-such-profile" in named.value.why
