"""Connections: proxies, certificates, and what of a URL may be shown."""

from pathlib import Path

import pytest
import urllib3

from byoc_kit.errors import ByocError
from byoc_kit.images.http import ca_bundle, pool, redact

PROXY = "http://ann:hunter2@proxy.example:3128"


def test_a_url_in_a_message_shows_no_secret() -> None:
    shown = redact(
        "https://ann:hunter2@a.example/v2/b/blobs/uploads/1?_state=hunter2&digest=sha256:0&n=5#hunter2"
    )
    assert shown == "https://a.example/v2/b/blobs/uploads/1?_state=***&digest=sha256:0&n=5"


def test_a_proxy_comes_from_the_environment_with_its_login() -> None:
    made = pool("https://a.example", {"HTTPS_PROXY": PROXY})
    assert isinstance(made, urllib3.ProxyManager)
    assert made.proxy is not None
    assert made.proxy.host == "proxy.example"
    assert made.proxy_headers["proxy-authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    "no_proxy", ["a.example", ".example", "x, A.example", "*", "b.example,a.example:443"]
)
def test_no_proxy_is_honoured(no_proxy: str) -> None:
    environ = {"https_proxy": PROXY, "NO_PROXY": no_proxy}
    assert not isinstance(pool("https://a.example:443", environ), urllib3.ProxyManager)


@pytest.mark.parametrize("no_proxy", ["", "b.example", "ample", "a.example:444"])
def test_other_names_in_no_proxy_do_not_count(no_proxy: str) -> None:
    environ = {"https_proxy": PROXY, "no_proxy": no_proxy}
    assert isinstance(pool("https://a.example:443", environ), urllib3.ProxyManager)


def test_this_machine_is_never_reached_by_a_proxy() -> None:
    assert not isinstance(pool("http://127.0.0.1:5000", {"http_proxy": PROXY}), urllib3.ProxyManager)


def test_a_ca_bundle_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "ca.pem")
    assert ca_bundle({"REQUESTS_CA_BUNDLE": missing}) == ("REQUESTS_CA_BUNDLE", missing)
    with pytest.raises(ByocError) as caught:
        pool("https://a.example", {"REQUESTS_CA_BUNDLE": missing})
    assert caught.value.id == "BYOC-E511"
    assert caught.value.fix == "correct or unset REQUESTS_CA_BUNDLE"


def test_a_ca_bundle_without_certificates_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing")
    with pytest.raises(ByocError, match="cannot be used"):
        pool("https://a.example", {"SSL_CERT_FILE": str(empty)})
