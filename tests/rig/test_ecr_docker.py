"""Docker itself uses the rig's ECR by its real names; a part of it runs against Debian's registry, too."""

import base64
import contextlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from byoc_kit.images.blobs import Blobs
from byoc_kit.images.moving import Bytes
from byoc_kit.images.referrers import Artifact, artifacts, put_artifact
from byoc_kit.images.registry import RemoteRepository
from byoc_kit.images.session import Session
from byoc_kit.oci.manifest import Descriptor
from byoc_kit.oci.reference import parse_repository
from rig.ecr import ACCOUNTS, Ecr
from rig.machine import program
from rig.test_ecr import LAYER, blob, pushed, session

pytestmark = pytest.mark.engine
OURS, THEIRS = ACCOUNTS


@dataclass(frozen=True)
class Cli:
    """``docker``, logged in nowhere but where a test logs in."""

    config: Path
    client: docker.DockerClient

    def __call__(self, *words: str, stdin: str = "", fails: bool = False) -> str:
        done = subprocess.run(
            [program("docker") or "docker", "--config", str(self.config), *words],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        said = done.stdout + done.stderr
        assert bool(done.returncode) == fails, said
        return said

    def login(self, ecr: Ecr, account: str = OURS, at: str | None = None, fails: bool = False) -> str:
        host = ecr.host(at or account)
        answer = ecr.client("ecr", account).get_authorization_token()
        token = answer["authorizationData"][0]["authorizationToken"]
        secret = base64.b64decode(token).decode().partition(":")[2]
        return self("login", "--username", "AWS", "--password-stdin", host, stdin=secret, fails=fails)


@pytest.fixture
def cli(engine: docker.DockerClient, tmp_path: Path) -> Cli:
    return Cli(tmp_path / "docker", engine)


@pytest.fixture
def image(engine: docker.DockerClient) -> Iterator[str]:
    """A small image that no registry has seen, by its id."""
    made = engine.images.get(small(engine))
    yield str(made.id)
    with contextlib.suppress(docker.errors.ImageNotFound):
        engine.images.remove(str(made.id), force=True)


def small(engine: docker.DockerClient) -> str:
    """One layer with one file."""
    content = uuid.uuid4().hex.encode() * 1000
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        member = tarfile.TarInfo("file")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    told = engine.api.import_image_from_data(held.getvalue(), repository=f"byoc-rig-{uuid.uuid4().hex[:8]}")
    return str(json.loads(told.strip().splitlines()[-1])["status"])


@pytest.fixture(params=["ecr", "docker-registry"])
def place(request: pytest.FixtureRequest, cli: Cli) -> str:
    """A repository that can be pushed to, in each of both registries."""
    if request.param == "docker-registry":
        return f"{request.getfixturevalue('registry')}/team/{uuid.uuid4().hex[:8]}"
    ecr: Ecr = request.getfixturevalue("ecr_engine")
    ecr.client("ecr").create_repository(repositoryName="team/app")
    cli.login(ecr)
    return f"{ecr.host()}/team/app"


def digest_of(said: str) -> str:
    return said.rpartition("digest: ")[2].partition(" ")[0]


def test_docker_pushes_and_pulls(cli: Cli, image: str, place: str) -> None:
    cli("tag", image, f"{place}:1")
    digest = digest_of(cli("push", f"{place}:1"))
    assert "Layer already exists" in cli("push", f"{place}:1")
    cli("rmi", "--force", image)
    cli("pull", f"{place}:1")
    assert cli("image", "inspect", "--format", "{{.Id}}", f"{place}:1").strip() == image
    cli("rmi", "--force", image)
    cli("pull", f"{place}@{digest}")
    assert image in cli("image", "inspect", "--format", "{{.Id}}", f"{place}@{digest}")


def test_docker_is_told_what_ecr_tells(cli: Cli, image: str, ecr_engine: Ecr) -> None:
    host, api = ecr_engine.host(), ecr_engine.client("ecr")
    api.create_repository(repositoryName="team/fixed", imageTagMutability="IMMUTABLE")
    cli.login(ecr_engine)
    cli("tag", image, f"{host}/team/nope:1")
    assert "The repository with name 'team/nope' does not exist" in cli(
        "push", f"{host}/team/nope:1", fails=True
    )
    cli("tag", image, f"{host}/team/fixed:1")
    cli("push", f"{host}/team/fixed:1")
    other = small(cli.client)
    cli("tag", other, f"{host}/team/fixed:1")
    assert "tag is immutable" in cli("push", f"{host}/team/fixed:1", fails=True)
    cli("rmi", "--force", other)
    ecr_engine.faults.expire_tokens()
    for words in (("push", f"{host}/team/nope:1"), ("pull", f"{host}/team/fixed:1")):
        assert "Your authorization token has expired" in cli(*words, fails=True)


def test_docker_pulls_from_another_account_as_its_repository_allows(
    cli: Cli, image: str, ecr_engine: Ecr
) -> None:
    name, api = f"{ecr_engine.host(OURS)}/team/app:1", ecr_engine.client("ecr")
    api.create_repository(repositoryName="team/app")
    cli.login(ecr_engine)
    cli("tag", image, name)
    cli("push", name)
    cli.login(ecr_engine, THEIRS, at=OURS)
    assert "not authorized to perform: ecr:BatchGetImage" in cli("pull", name, fails=True)
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    allow = {"Effect": "Allow", "Principal": {"AWS": THEIRS}, "Action": actions}
    api.set_repository_policy(
        repositoryName="team/app", policyText=json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    )
    cli("rmi", "--force", image)
    cli("pull", name)


def test_docker_mounts_where_the_account_lets_it(cli: Cli, image: str, ecr_engine: Ecr) -> None:
    host, api = ecr_engine.host(), ecr_engine.client("ecr")
    cli.login(ecr_engine)
    for name in ("team/one", "team/two", "team/three"):
        api.create_repository(repositoryName=name)
        cli("tag", image, f"{host}/{name}:1")
    cli("push", f"{host}/team/one:1")
    assert "Mounted from" not in cli("push", f"{host}/team/two:1")
    api.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    assert "Mounted from" in cli("push", f"{host}/team/three:1")


def test_docker_checks_the_certificate(cli: Cli, image: str, ecr_engine: Ecr) -> None:
    """The address is none at which the engine looks away."""
    host, folder = ecr_engine.host(), Path("/etc/docker/certs.d") / ecr_engine.host()
    hidden = folder.with_name("hidden.example")
    shutil.move(folder, hidden)
    try:
        assert "x509" in cli.login(ecr_engine, fails=True)
    finally:
        shutil.move(hidden, folder)
    assert "Login Succeeded" in cli.login(ecr_engine)
    assert host in (cli.config / "config.json").read_text()


def test_our_client_finds_the_same_in_both(place: str, request: pytest.FixtureRequest) -> None:
    """Blobs, manifests, mounts, and what refers to an image."""
    keychain, environ = None, dict(os.environ)
    if "dkr.ecr" in place:
        running: Ecr = request.getfixturevalue("ecr_engine")
        running.faults.mount(True)
        running.client("ecr").create_repository(repositoryName="team/app/two")
        keychain, environ = session(running).keychain, running.environ()
    one, two = (
        Session(parse_repository(name), keychain=keychain or (lambda host: None), environ=environ)
        for name in (place, f"{place}/two")
    )
    made = pushed(one)
    assert RemoteRepository(one).manifest("1") == made
    assert RemoteRepository(one).tags() == {"1"}
    layer = blob(LAYER)
    assert b"".join(Blobs(one).read(layer.descriptor)) == LAYER
    Blobs(two).put(Unreadable(layer.descriptor), source=one.repository)
    assert Blobs(two).has(layer.descriptor)
    subject = Descriptor(made.media_type, made.digest, len(made.raw))
    note = Artifact(kind="application/x-note", content=b"hello")
    put_artifact(one, subject, note)
    assert [each.content for each in artifacts(one, made.digest, note.kind)] == [b"hello"]


class Unreadable(Bytes):
    """A blob that must be mounted."""

    def __init__(self, descriptor: Descriptor) -> None:
        super().__init__(descriptor, b"")

    def read(self, start: int = 0) -> Iterator[bytes]:
        raise AssertionError("it was to be mounted")
