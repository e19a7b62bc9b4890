"""Training script: sagemaker-training starts it with the hyperparameters as arguments.

Folders come in variables (SM_MODEL_DIR, SM_CHANNEL_<NAME>), so the script runs outside a container too:

    python src/train.py --train data --model-dir /tmp/model --trees 10
"""

import argparse
import os

import forest


def arguments():
    """Hyperparameters and folders; arguments that the script does not know are ignored."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--max-depth", "--max_depth", type=int)
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN", "/opt/ml/input/data/train"))
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR", "/opt/ml/model"))
    parser.add_argument("--checkpoint-dir", default="/opt/ml/checkpoints")
    return parser.parse_known_args()[0]


def main():
    """Read, train, save."""
    given = arguments()
    forest.train(
        data=given.train,
        model_dir=given.model_dir,
        checkpoint_dir=given.checkpoint_dir,
        trees=given.trees,
        max_depth=given.max_depth,
    )


if __name__ == "__main__":
    main()
