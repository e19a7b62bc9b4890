"""The grammar of images: what it accepts comes back as it was written; everything else says why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc_kit.errors import UsageError
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.reference import (
    Archive,
    Docker,
    Layout,
    Named,
    Repository,
    is_ecr,
    is_loopback,
    parse_image,
    parse_repository,
)

HEX = "0123456789abcdef" * 4
DIGEST = Digest(f"sha256:{HEX}")

hosts = st.sampled_from(
    [None, "localhost", "127.0.0.1:5000", "registry.example", "a-b.example:443", "[::1]:5000"]
)
paths = st.from_regex(r"[a-z0-9]{1,8}(?:(?:\.|_|__|-)[a-z0-9]{1,4})?(?:/[a-z0-9]{1,8}){0,2}", fullmatch=True)
tags = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)
digests = st.none() | st.just(DIGEST)


@given(hosts, paths, tags, digests)
def test_what_is_written_is_what_was_read(
    host: str | None, path: str, tag: str | None, digest: Digest | None
) -> None:
    named = Named(Repository(host, path if host else path.replace(".", "")), tag, digest)
    assert parse_image(str(named)) == named


@given(st.text(max_size=60))
def test_any_text_is_an_image_or_a_usage_error(text: str) -> None:
    try:
        parsed = parse_image(text)
    except UsageError as error:
        assert error.id == "BYOC-E501"  # noqa: PT017
    else:
        assert str(parsed) == text


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("churn", Named(Repository(None, "churn"))),
        ("team/churn:1.4", Named(Repository(None, "team/churn"), "1.4")),
        ("localhost/churn", Named(Repository("localhost", "churn"))),
        ("localhost:5000/churn", Named(Repository("localhost:5000", "churn"))),
        ("localhost:5000", Named(Repository(None, "localhost"), "5000")),
        ("a.example/b/c:t", Named(Repository("a.example", "b/c"), "t")),
        (f"a.example/b@{DIGEST}", Named(Repository("a.example", "b"), None, DIGEST)),
        ("docker:churn:latest", Docker("churn:latest")),
        (f"docker:{DIGEST}", Docker(DIGEST)),
        ("docker:b2b98300dcaa", Docker("b2b98300dcaa")),
        ("oci:out/image", Layout("out/image")),
        (f"oci:out@{DIGEST}", Layout("out", DIGEST)),
        ("archive:/tmp/a b.tar", Archive("/tmp/a b.tar")),
    ],
)
def test_the_four_places_of_an_image(text: str, image: object) -> None:
    assert parse_image(text) == image


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":tag",
        "Churn",
        "churn:",
        "churn:-tag",
        "churn:" + "t" * 129,
        "a.example/",
        "a..example/b",
        "a.example/B",
        "a/b//c",
        "churn@sha256:12",
        f"churn@sha512:{HEX}",
        f"churn@sha256:{HEX.upper()}",
        "docker:",
        "oci:",
        "archive:",
        "a.example/" + "b" * 250,
        "churn latest",
        "https://a.example/b",
    ],
)
def test_what_names_no_image_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_image(text)
    assert caught.value.fix.startswith("write docker:NAME")


def test_a_password_in_a_pasted_url_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        parse_image("user:hunter2@a.example/b")
    assert "hunter2" not in str(caught.value)


def test_a_repository_takes_no_tag() -> None:
    assert parse_repository("a.example/team/churn") == Repository("a.example", "team/churn")
    with pytest.raises(UsageError, match="does not name an image"):
        parse_repository("a.example/team/churn:1")


def test_what_to_ask_the_registry_for() -> None:
    repository = Repository("a.example", "b")
    assert Named(repository).target == "latest"
    assert Named(repository, "1").target == "1"
    assert Named(repository, "1", DIGEST).target == DIGEST


@pytest.mark.parametrize(
    "host",
    [
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        "111122223333.dkr-ecr.us-east-1.on.aws",
        "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
        "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu",
    ],
)
def test_hosts_of_ecr(host: str) -> None:
    assert is_ecr(host)


@pytest.mark.parametrize(
    "host",
    [
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
        "evil.example/111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        "x111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        "11112222333.dkr.ecr.eu-west-1.amazonaws.com",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com\n",
        "111122223333xdkrxecr.eu-west-1.amazonaws.com",
        "public.ecr.aws",
    ],
)
def test_hosts_that_only_look_like_ecr(host: str) -> None:
    assert not is_ecr(host)


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1", "127.9.9.9:1", "[::1]:5000"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["localhost.example", "128.0.0.1", "127.0.0.1.example", "1127.0.0.1", "10.0.0.1:80"]
)
def test_other_machines(host: str) -> None:
    assert not is_loopback(host)
