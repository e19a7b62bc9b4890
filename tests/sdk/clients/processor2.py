"""A user of the SageMaker SDK 2: Processor, ScriptProcessor, FrameworkProcessor in local mode, with an S3.

The argument is a JSON file with kind (bare, script or framework), image, input, outputs, root, bucket,
arguments, count, and code and script for the last two kinds; the answer goes into ``answer.json`` in root.
"""

from typing import Any

import loopback  # type: ignore[import-not-found]

loopback.watch()

import uploaded  # type: ignore[import-not-found]  # noqa: E402
from sagemaker.local import LocalSession  # type: ignore[import-not-found]  # noqa: E402
from sagemaker.processing import (  # type: ignore[import-not-found]  # noqa: E402
    FrameworkProcessor,
    ProcessingInput,
    ProcessingOutput,
    Processor,
    ScriptProcessor,
)
from sagemaker.sklearn.estimator import SKLearn  # type: ignore[import-not-found]  # noqa: E402

ROLE = "arn:aws:iam::111122223333:role/local"


def run(wish: dict[str, Any], local: Any) -> None:
    """Start the job and wait for it."""
    usual = {
        "role": ROLE,
        "image_uri": wish["image"],
        "instance_count": wish["count"],
        "instance_type": "local",
        "sagemaker_session": local,
    }
    ends = {
        "inputs": [ProcessingInput(source=wish["input"], destination="/opt/ml/processing/input/raw")],
        "outputs": [
            ProcessingOutput(
                output_name=name,
                source=f"/opt/ml/processing/output/{name}",
                destination=f"s3://{wish['bucket']}/out/{name}",
            )
            for name in wish["outputs"]
        ],
        "arguments": wish["arguments"],
        "logs": False,
    }
    if wish["kind"] == "bare":
        Processor(**usual).run(**ends)
    elif wish["kind"] == "script":
        ScriptProcessor(command=["python3"], **usual).run(code=f"{wish['code']}/{wish['script']}", **ends)
    else:
        processor = FrameworkProcessor(estimator_cls=SKLearn, framework_version="1.0", **usual)
        processor.run(code=wish["script"], source_dir=wish["code"], **ends)


if __name__ == "__main__":
    uploaded.main(run, LocalSession)
