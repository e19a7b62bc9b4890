"""Programs that use the SageMaker SDKs in local mode, in an environment and a home of their own."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rig.projects import image
from rig.sdk import sdk_python

__all__ = ["client", "wish"]

CLIENTS = Path(__file__).parent / "clients"
NO_TELEMETRY = """
SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
"""
KEPT_OUT = ("AWS_", "SAGEMAKER_", "PYTHON", "BYOC_")
NOTHING: Mapping[str, str] = {}


def client(
    script: str, major: int, root: Path, wish: dict[str, Any], env: Mapping[str, str] = NOTHING
) -> dict[str, Any]:
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
        env={k: v for k, v in os.environ.items() if not k.startswith(KEPT_OUT)} | own | dict(env),
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
