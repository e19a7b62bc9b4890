"""Short names wherever a base is given: byoc.toml, init, diff, inspect, copy."""

import datetime
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest

from byoc_kit.errors import UsageError
from byoc_kit.oci.short import ShortName
from byoc_kit.spec.types import Spec
from byoc_kit.work.bases import full_reference, named, with_end_of_patches, with_full_base
from byoc_kit.work.init import init
from byoc_kit.work.project import as_written, load

if TYPE_CHECKING:
    from rig.ecr import Ecr

Command = Callable[..., subprocess.CompletedProcess[str]]
ACCOUNT, REGIONS = "763104351884", ("eu-west-1", "us-east-1")
TAG = "2.8.0-cpu-py312-ubuntu22.04-sagemaker"
DAY = datetime.date(2026, 5, 8)  # 90 days before patches of PyTorch 2.8 end
TOML = """\
[image]
name = "clean"
style = "basic"
base = "{base}"
targets = ["processing"]
[process]
program = "process.py"
source = "."
"""


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def make(base: str, more: str = "") -> Path:
        (tmp_path / "byoc.toml").write_text(TOML.format(base=base) + more)
        (tmp_path / "process.py").write_text("print('cleaned')\n")
        return tmp_path / "byoc.toml"

    return make


def spec(file: Path) -> Spec:
    return as_written(file).spec


def test_the_base_is_a_full_reference_in_the_region_of_publish(written: Callable[..., Path]) -> None:
    file = written("dlc:pytorch-training:2.8-cpu", '[publish]\nrepository = "x"\nregion = "eu-west-1"\n')
    found = with_full_base(spec(file), environ={"AWS_REGION": "us-east-1"}, day=DAY)
    assert found.image.base == f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:{TAG}"
    assert found.image.base_name == f"dlc:pytorch-training:{TAG}"
    assert found.notes[-2:] == (
        f"the base dlc:pytorch-training:2.8-cpu is {found.image.base}",
        f"patches of pytorch-training:{TAG} end on 2026-08-06, in 90 days",
    )


@pytest.mark.parametrize(
    ("profile", "host"),
    [
        ("team", f"{ACCOUNT}.dkr.ecr.sa-east-1.amazonaws.com"),
        ("nobody", "public.ecr.aws/deep-learning-containers"),
    ],
)
def test_a_profile_of_publish_tells_the_region(
    written: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, profile: str, host: str
) -> None:
    file = written("dlc:pytorch-training:2.8-cpu", f'[publish]\nrepository = "x"\nprofile = "{profile}"\n')
    config = file.with_name("aws")
    config.write_text("[profile team]\nregion = sa-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    found = with_full_base(spec(file), environ={}, day=DAY)
    assert found.image.base == f"{host}/pytorch-training:{TAG}"


def test_else_in_that_of_aws_else_from_the_gallery(written: Callable[..., Path]) -> None:
    read = spec(written("dlc:pytorch-training:2.8-cpu"))
    there = with_full_base(read, environ={"AWS_DEFAULT_REGION": "us-west-2"}, day=DAY)
    nowhere = with_full_base(read, environ={}, day=DAY)
    assert there.image.base == f"{ACCOUNT}.dkr.ecr.us-west-2.amazonaws.com/pytorch-training:{TAG}"
    assert nowhere.image.base == f"public.ecr.aws/deep-learning-containers/pytorch-training:{TAG}"
    assert there.image.base_name == nowhere.image.base_name


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:{TAG}", True),
        (f"public.ecr.aws/deep-learning-containers/pytorch-training:{TAG}", True),
        (f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:{TAG}", False),
        (f"public.ecr.aws/somebody/pytorch-training:{TAG}", False),
        (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/pytorch:2.13.0-cpu-amzn2023-sagemaker", False),
        (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training", False),
    ],
)
def test_the_end_of_patches_is_told_of_full_references_too(
    written: Callable[..., Path], reference: str, told: bool
) -> None:
    notes = with_end_of_patches(spec(written(reference)), environ={}, day=DAY).notes
    assert (f"patches of pytorch-training:{TAG} end on 2026-08-06, in 90 days" in notes) is told


def test_a_project_is_loaded_with_the_full_reference(written: Callable[..., Path], tmp_path: Path) -> None:
    file = written("dlc:docker/library/python:3.12-slim")
    environ = {"BYOC_CACHE_DIR": str(tmp_path / "cache"), "XDG_CONFIG_HOME": str(tmp_path)}
    assert load(file, environ=environ).spec.image.base == "public.ecr.aws/docker/library/python:3.12-slim"


def test_a_name_that_means_nothing_is_told_when_the_project_is_used(written: Callable[..., Path]) -> None:
    with pytest.raises(UsageError) as caught:
        load(written("dlc:pytorch-training:2.8-cpu-py39"))
    assert caught.value.id == "BYOC-E841"


def test_init_takes_a_short_name(tmp_path: Path) -> None:
    init(tmp_path / "new", base="dlc:pytorch-training:2.8-cpu")
    assert 'base = "dlc:pytorch-training:2.8-cpu"' in (tmp_path / "new" / "byoc.toml").read_text()


@pytest.mark.parametrize(
    ("name", "error"), [("dlc:pytorch-trainng:2.8-cpu", "BYOC-E840"), ("dlc:Py", "BYOC-E112")]
)
def test_init_refuses_a_name_that_means_nothing_and_writes_nothing(
    tmp_path: Path, name: str, error: str
) -> None:
    with pytest.raises(UsageError) as caught:
        init(tmp_path / "new", base=name)
    assert caught.value.id == error
    assert not (tmp_path / "new").exists()


def test_names_are_also_read_from_full_references() -> None:
    short = ShortName("pytorch-training", "2.8-gpu")
    hosts = ("public.ecr.aws/deep-learning-containers", "763104351884.dkr.ecr.eu-west-1.amazonaws.com")
    assert [named(f"{host}/pytorch-training:2.8-gpu") for host in hosts] == [short, short]
    assert named("public.ecr.aws/docker/library/python:3.12") == ShortName("docker/library/python", "3.12")
    assert named("docker/library/python:3.12") == ShortName("docker/library/python", "3.12")


def test_other_references_pass_as_they_are() -> None:
    for text in ("python:3.12", "docker:churn", "oci:layout", "registry.example/dlc:2.8"):
        assert full_reference(text, environ={}) == text


@pytest.fixture(scope="module")
def aws() -> "Iterator[Ecr]":
    """The account of the deep learning containers in two regions."""
    from rig.ecr import ecr

    with ecr(accounts=(ACCOUNT,), regions=REGIONS) as running:
        for region in REGIONS:
            running.client("ecr", ACCOUNT, region).create_repository(repositoryName="pytorch-training")
        yield running


@pytest.mark.engine
def test_a_lock_holds_the_full_name_and_the_digest_in_every_region(
    aws: "Ecr",
    byoc: Command,
    base: str,
    engine: docker.DockerClient,
    written: Callable[..., Path],
    tmp_path: Path,
) -> None:
    folder = written("dlc:pytorch-training:2.8-cpu").parent
    environ = {region: aws.environ(ACCOUNT, region) for region in REGIONS}
    here, there = (f"{aws.host(ACCOUNT, region)}/pytorch-training:{TAG}" for region in REGIONS)
    byoc("copy", f"docker:{base}", here, env=environ[REGIONS[0]])
    layout = f"oci:{tmp_path}/layout"
    copied = byoc("copy", "dlc:pytorch-training:2.8-cpu", layout, env=environ[REGIONS[0]])
    byoc("copy", layout, there, env=environ[REGIONS[0]])

    locked = byoc("lock", cwd=folder, env=environ[REGIONS[0]])
    text = (folder / "pylock.byoc.toml").read_text()
    elsewhere = byoc("lock", "--check", cwd=folder, env=environ[REGIONS[1]])
    build = ("build", "--frozen", "--engine", "layer", "--output", "oci:image")
    built = byoc(*build, cwd=folder, env=environ[REGIONS[1]])
    seen = byoc("inspect", "dlc:pytorch-training:2.8-cpu", "--json", env=environ[REGIONS[1]])

    digest = copied.stdout.strip().rpartition("@")[2]
    assert f'reference = "dlc:pytorch-training:{TAG}"' in text
    assert f'digest = "{digest}"' in text
    assert locked.returncode == elsewhere.returncode == 0
    assert f"the base dlc:pytorch-training:2.8-cpu is {here}" in locked.stderr
    assert built.stdout.startswith("oci:")
    assert f"the base dlc:pytorch-training:2.8-cpu is {there}" in built.stderr
    assert there in seen.stderr
    assert "ended on 2026-08-06" in seen.stderr
    assert json.loads(seen.stdout)["image"]["digest"] == digest
