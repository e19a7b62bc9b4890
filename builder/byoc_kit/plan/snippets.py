"""Python that uses a published image: ready to paste once role and bucket are put in.

SageMaker SDK v2 and v3, and boto3, for training, processing and for an endpoint.
"""

from collections.abc import Mapping
from typing import Final

from byoc_kit.plan.record import Record

__all__ = ["snippets"]

SERVING: Final = {"hosting", "serverless", "batch", "async", "streaming", "multi-model", "pipeline"}
TRAINING: Final = {"training", "tuning"}

HEAD: Final = """\
IMAGE = "{image}"
ROLE = "arn:aws:iam::111122223333:role/YourSageMakerRole"
BUCKET = "s3://your-bucket/{name}"
"""

BODIES: Final = {
    ("train", "sdk-v2"): """\
from sagemaker.estimator import Estimator

{head}
estimator = Estimator(
    image_uri=IMAGE,
    role=ROLE,
    instance_count=1,
    instance_type="{instance}",
    base_job_name="{name}",
    output_path=f"{{BUCKET}}/output",
)
estimator.fit({{"train": f"{{BUCKET}}/train"}})
""",
    ("train", "sdk-v3"): """\
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig

{head}
trainer = ModelTrainer(
    training_image=IMAGE,
    role=ROLE,
    compute=Compute(instance_type="{instance}", instance_count=1),
    output_data_config=OutputDataConfig(s3_output_path=f"{{BUCKET}}/output"),
    base_job_name="{name}",
)
trainer.train(input_data_config=[InputData(channel_name="train", data_source=f"{{BUCKET}}/train")])
""",
    ("train", "boto3"): """\
import time

import boto3

{head}
job = f"{name}-{{time.strftime('%Y-%m-%d-%H-%M-%S')}}"
boto3.client("sagemaker").create_training_job(
    TrainingJobName=job,
    AlgorithmSpecification={{"TrainingImage": IMAGE, "TrainingInputMode": "File"}},
    RoleArn=ROLE,
    InputDataConfig=[
        {{
            "ChannelName": "train",
            "DataSource": {{"S3DataSource": {{"S3DataType": "S3Prefix", "S3Uri": f"{{BUCKET}}/train"}}}},
        }}
    ],
    OutputDataConfig={{"S3OutputPath": f"{{BUCKET}}/output"}},
    ResourceConfig={{"InstanceType": "{instance}", "InstanceCount": 1, "VolumeSizeInGB": 30}},
    StoppingCondition={{"MaxRuntimeInSeconds": 3600}},
)
""",
    ("process", "sdk-v2"): """\
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor

{head}
processor = Processor(
    image_uri=IMAGE,
    role=ROLE,
    instance_count=1,
    instance_type="{instance}",
    base_job_name="{name}",
)
processor.run(
    inputs=[ProcessingInput(source=f"{{BUCKET}}/data", destination="/opt/ml/processing/input/data")],
    outputs=[ProcessingOutput(source="/opt/ml/processing/output", destination=f"{{BUCKET}}/processed")],
)
""",
    ("process", "sdk-v3"): """\
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import (
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)

{head}
processor = Processor(
    image_uri=IMAGE,
    role=ROLE,
    instance_count=1,
    instance_type="{instance}",
    base_job_name="{name}",
)
processor.run(
    inputs=[
        ProcessingInput(
            input_name="data",
            s3_input=ProcessingS3Input(
                s3_uri=f"{{BUCKET}}/data",
                local_path="/opt/ml/processing/input/data",
                s3_data_type="S3Prefix",
                s3_input_mode="File",
            ),
        )
    ],
    outputs=[
        ProcessingOutput(
            output_name="processed",
            s3_output=ProcessingS3Output(
                s3_uri=f"{{BUCKET}}/processed",
                local_path="/opt/ml/processing/output",
                s3_upload_mode="EndOfJob",
            ),
        )
    ],
)
""",
    ("process", "boto3"): """\
import time

import boto3

{head}
job = f"{name}-{{time.strftime('%Y-%m-%d-%H-%M-%S')}}"
boto3.client("sagemaker").create_processing_job(
    ProcessingJobName=job,
    AppSpecification={{"ImageUri": IMAGE}},
    RoleArn=ROLE,
    ProcessingInputs=[
        {{
            "InputName": "data",
            "S3Input": {{
                "S3Uri": f"{{BUCKET}}/data",
                "LocalPath": "/opt/ml/processing/input/data",
                "S3DataType": "S3Prefix",
                "S3InputMode": "File",
            }},
        }}
    ],
    ProcessingOutputConfig={{
        "Outputs": [
            {{
                "OutputName": "processed",
                "S3Output": {{
                    "S3Uri": f"{{BUCKET}}/processed",
                    "LocalPath": "/opt/ml/processing/output",
                    "S3UploadMode": "EndOfJob",
                }},
            }}
        ]
    }},
    ProcessingResources={{
        "ClusterConfig": {{"InstanceType": "{instance}", "InstanceCount": 1, "VolumeSizeInGB": 30}}
    }},
    StoppingCondition={{"MaxRuntimeInSeconds": 3600}},
)
""",
    ("serve", "sdk-v2"): """\
from sagemaker.model import Model

{head}
model = Model(image_uri=IMAGE, model_data=f"{{BUCKET}}/output/model.tar.gz", role=ROLE, name="{name}")
model.deploy(initial_instance_count=1, instance_type="{instance}", endpoint_name="{name}")
""",
    ("serve", "sdk-v3"): """\
from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant

{head}
Model.create(
    model_name="{name}",
    primary_container=ContainerDefinition(image=IMAGE, model_data_url=f"{{BUCKET}}/output/model.tar.gz"),
    execution_role_arn=ROLE,
)
EndpointConfig.create(
    endpoint_config_name="{name}",
    production_variants=[
        ProductionVariant(
            variant_name="all", model_name="{name}", instance_type="{instance}", initial_instance_count=1
        )
    ],
)
Endpoint.create(endpoint_name="{name}", endpoint_config_name="{name}")
""",
    ("serve", "boto3"): """\
import boto3

{head}
client = boto3.client("sagemaker")
client.create_model(
    ModelName="{name}",
    PrimaryContainer={{"Image": IMAGE, "ModelDataUrl": f"{{BUCKET}}/output/model.tar.gz"}},
    ExecutionRoleArn=ROLE,
)
client.create_endpoint_config(
    EndpointConfigName="{name}",
    ProductionVariants=[
        {{
            "VariantName": "all",
            "ModelName": "{name}",
            "InstanceType": "{instance}",
            "InitialInstanceCount": 1,
        }}
    ],
)
client.create_endpoint(EndpointName="{name}", EndpointConfigName="{name}")
""",
}


def snippets(record: Record) -> Mapping[tuple[str, str], str]:
    """By use (``train``, ``process``, ``serve``) and library (``sdk-v2``, ``sdk-v3``, ``boto3``)."""
    valid = {name for name, each in record.targets.items() if each.valid}
    groups = (("train", TRAINING), ("process", {"processing"}), ("serve", SERVING))
    uses = {use for use, targets in groups if targets & valid}
    instance = "ml.m7g.xlarge" if record.platform == "linux/arm64" else "ml.m5.xlarge"
    name = _name(record.repository)
    head = HEAD.format(image=record.reference, name=name)
    return {
        key: body.format(head=head, name=name, instance=instance)
        for key, body in BODIES.items()
        if key[0] in uses
    }


def _name(repository: str) -> str:
    """A name that SageMaker accepts for jobs, models and endpoints, from the repository's last part."""
    last = repository.rpartition("/")[2]
    return "-".join("".join(c if c.isalnum() else " " for c in last).split())[:40] or "model"
