"""Bases come from where they are: AWS's own accounts, the public gallery, Docker Hub; each by its login."""

from pathlib import Path

import pytest

from byoc_kit.images.source import open_image
from byoc_kit.oci.image import Image
from byoc_kit.oci.reference import parse_image
from rig.ecr import PREBUILT, Ecr
from rig.ecr_open import GALLERY, HUB
from rig.ecr_store import Place
from rig.images import MemoryLayer, image_of, tar_of
from rig.projects import Command

pytestmark = pytest.mark.long


@pytest.fixture
def image() -> Image:
    return image_of([MemoryLayer.of(tar_of({"opt/": b"", "opt/word": b"a base"}))])


def pulled(byoc: Command, ecr: Ecr, name: str, folder: Path) -> str:
    """The digest of what ``byoc copy`` brings here."""
    environ = ecr.environ() | {"DOCKER_HOST": "unix:///nowhere.sock"}  # an engine might have it
    byoc("copy", name, f"oci:{folder / 'pulled'}", env=environ)
    with open_image(parse_image(f"oci:{folder / 'pulled'}")) as found:
        return found.manifest.digest


def test_from_an_account_of_aws(ecr: Ecr, byoc: Command, image: Image, tmp_path: Path) -> None:
    name = ecr.seed(Place(PREBUILT, "eu-west-1"), "pytorch-training", "2.8.0-gpu-py312", image)
    assert pulled(byoc, ecr, name, tmp_path) == image.manifest.digest
    logins = [each for each in ecr.requests if each.path == "ecr:GetAuthorizationToken"]
    assert [(each.account, each.region) for each in logins] == [(ecr.accounts[0], "eu-west-1")]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        (GALLERY, "public.ecr.aws/docker/library/python:3.12-slim"),
        (HUB, "python:3.12-slim"),
        (HUB, "docker.io/library/python:3.12-slim"),
    ],
)
def test_from_an_open_registry(
    ecr: Ecr, byoc: Command, image: Image, tmp_path: Path, host: str, name: str
) -> None:
    """Without a login, and no credentials go there."""
    path = "docker/library/python" if host == GALLERY else "library/python"
    ecr.seed(ecr.front.open.places[host], path, "3.12-slim", image)
    assert pulled(byoc, ecr, name, tmp_path) == image.manifest.digest
    assert not [each for each in ecr.requests if each.kind == "api"]


def test_to_an_open_registry_one_may_not_write(ecr: Ecr, byoc: Command, image: Image, tmp_path: Path) -> None:
    name = ecr.seed(ecr.front.open.places[GALLERY], "team/app", "1", image)
    pulled(byoc, ecr, name, tmp_path)
    done = byoc("copy", f"oci:{tmp_path / 'pulled'}", f"{GALLERY}/team/app:2", env=ecr.environ(), check=False)
    assert done.returncode == 1
    assert "[BYOC-E502]" in done.stderr
    assert f"docker login {GALLERY}" in done.stderr
