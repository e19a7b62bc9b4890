"""Tokens of ECR: asked for once, renewed before they end and when a registry refuses them, for ECR only."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc_kit.aws.ecr import LIFE, TOKENS, Tokens
from byoc_kit.aws.session import AwsSettings
from byoc_kit.errors import ByocError
from byoc_kit.images.registry import RemoteRepository
from byoc_kit.images.session import Session
from byoc_kit.oci.ecr import EcrRegistry, dns_suffix, partition_of
from byoc_kit.oci.reference import Repository, is_ecr
from byoc_kit.work.accounts import Accounts
from byoc_kit.work.logins import logins
from rig.ecr import Ecr

pytestmark = pytest.mark.long

NAME = "sagemaker/churn"


@pytest.fixture
def here(ecr: Ecr, monkeypatch: pytest.MonkeyPatch) -> Ecr:
    for name, value in ecr.environ().items():
        monkeypatch.setenv(name, value)
    ecr.client("ecr").create_repository(repositoryName=NAME)
    ecr.requests.clear()
    return ecr


def asked(rig: Ecr) -> int:
    return sum(request.path == "ecr:GetAuthorizationToken" for request in rig.requests)


def remote(rig: Ecr, account: str | None = None) -> RemoteRepository:
    return RemoteRepository(Session(Repository(rig.host(account), NAME), keychain=logins()))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_one_token_serves_many_sessions(here: Ecr) -> None:
    for _ in range(3):
        assert remote(here).tags() == frozenset()
    assert asked(here) == 1


def test_a_token_is_renewed_before_it_ends(here: Ecr) -> None:
    clock = Clock()
    tokens = Tokens(clock=clock)
    first = tokens.of(AwsSettings(), "us-east-1")
    clock.now += LIFE * 0.89
    assert tokens.of(AwsSettings(), "us-east-1") is first
    clock.now += LIFE * 0.02
    assert tokens.of(AwsSettings(), "us-east-1").password != first.password


def test_a_token_of_a_short_session_is_renewed_sooner(here: Ecr) -> None:
    here.faults.token_seconds = 100
    clock = Clock()
    tokens = Tokens(clock=clock)
    first = tokens.of(AwsSettings(), "us-east-1")
    clock.now += 95
    assert tokens.of(AwsSettings(), "us-east-1").password != first.password


@pytest.mark.parametrize("years", [-11, 11])
def test_a_date_that_makes_no_sense_does_not_matter(here: Ecr, years: int) -> None:
    """The clock of this machine may be wrong; moto's tokens all end in 2015."""
    moved = datetime.now(UTC) - timedelta(days=365 * years)
    tokens = Tokens(now=lambda: moved)
    first = tokens.of(AwsSettings(), "us-east-1")
    assert tokens.of(AwsSettings(), "us-east-1") is first


def test_the_header_follows_the_token(here: Ecr) -> None:
    """A long upload never begins its next blob with a token that is at its end."""
    session = remote(here).session
    RemoteRepository(session).tags()
    before = session.login.header()
    TOKENS.forget(str(logins()(here.host()).secret))  # type: ignore[union-attr]
    assert session.login.header() != before


def test_a_registry_that_refuses_the_token_gets_another(here: Ecr) -> None:
    same = remote(here)
    assert same.tags() == frozenset()
    here.faults.expire_tokens()
    assert same.tags() == frozenset()
    assert asked(here) == 2


def test_a_registry_that_refuses_every_token_is_told_once(here: Ecr) -> None:
    same = remote(here)
    same.tags()
    here.faults.token_seconds = -1
    here.faults.expire_tokens()
    with pytest.raises(ByocError) as caught:
        same.tags()
    assert caught.value.id == "BYOC-E502"
    assert "byoc doctor" in caught.value.fix
    assert asked(here) <= 3


def test_several_accounts_in_one_run(here: Ecr) -> None:
    role = "arn:aws:iam::444455556666:role/publisher"
    here.client("ecr", "444455556666").create_repository(repositoryName=NAME)
    accounts = Accounts(roles={"444455556666": role})
    other = Session(Repository(here.host("444455556666"), NAME), keychain=logins(accounts=accounts))
    assert RemoteRepository(other).tags() == frozenset()
    assert remote(here).tags() == frozenset()
    assert {each.account for each in here.requests if each.kind == "registry"} == {
        "111122223333",
        "444455556666",
    }
    assumed = [each for each in here.requests if each.path == "sts:AssumeRole"]
    assert len(assumed) == 1


def stored(rig: Ecr, tmp_path: Path, password: str) -> dict[str, str]:
    """The environment of somebody whose `docker login` was with *password*."""
    auth = base64.b64encode(f"AWS:{password}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {rig.host(): {"auth": auth}}}))
    return {"DOCKER_CONFIG": str(tmp_path)}


def test_a_stored_login_that_is_refused_gives_way(here: Ecr, tmp_path: Path) -> None:
    """`docker login` keeps a token that ends after twelve hours, and is forgotten by then."""
    keychain = logins(stored(here, tmp_path, "of-yesterday"))
    found = keychain(here.host())
    assert found is not None
    assert found.secret == "of-yesterday"
    session = Session(Repository(here.host(), NAME), keychain=keychain)
    assert RemoteRepository(session).tags() == frozenset()
    assert asked(here) == 1


def test_a_stored_token_that_tells_its_end_is_not_tried(here: Ecr, tmp_path: Path) -> None:
    old = base64.b64encode(json.dumps({"payload": "x", "expiration": 1000}).encode()).decode()
    environ = stored(here, tmp_path, old)
    early = logins(environ, now=lambda: 999.0)(here.host())
    late = logins(environ, now=lambda: 1000.0)(here.host())
    assert early is not None
    assert late is not None
    assert early.secret == old
    assert late.secret != old


def test_the_password_does_not_show(here: Ecr) -> None:
    found, token = logins()(here.host()), TOKENS.of(AwsSettings(), "us-east-1", "111122223333")
    assert found is not None
    assert found.secret == token.password
    assert token.password not in f"{found!r} {token!r}"


@given(
    st.from_regex(r"[0-9]{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]{1,20}\.amazonaws\.com", fullmatch=True),
    st.sampled_from(
        [".evil.example", "@evil.example", ":443", ":443@evil", "/../evil", "\n", "\n.evil", " ", "%2e", "."]
    ),
    st.booleans(),
)
def test_what_only_looks_like_ecr_is_not(host: str, more: str, before: bool) -> None:
    assert is_ecr(host)
    assert not is_ecr(more + host if before else host + more)
    assert EcrRegistry.of_host(host + more) is None


@given(st.text(max_size=60))
def test_nothing_else_is_ecr(text: str) -> None:
    host = f"111122223333.dkr.ecr.eu-west-1.{text}"
    known = {"amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "on.aws", "on.amazonwebservices.com.cn"}
    known |= {"sc2s.sgov.gov", "c2s.ic.gov", "cloud.adc-e.uk", "csp.hci.ic.gov"}
    assert is_ecr(host) == (
        text in known or (text.partition(".")[2] in known and text.partition(".")[0] == "")
    )


def test_every_partition_of_aws_has_its_names() -> None:
    import botocore.session

    data = botocore.session.get_session().get_component("data_loader").load_data("partitions")
    for partition in data["partitions"]:
        for region in (name for name in partition["regions"] if not name.endswith("-global")):
            assert partition_of(region) == partition["id"]
            assert dns_suffix(region) == partition["outputs"]["dnsSuffix"]
            host = EcrRegistry("111122223333", region).host
            assert EcrRegistry.of_host(host) == EcrRegistry("111122223333", region)
