"""What is between us and a registry: certificates and proxies, as the environment names them."""

import contextlib
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.images.http import Backoff
from byoc_kit.images.keychain import Credentials
from byoc_kit.images.registry_sink import RegistrySink
from byoc_kit.images.registry_source import open_registry
from byoc_kit.images.session import Session
from byoc_kit.oci.config import Platform
from byoc_kit.oci.reference import Named, Repository
from byoc_kit.store import Store
from byoc_kit.talk import Silence
from rig.faults import answer
from rig.images import made_image, noise
from rig.lying import Lying, Reply, Request, lying

IMAGE = made_image({"data": noise(200_000)})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of 127.0.0.1, signed by nobody else, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*command, *names, "-keyout", key, "-out", cert], check=True, capture_output=True)
    both.write_text(key.read_text() + cert.read_text())
    return both


@pytest.fixture
def secure(certificate: Path) -> Iterator[Lying]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with lying(context) as registry:
        yield registry


@contextlib.contextmanager
def talking(host: str, environ: Mapping[str, str], scheme: str) -> Iterator[Session]:
    session = Session(
        Repository(host, "t/a"),
        keychain=lambda host: None,
        environ=environ,
        scheme=scheme,
        backoff=Backoff.standard(0.001),
    )
    with contextlib.closing(session):
        yield session


def write(session: Session) -> None:
    location = Named(session.repository, "1")
    RegistrySink(location, session, Store(Path("/nowhere")), Silence()).write(IMAGE, tag=True)
    found = open_registry(location, Platform(), session)
    assert found.manifest == IMAGE.manifest
    assert b"".join(found.layers[0].read()) == b"".join(IMAGE.layers[0].read())


def test_a_registry_is_trusted_by_the_bundle_of_the_environment(secure: Lying, certificate: Path) -> None:
    with talking(secure.host, {"SSL_CERT_FILE": str(certificate)}, "https") as session:
        write(session)


def test_a_certificate_that_is_not_trusted_ends_it(secure: Lying) -> None:
    with talking(secure.host, {}, "https") as session, pytest.raises(ByocError) as caught:
        write(session)
    assert caught.value.id == "BYOC-E505"
    assert "certificate" in caught.value.why
    assert secure.asked == []


def test_bytes_do_not_leave_tls_for_plain_http(secure: Lying, certificate: Path) -> None:
    with lying() as plain, talking(secure.host, {"SSL_CERT_FILE": str(certificate)}, "https") as session:
        elsewhere = f"http://{plain.host}/v2/t/a/blobs/uploads/0123"
        secure.on("POST", "/uploads/", answer(202, {"Location": elsewhere}), times=9)
        with pytest.raises(ByocError) as caught:
            write(session)
        assert caught.value.id == "BYOC-E507"
        assert plain.asked == []
    assert secure.tags() == {}


def test_a_registry_that_does_not_know_of_its_own_tls_is_reached_by_tls(
    secure: Lying, certificate: Path
) -> None:
    def unaware(registry: Lying, request: Request, honest: Callable[[], Reply]) -> Reply:
        reply = honest()
        reply.headers["Location"] = f"http://{registry.host}{reply.headers['Location']}"
        return reply

    secure.on("POST", "/uploads/", unaware, times=9)
    secure.on("PATCH", "/uploads/", unaware, times=9)
    with talking(secure.host, {"SSL_CERT_FILE": str(certificate)}, "https") as session:
        write(session)


def test_a_login_goes_to_the_registry_also_where_it_names_its_port() -> None:
    with lying() as proxy:
        proxy.login = "Basic"
        session = Session(
            Repository("registry.example", "t/a"),
            keychain=lambda host: Credentials("ann", "hunter2"),
            environ={"http_proxy": f"http://{proxy.host}"},
            scheme="http",
        )
        with contextlib.closing(session):
            assert session.call("GET", "tags/list").status == 200
            for url, status in (("http://registry.example:80", 200), ("http://other.example", 401)):
                proxy.asked.clear()
                with contextlib.suppress(ByocError):
                    assert session.call("GET", f"{url}/v2/t/a/tags/list").status == status
                assert [("authorization" in each.headers) for each in proxy.asked] == [status == 200]


@pytest.mark.parametrize(
    "realm",
    [
        "http://token.example/token",
        "https://127.0.0.1/token",
        "https://169.254.169.254/latest",
        "https://[::1]/token",
        "https://localhost/token",
        "nothing",
        "",
    ],
)
def test_a_login_goes_to_no_token_service_that_is_not_safe(realm: str) -> None:
    with (
        lying() as proxy,
        talking("registry.example", {"http_proxy": f"http://{proxy.host}"}, "http") as session,
    ):
        session.keychain = lambda host: Credentials("ann", "hunter2")
        proxy.on(
            "GET", "tags", answer(401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="x"'}), times=9
        )
        with pytest.raises(ByocError) as caught:
            session.call("GET", "tags/list")
        assert caught.value.id == "BYOC-E502"
        assert "wants a login at" in caught.value.what
        assert [each.path for each in proxy.asked] == ["/v2/t/a/tags/list"]
        assert "authorization" not in proxy.asked[0].headers


def test_a_proxy_of_the_environment_is_used_with_its_own_login() -> None:
    with lying() as proxy:
        environ = {"http_proxy": f"http://ann:hunter2@{proxy.host}"}
        with talking("registry.example", environ, "http") as session:
            write(session)
        assert proxy.tags() == {"t/a:1": IMAGE.manifest.digest}
        assert all(each.headers["proxy-authorization"].startswith("Basic ") for each in proxy.asked)
        assert {each.headers["host"] for each in proxy.asked} == {"registry.example"}


def test_a_proxy_that_is_not_there_is_told_without_its_login() -> None:
    environ = {"http_proxy": "http://ann:hunter2@127.0.0.1:9"}
    with talking("registry.example", environ, "http") as session, pytest.raises(ByocError) as caught:
        write(session)
    assert caught.value.id == "BYOC-E505"
    assert "hunter2" not in str(caught.value)
