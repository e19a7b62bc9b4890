"""The user's copy of the catalogue: from Amazon ECR as the rig plays it, and from an installed SDK."""

import base64
import contextlib
import json
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from byoc_kit.images.blobs import Blobs
from byoc_kit.images.keychain import Credentials
from byoc_kit.images.moving import Bytes
from byoc_kit.images.registry import RemoteRepository
from byoc_kit.images.session import Session
from byoc_kit.oci.digest import measure
from byoc_kit.oci.manifest import DOCKER_MANIFEST, Descriptor, Manifest, parse_manifest
from byoc_kit.oci.reference import Repository
from byoc_kit.store import user_store
from byoc_kit.work.catalogue import KIND, catalogue
from catalogue.known import known

pytestmark = pytest.mark.long

if TYPE_CHECKING:
    from rig.ecr import Ecr

ACCOUNT, REGION = "763104351884", "eu-west-1"
NEW = "2.99.0-gpu-py313-cu133-ubuntu24.04-sagemaker"
KNOWN = "2.8.0-gpu-py312-cu129-ubuntu22.04-sagemaker"
KNOWN_NAME = f"dlc:pytorch-training:{KNOWN}"
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def aws() -> "Iterator[Ecr]":
    """Amazon ECR with the account of the deep learning containers, which has one image that nobody knows."""
    from rig.ecr import ecr

    with ecr(accounts=(ACCOUNT,), regions=(REGION,)) as running:
        yield running


@pytest.fixture
def cached(tmp_path: Path) -> dict[str, str]:
    return {"BYOC_CACHE_DIR": str(tmp_path / "cache")}


def packages(folder: Path, config: dict[str, Any], version: str = "99.0.0") -> Path:
    """An environment with an SDK whose only table is *config*."""
    site = folder / "lib" / "python3.12" / "site-packages"
    tables = site / "sagemaker" / "core" / "image_uri_config"
    tables.mkdir(parents=True)
    (site / f"sagemaker_core-{version}.dist-info").mkdir()
    (tables / "pytorch.json").write_text(json.dumps(config))
    return folder


CONFIG = {
    "training": {
        "processors": ["cpu"],
        "versions": {
            "9.0.0": {
                "registries": {"eu-west-1": ACCOUNT},
                "repository": "pytorch-training",
                "py_versions": ["py314"],
            }
        },
    }
}


def push(aws: "Ecr", repository: str, tags: Iterable[str], content: bytes) -> str:
    """An image of nothing but *content*, with *tags*; its digest."""

    def login(host: str) -> Credentials:
        data = aws.client("ecr", ACCOUNT, REGION).get_authorization_token()["authorizationData"]
        user, _, secret = base64.b64decode(data[0]["authorizationToken"]).decode().partition(":")
        return Credentials(user, secret)

    where = Repository(aws.host(ACCOUNT, REGION), repository)
    blob = Bytes(Descriptor("application/octet-stream", *measure([content])), content)
    named = blob.descriptor.to_json()
    document = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": named, "layers": [named]}
    made = parse_manifest(json.dumps(document).encode(), DOCKER_MANIFEST)
    assert isinstance(made, Manifest)
    with contextlib.closing(Session(where, keychain=login, environ=aws.environ(ACCOUNT, REGION))) as line:
        Blobs(line).put(blob)
        for tag in tags:
            RemoteRepository(line).put_manifest(tag, made)
    return made.digest


def test_images_that_are_new_in_ecr_become_known(aws: "Ecr", byoc: Command, cached: dict[str, str]) -> None:
    aws.client("ecr", ACCOUNT, REGION).create_repository(repositoryName="pytorch-training")
    digest = push(aws, "pytorch-training", (NEW, "2.99-gpu-py313"), b"{}")
    push(aws, "pytorch-training", ("2.8.0-gpu-py312", f"{KNOWN}-v1.7"), b"{ }")
    push(aws, "pytorch-training", (f"{KNOWN}-v1.6",), b"{  }")
    environ = cached | aws.environ(ACCOUNT, REGION)

    before = byoc("bases", "resolve", "pytorch-training:2.99-gpu", env=environ, check=False)
    updated = byoc("bases", "update", "--region", REGION, "--json", env=environ)
    part = byoc("bases", "resolve", "pytorch-training:2.99-gpu-py313-cu133", env=environ)
    pinned = byoc("bases", "resolve", "dlc:pytorch-training:2.99-gpu-py313", "--digest", env=environ)
    told = byoc("bases", "resolve", f"pytorch-training:{NEW}", "--digest", "--json", env=environ)
    gone = byoc("bases", "resolve", KNOWN_NAME, "--digest", env=environ, check=False)

    assert before.returncode == 2
    found = json.loads(updated.stdout)
    assert found["images"] == 1
    host = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    assert found["registries"] == [host]
    assert part.stdout == f"{host}/pytorch-training:{NEW}\n"
    assert pinned.stdout == f"{host}/pytorch-training:2.99-gpu-py313@{digest}\n"
    assert json.loads(told.stdout)["digest"] == digest
    assert (gone.returncode, "BYOC-E847" in gone.stderr) == (1, True)


def test_without_aws_everything_stays_as_it_was(
    byoc: Command, cached: dict[str, str], tmp_path: Path
) -> None:
    byoc("bases", "update", "--sdk", str(packages(tmp_path / "venv", CONFIG)), env=cached)
    nowhere = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    failed = byoc("bases", "update", "--region", "eu-west-1", env=cached | nowhere, check=False)
    kept = byoc("bases", "resolve", "pytorch-training:9-cpu", "--region", "eu-west-1", env=cached)

    assert failed.returncode == 1
    assert "BYOC-E850" in failed.stderr
    assert failed.stderr.count("asking ") == 1
    assert kept.stdout.strip().endswith("/pytorch-training:9.0.0-cpu-py314")


def test_tables_of_a_given_sdk_are_used(byoc: Command, cached: dict[str, str], tmp_path: Path) -> None:
    updated = byoc("bases", "update", "--sdk", str(packages(tmp_path / "venv", CONFIG)), env=cached)
    question = ("--framework", "pytorch", "--version", "9.0.0", "--region", REGION, "--scope", "training")
    asked = byoc("bases", "resolve", *question, "--instance-type", "ml.m5.xlarge", env=cached)
    assert "sagemaker-core 99.0.0" in updated.stdout
    assert asked.stdout == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/pytorch-training:9.0.0-cpu-py314\n"


@pytest.mark.parametrize(("version", "taken"), [("99.0.0", True), ("0.1.0", False)])
def test_an_sdk_beside_byoc_counts_only_if_it_is_newer(
    byoc: Command, cached: dict[str, str], tmp_path: Path, version: str, taken: bool
) -> None:
    site = packages(tmp_path / "venv", CONFIG, version) / "lib/python3.12/site-packages"
    updated = byoc("bases", "update", "--json", env=cached | {"PYTHONPATH": str(site)})
    assert json.loads(updated.stdout)["tables"] == (
        f"sagemaker-core {version}, image_uri_config" if taken else None
    )


def test_a_copy_in_the_form_of_a_later_version_is_left_alone(cached: dict[str, str]) -> None:
    user_store(cached).write(KIND, "tables", {"schema": "byoc/sdk-tables/2", "date": "2099-01-01"})
    assert catalogue(cached).tables.source == known().tables.source


def test_a_folder_without_an_sdk_is_told(byoc: Command, cached: dict[str, str], tmp_path: Path) -> None:
    failed = byoc("bases", "update", "--sdk", str(tmp_path), env=cached, check=False)
    assert failed.returncode == 1
    assert "BYOC-E848" in failed.stderr


def test_what_is_no_registry_of_ecr_is_not_asked(byoc: Command, cached: dict[str, str]) -> None:
    looks_like = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com.registry.example"
    failed = byoc("bases", "update", "--registry", looks_like, env=cached, check=False)
    assert failed.returncode == 2
    assert "BYOC-E851" in failed.stderr


def test_a_damaged_copy_is_as_none(byoc: Command, cached: dict[str, str], tmp_path: Path) -> None:
    byoc("bases", "update", "--sdk", str(packages(tmp_path / "venv", CONFIG)), env=cached)
    for file in Path(cached["BYOC_CACHE_DIR"]).rglob("catalogue/**/*"):
        if file.is_file():
            file.write_text("{")
    shown = byoc("bases", "show", "pytorch-training:2.8-gpu", env=cached)
    assert known().by_tag("pytorch-training", "2.8.0-gpu-py312") is not None
    assert "2.8.0-gpu-py312" in shown.stdout
