"""A user of the SageMaker SDK 2 or 3: a batch transform in local mode, without S3.

The argument is a JSON file with image, model (a folder with model.tar.gz and nothing else), input,
content_type, accept, strategy, split, assemble, port and root; the answer goes into ``answer.json`` in root.
"""

import json
import sys
from pathlib import Path
from typing import Any

import loopback  # type: ignore[import-not-found]

loopback.watch()

import boto3  # noqa: E402

try:
    from sagemaker.local import LocalSession  # type: ignore[import-not-found]
    from sagemaker.transformer import Transformer  # type: ignore[import-not-found]
except ImportError:  # version 3
    from sagemaker.core.local import LocalSession  # type: ignore[import-not-found]
    from sagemaker.core.transformer import Transformer  # type: ignore[import-not-found]

ROLE = "arn:aws:iam::111122223333:role/local"


def session(wish: dict[str, Any]) -> Any:
    """Local mode with folders below root and a port that is free."""
    local = LocalSession(boto3.Session(region_name="us-east-1"))
    local.config = {
        "local": {"local_code": True, "container_root": wish["root"], "serving_port": wish["port"]}
    }
    return local


def transform(wish: dict[str, Any], local: Any) -> None:
    """Make a model of the archive, and have the Transformer of the SDK ask it."""
    container = {"Image": wish["image"], "ModelDataUrl": f"file://{wish['model']}/model.tar.gz"}
    local.sagemaker_client.create_model(
        ModelName="m", PrimaryContainer=container | {"Environment": {}}, ExecutionRoleArn=ROLE
    )
    transformer = Transformer(
        "m",
        instance_count=1,
        instance_type="local",
        strategy=wish["strategy"],
        assemble_with=wish["assemble"],
        output_path=f"file://{wish['root']}/transformed",
        accept=wish["accept"],
        base_transform_job_name="t",
        sagemaker_session=local,
    )
    source = f"file://{wish['input']}"
    transformer.transform(
        source, content_type=wish["content_type"], split_type=wish["split"], wait=False, logs=False
    )


def main() -> None:
    """Transform, and say what was looked up."""
    wish = json.loads(Path(sys.argv[1]).read_text())
    transform(wish, session(wish))
    files = {path.name: path.read_text() for path in Path(wish["root"], "transformed").rglob("*.out")}
    (Path(wish["root"]) / "answer.json").write_text(json.dumps({"files": files, "lookups": loopback.lookups}))


if __name__ == "__main__":
    main()
