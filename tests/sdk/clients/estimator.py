"""A user of the SageMaker SDK 2: ``Estimator.fit`` and ``deploy`` in local mode.

The argument is a JSON file with image, train, request, content_type, root, port, and optionally source with
train_program and serve_program; the answer goes into ``answer.json`` in root.
"""

import json
import sys
from pathlib import Path
from typing import Any

import loopback  # type: ignore[import-not-found]

loopback.watch()

import boto3  # noqa: E402
from sagemaker.deserializers import BytesDeserializer  # type: ignore[import-not-found]  # noqa: E402
from sagemaker.estimator import Estimator  # type: ignore[import-not-found]  # noqa: E402
from sagemaker.local import LocalSession  # type: ignore[import-not-found]  # noqa: E402
from sagemaker.model import Model  # type: ignore[import-not-found]  # noqa: E402
from sagemaker.predictor import Predictor  # type: ignore[import-not-found]  # noqa: E402
from sagemaker.serializers import IdentitySerializer  # type: ignore[import-not-found]  # noqa: E402
from sagemaker.utils import repack_model  # type: ignore[import-not-found]  # noqa: E402

ROLE = "arn:aws:iam::111122223333:role/local"


def session(wish: dict[str, Any]) -> Any:
    """Local mode with the user's code mounted, folders below root and a port that is free."""
    local = LocalSession(boto3.Session(region_name="us-east-1"))
    local.config = {
        "local": {"local_code": True, "container_root": wish["root"], "serving_port": wish["port"]}
    }
    return local


def train(wish: dict[str, Any], local: Any) -> str:
    """Where model.tar.gz is after ``fit``."""
    code = {"source_dir": wish["source"], "entry_point": wish["train_program"]} if "source" in wish else {}
    estimator = Estimator(
        image_uri=wish["image"],
        role=ROLE,
        instance_count=1,
        instance_type="local",
        output_path=f"file://{wish['root']}/output",
        hyperparameters=wish.get("hyperparameters", {}),
        sagemaker_session=local,
        **code,
    )
    estimator.fit({"train": f"file://{wish['train']}"})
    return str(estimator.model_data)


def packed_alone(wish: dict[str, Any], trained: str, local: Any) -> str:
    """model.tar.gz alone in a folder (all of it is mounted), with the serving code where it is fetched."""
    alone = Path(wish["root"]) / "alone"
    alone.mkdir()
    target = f"file://{alone}/model.tar.gz"
    if "source" in wish:
        repack_model(wish["serve_program"], wish["source"], None, trained, target, local)
    else:
        Path(trained.removeprefix("file://")).rename(alone / "model.tar.gz")
    return target


def predict(wish: dict[str, Any], model_data: str, local: Any) -> bytes:
    """What the deployed model answers to the request."""
    model = Model(
        image_uri=wish["image"],
        model_data=model_data,
        role=ROLE,
        sagemaker_session=local,
        predictor_cls=Predictor,
    )
    predictor = model.deploy(
        1,
        "local",
        serializer=IdentitySerializer(content_type=wish["content_type"]),
        deserializer=BytesDeserializer(accept="application/json"),
        wait=False,  # local mode has waited for /ping by now; waiting would sleep 30 s first
    )
    try:
        return bytes(predictor.predict(Path(wish["request"]).read_bytes()))
    finally:
        predictor.delete_endpoint()


def main() -> None:
    """Train, deploy, ask, delete."""
    wish = json.loads(Path(sys.argv[1]).read_text())
    local = session(wish)
    model_data = packed_alone(wish, train(wish, local), local)
    answer = {"prediction": predict(wish, model_data, local).decode(), "lookups": loopback.lookups}
    (Path(wish["root"]) / "answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
