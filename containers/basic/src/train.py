"""Training program of the basic style: nothing stands between it and SageMaker.

The container is started with the word ``train``; what to do stands in files below /opt/ml:

    input/config/hyperparameters.json   a JSON object whose values are all strings
    input/data/train/                   the files of the channel "train"
    model/                              what is written here becomes model.tar.gz
    checkpoints/                        kept between restarts, if the job asks for it
"""

import json
import os
from pathlib import Path

import forest

ML = Path(
    os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
)  # the variable is for trying it outside a container


def hyperparameters():
    """The hyperparameters of the job; values that an SDK encoded as JSON are decoded."""
    file = ML / "input/config/hyperparameters.json"
    values = json.loads(file.read_text()) if file.is_file() else {}
    return {name.replace("-", "_"): decoded(value) for name, value in values.items()}


def decoded(value):
    """``"100"`` and ``"\\"100\\""`` are both 100; what is not JSON stays as it is."""
    while isinstance(value, str):
        try:
            inner = json.loads(value)
        except ValueError:
            return value
        value = inner
    return value


def main():
    """Read, train, save."""
    given = hyperparameters()
    depth = given.get("max_depth")
    forest.train(
        data=ML / "input/data/train",
        model_dir=ML / "model",
        checkpoint_dir=ML / "checkpoints",
        trees=int(given.get("trees", 100)),
        max_depth=None if depth is None else int(depth),
    )


if __name__ == "__main__":
    main()
