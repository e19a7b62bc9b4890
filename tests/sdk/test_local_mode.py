"""The SageMaker SDKs' own local mode trains and serves our images unchanged (LCL-01 to LCL-23)."""

import contextlib
import json
import tarfile
from pathlib import Path

import pytest

from rig.machine import free_port
from rig.projects import Project
from sdk.local_mode import client, wish

pytestmark = pytest.mark.engine


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
