"""A user of the SageMaker SDK 3: ``ModelTrainer`` in a local container.

The argument is a JSON file with image, train and root, and optionally source with train_program; the answer
goes into ``answer.json`` in root.
"""

import json
import sys
from pathlib import Path
from typing import Any

import loopback  # type: ignore[import-not-found]

loopback.watch()

from sagemaker.train.configs import Compute, InputData, SourceCode  # type: ignore[import-not-found]  # noqa: E402
from sagemaker.train.model_trainer import Mode, ModelTrainer  # type: ignore[import-not-found]  # noqa: E402


def train(wish: dict[str, Any]) -> None:
    """Run the training container; without source code the image's own default command trains (LCL-20)."""
    source = (
        SourceCode(source_dir=wish["source"], entry_script=wish["train_program"])
        if "source" in wish
        else None
    )
    trainer = ModelTrainer(
        training_mode=Mode.LOCAL_CONTAINER,
        training_image=wish["image"],
        compute=Compute(instance_type="local_cpu", instance_count=1),
        source_code=source,
        hyperparameters=wish.get("hyperparameters", {}),
        base_job_name="byoc",
        local_container_root=wish["root"],
    )
    trainer.train(input_data_config=[InputData(channel_name="train", data_source=wish["train"])])


def main() -> None:
    """Train and say what was looked up."""
    wish = json.loads(Path(sys.argv[1]).read_text())
    train(wish)
    (Path(wish["root"]) / "answer.json").write_text(json.dumps({"lookups": loopback.lookups}))


if __name__ == "__main__":
    main()
