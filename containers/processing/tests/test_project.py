"""Tests of this project that need no Docker: python -m unittest discover -s tests"""

import csv
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


class Processing(unittest.TestCase):
    """The program runs as a process of its own, in a folder that looks like /opt/ml."""

    def setUp(self):
        """The tree that SageMaker makes."""
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.ml = Path(temporary.name)
        for folder in ("config", "output", "processing/input", "processing/output"):
            (self.ml / folder).mkdir(parents=True)
        for name in ("train", "test"):
            (self.ml / "processing/output" / name).mkdir()
        (self.ml / "processing/input/raw").symlink_to(PROJECT / "data")

    def run_program(self, *words):
        """What the program left: output to rows."""
        subprocess.run(
            [sys.executable, str(PROJECT / "src/process.py"), *words],
            env=dict(os.environ, SAGEMAKER_BASE_DIR=str(self.ml)),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return {folder.name: self.rows(folder) for folder in (self.ml / "processing/output").iterdir()}

    @staticmethod
    def rows(folder):
        """Of all files in *folder*, without headers."""
        found = []
        for file in folder.glob("*.csv"):
            with file.open(newline="") as stream:
                found += list(csv.reader(stream))[1:]
        return found

    def test_rows_are_cleaned_and_split(self):
        """Every row that is left has four numbers and a species, and none is in both outputs twice."""
        left = self.run_program("--test-share", "0.25")
        both = left["train"] + left["test"]
        self.assertEqual(len(left["test"]), round(len(both) * 0.25))
        self.assertTrue(all(len(row) == 5 and min(map(float, row[:4])) > 0 for row in both))
        self.assertLess(len(both), 150)
        self.assertIn("kept {} of 150 rows".format(len(both)), (self.ml / "output/message").read_text())

    def test_the_same_seed_gives_the_same_split(self):
        """And another seed another one."""
        first = self.run_program()
        self.assertEqual(self.run_program(), first)
        self.assertNotEqual(self.run_program("--seed", "1"), first)

    def test_hosts_write_files_of_their_own(self):
        """Otherwise one would replace the other's when the outputs are gathered."""
        resources = {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]}
        (self.ml / "config/resourceconfig.json").write_text(json.dumps(resources))
        self.run_program()
        self.assertTrue((self.ml / "processing/output/train/algo-2.csv").is_file())


if __name__ == "__main__":
    unittest.main()
