"""A user of the SageMaker SDK 3: Processor, ScriptProcessor, FrameworkProcessor in local mode, with an S3.

The argument is a JSON file with kind (bare, script or framework), image, input, outputs, root, bucket,
arguments, count, and code and script for the last two kinds; the answer goes into ``answer.json`` in root.
"""

from typing import Any

import loopback  # type: ignore[import-not-found]

loopback.watch()

import uploaded  # type: ignore[import-not-found]  # noqa: E402
from sagemaker.core.local import LocalSession  # type: ignore[import-not-found]  # noqa: E402
from sagemaker.core.processing import (  # type: ignore[import-not-found]  # noqa: E402
    FrameworkProcessor,
    Processor,
    ScriptProcessor,
)
from sagemaker.core.shapes import (  # type: ignore[import-not-found]  # noqa: E402
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)

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
    source = ProcessingS3Input(
        s3_uri=wish["input"],
        local_path="/opt/ml/processing/input/raw",
        s3_data_type="S3Prefix",
        s3_input_mode="File",
    )
    ends = {
        "inputs": [ProcessingInput(input_name="raw", s3_input=source)],
        "outputs": [
            ProcessingOutput(
                output_name=name,
                s3_output=ProcessingS3Output(
                    s3_uri=f"s3://{wish['bucket']}/out/{name}",
                    local_path=f"/opt/ml/processing/output/{name}",
                    s3_upload_mode="EndOfJob",
                ),
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
        processor = FrameworkProcessor(**usual)
        processor.run(code=wish["script"], source_dir=wish["code"], **ends)


if __name__ == "__main__":
    uploaded.main(run, LocalSession)
