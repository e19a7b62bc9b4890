"""An image of the Docker engine, published into ECR: the engine itself pushes, and pulls afterwards."""

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import APIError

from ecr.small import Small
from rig.ecr import Ecr
from rig.ecr_faults import Faults
from rig.images import tar_of
from rig.projects import Command, Project, edit
from rig.test_ecr_docker import Cli

NAME = "sagemaker/churn"
STATIC = ("--verify", "static")
ELF = b"\x7fELF\x02\x01\x01" + bytes(57)

pytestmark = pytest.mark.engine


@pytest.fixture
def image(engine: docker.DockerClient) -> Iterator[str]:
    """``docker:ID`` of an image that no registry has seen."""
    tar = tar_of({"opt/": b"", "opt/entry": ELF, "opt/word": uuid.uuid4().hex.encode()})
    told = engine.api.import_image_from_data(tar, changes=['ENTRYPOINT ["/opt/entry"]'])
    made = json.loads(told.strip().splitlines()[-1])["status"]
    yield f"docker:{made}"
    with contextlib.suppress(APIError):
        engine.images.remove(made, force=True)


@pytest.fixture
def cli(engine: docker.DockerClient, tmp_path: Path) -> Cli:
    return Cli(tmp_path / "docker", engine)


def test_from_nothing(ecr_engine: Ecr, small: Small, byoc: Command, image: str, cli: Cli) -> None:
    done = byoc("publish", *STATIC, image, cwd=small.folder, env=ecr_engine.environ())
    reference = done.stdout.strip()
    cli.login(ecr_engine)
    cli("pull", reference)
    assert image.removeprefix("docker:") in cli("image", "inspect", "--format", "{{.Id}}", reference)
    ecr_engine.requests.clear()
    again = byoc("publish", *STATIC, image, cwd=small.folder, env=ecr_engine.environ())
    assert again.stdout == done.stdout
    assert sum(each.body_bytes for each in ecr_engine.requests if each.kind == "registry") == 0


def test_a_project_from_nothing(ecr_engine: Ecr, byoc: Command, project: Project, cli: Cli) -> None:
    """Built, proven, pushed, tagged, read back, and pulled by its digest."""
    folder = project("basic")
    ecr_table: dict[str, object] = {"mutability": "immutable", "scan": "on-push", "expire-untagged-days": 14}
    edit(folder / "byoc.toml", {"publish": {"repository": NAME, "ecr": ecr_table}})
    done = byoc("publish", *STATIC, "--json", cwd=folder, env=ecr_engine.environ(index=True))
    record = json.loads(done.stdout)
    api = ecr_engine.client("ecr")
    (made,) = api.describe_repositories(repositoryNames=[NAME])["repositories"]
    assert made["imageScanningConfiguration"] == {"scanOnPush": True}
    assert made["imageTagMutability"].startswith("IMMUTABLE")
    assert "14" in api.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"]
    (detail,) = api.describe_images(repositoryName=NAME, imageIds=[{"imageTag": record["tags"][0]}])[
        "imageDetails"
    ]
    assert detail["imageDigest"] == record["image"]["digest"]
    assert detail["imageManifestMediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert set(record["tags"]) == set(detail["imageTags"])
    cli.login(ecr_engine)
    reference = f"{ecr_engine.host()}/{NAME}@{detail['imageDigest']}"
    cli("pull", reference)
    cli("rmi", reference)


PASS: dict[str, Callable[[Faults], object]] = {
    "the login ends before a layer": lambda f: f.when("registry POST", f.expire_tokens),
    "the login ends before the manifest": lambda f: f.when("registry PUT .*manifests", f.expire_tokens),
    "the manifest is answered with 503": lambda f: f.fail(503, 1, "registry PUT .*manifests"),
}


@pytest.mark.parametrize("fault", PASS)
def test_it_passes(ecr_engine: Ecr, small: Small, byoc: Command, image: str, fault: str) -> None:
    PASS[fault](ecr_engine.faults)
    byoc("publish", *STATIC, image, cwd=small.folder, env=ecr_engine.environ())
    ids = ecr_engine.client("ecr").list_images(repositoryName=NAME)["imageIds"]
    assert {"1.4.2", "latest"} <= {each.get("imageTag") for each in ids}


STAYS: dict[str, tuple[Callable[[Faults], object], str]] = {
    "may not push": (lambda f: f.deny("ecr:PutImage"), "allow ecr:PutImage on arn:aws:ecr:us-east-1"),
    "forbidden": (lambda f: f.deny("ecr:InitiateLayerUpload", "scp"), "ask who runs the AWS organization"),
    "trouble for good": (lambda f: f.fail(503, 99, "registry PUT .*manifests"), "byoc doctor"),
}


@pytest.mark.parametrize("fault", STAYS)
def test_it_stays_and_is_told(ecr_engine: Ecr, small: Small, byoc: Command, image: str, fault: str) -> None:
    begin, fix = STAYS[fault]
    begin(ecr_engine.faults)
    done = byoc("publish", *STATIC, image, cwd=small.folder, env=ecr_engine.environ(), check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "[BYOC-E509]" in done.stderr
    assert fix in done.stderr.partition("  fix: ")[2]
    ecr_engine.faults.clear()
    assert not ecr_engine.client("ecr").list_images(repositoryName=NAME)["imageIds"]
