"""Tests of this project that need no Docker: python -m unittest discover -s tests

They need what the image gets too: python -m pip install -r requirements.txt
"""

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "src"))


class Training(unittest.TestCase):
    """The training program runs as a process of its own, in a folder that looks like /opt/ml."""

    def setUp(self):
        """The tree that SageMaker makes."""
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.ml = Path(temporary.name)
        for folder in ("input/config", "model", "checkpoints"):
            (self.ml / folder).mkdir(parents=True)
        channels = self.ml / "input/data"
        channels.mkdir()
        (channels / "train").symlink_to(PROJECT / "data")

    def start(self, trees):
        """Start training with hyperparameters and folders given in both ways: as files, and as arguments."""
        (self.ml / "input/config/hyperparameters.json").write_text(json.dumps({"trees": str(trees)}))
        variables = {
            "SAGEMAKER_BASE_DIR": str(self.ml),
            "SM_MODEL_DIR": str(self.ml / "model"),
            "SM_CHANNEL_TRAIN": str(self.ml / "input/data/train"),
        }
        arguments = ["--trees", str(trees), "--checkpoint-dir", str(self.ml / "checkpoints")]
        return subprocess.Popen(
            [sys.executable, str(PROJECT / "src/train.py"), *arguments],
            env=dict(os.environ, **variables),
            stdout=subprocess.PIPE,
            text=True,
        )

    def finish(self, process):
        """What *process* printed; fails if it did."""
        output, _ = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, output)
        return output

    def test_trains_and_predicts(self):
        """The metric is printed on a line of its own, and the model answers the sample request."""
        output = self.finish(self.start(trees=20))
        self.assertRegex(output, r"(?m)^validation:accuracy=(0\.[89]\d*|1\.0+)$")

        import inference

        model = inference.model_fn(str(self.ml / "model"))
        with (PROJECT / "sample.csv").open(newline="") as stream:
            rows = [[float(value) for value in row] for row in csv.reader(stream)]
        self.assertEqual(list(inference.predict_fn(rows, model)), ["setosa", "versicolor", "virginica"])

    def test_a_stopped_job_leaves_a_model_and_resumes(self):
        """SIGTERM ends training early with a model; the next job goes on from the checkpoint."""
        process = self.start(trees=1000000)
        while not list(self.ml.glob("checkpoints/*.joblib")):
            self.assertIsNone(process.poll(), "training ended by itself")
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        self.assertIn("stopped early", self.finish(process))
        self.assertTrue((self.ml / "model/model.joblib").is_file())
        self.assertIn("resuming with", self.finish(self.start(trees=10)))


if __name__ == "__main__":
    unittest.main()
