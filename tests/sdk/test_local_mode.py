"""The SageMaker SDKs' own local mode trains and serves our images unchanged (LCL-01 to LCL-23)."""

import contextlib
import json
import os
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import APIError

from rig.machine import Missing, free_port
from rig.projects import Project, image
from rig.sdk import compose, sdk_python

pytestmark = pytest.mark.engine

CLIENTS = Path(__file__).parent / "clients"
NO_TELEMETRY = """
SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
"""
KEPT_OUT = ("AWS_", "SAGEMAKER_", "PYTHON", "BYOC_")


WORKING_DIR = "com.docker.compose.project.working_dir"


@pytest.fixture(scope="module", autouse=True)
def _network(engine: docker.DockerClient) -> Iterator[None]:
    """Both SDKs start containers with docker-compose and leave a network behind."""
    try:
        compose()
    except Missing as reason:
        pytest.fail(str(reason), pytrace=False)
    yield
    with contextlib.suppress(APIError):
        engine.networks.get("sagemaker-local").remove()


@pytest.fixture
def root(engine: docker.DockerClient, tmp_path: Path) -> Iterator[Path]:
    """A folder for one client; the containers that the SDK leaves behind are known by it."""
    folder = tmp_path / f"sdk{uuid.uuid4().hex[:12]}"  # its name is the Compose project of SDK 3
    folder.mkdir()
    yield folder
    for container in engine.containers.list(all=True, filters={"label": WORKING_DIR}):
        if container.labels[WORKING_DIR].startswith(str(folder)):
            container.remove(force=True)


def client(script: str, major: int, root: Path, wish: dict[str, Any]) -> dict[str, Any]:
    """Run *script* with the SDK *major*, a home of its own and nobody's credentials; what it answered."""
    (root / "sdk.yaml").write_text(NO_TELEMETRY)
    (root / "wish.json").write_text(json.dumps(wish | {"root": str(root)}))
    own = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(root),
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(root / "sdk.yaml"),
    }
    done = subprocess.run(
        [sdk_python(major), CLIENTS / script, root / "wish.json"],
        cwd=root,
        env={k: v for k, v in os.environ.items() if not k.startswith(KEPT_OUT)} | own,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    answer: dict[str, Any] = json.loads((root / "answer.json").read_text())
    return answer


def wish(project: Path, *, fetches_code: bool, **more: object) -> dict[str, Any]:
    """What both clients need to know of *project*; its source only for styles that fetch it."""
    code = {"source": str(project / "src"), "train_program": "train.py", "serve_program": "inference.py"}
    return {
        "image": image(project),
        "train": str(project / "data"),
        "hyperparameters": {"trees": 7},
        **(code if fetches_code else {}),
        **more,
    }


@pytest.mark.parametrize(
    ("style", "fetches_code"),
    [("basic", False), ("script-mode-1", False), ("script-mode-2", True), ("framework", True)],
)
def test_sdk_2_trains_deploys_and_predicts(
    project: Project, root: Path, style: str, fetches_code: bool
) -> None:
    made = project(style)
    request = {"request": str(made / "sample.csv"), "content_type": "text/csv", "port": free_port()}
    answer = client("estimator.py", 2, root, wish(made, fetches_code=fetches_code, **request))
    assert len(json.loads(answer["prediction"])) == len((made / "sample.csv").read_text().splitlines())
    assert answer["lookups"] == []


@pytest.mark.parametrize(
    ("style", "fetches_code"), [("basic", False), ("script-mode-1", False), ("script-mode-2", True)]
)
def test_sdk_3_trains(project: Project, root: Path, style: str, fetches_code: bool) -> None:
    answer = client("trainer.py", 3, root, wish(project(style), fetches_code=fetches_code))
    with tarfile.open(root / "compressed_artifacts" / "model.tar.gz") as model:
        assert any(name.endswith("model.joblib") for name in model.getnames())
    assert answer["lookups"] == []


def test_sdk_3_gets_the_text_of_a_failure(project: Project, root: Path) -> None:
    asked = wish(project("basic"), fetches_code=False) | {"hyperparameters": {"trees": "many"}}
    with contextlib.suppress(AssertionError):  # docker-compose 1.29 loses the code of a quick container
        client("trainer.py", 3, root, asked)
    failure = (root / "artifacts" / "output" / "failure").read_text()
    assert "many" in failure
