"""A training program that tells what it was given, and prints a metric; ``x`` decides what it does."""

import json
import os
import signal
import sys
import time
from pathlib import Path

ML = Path("/opt/ml")
given = json.loads((ML / "input/config/hyperparameters.json").read_text())
print("given:", json.dumps(given, sort_keys=True), os.environ["TRAINING_JOB_NAME"], flush=True)
x = float(given.get("x", 0))


def stopped(number: int, frame: object) -> None:
    print("the handler has run", flush=True)
    sys.exit(0)


if given.get("do") == "fail" or (given.get("do") == "some" and x > 5):
    sys.exit(7)
if given.get("do") == "wait" and x:
    signal.signal(signal.SIGTERM, stopped)
    print("ready to be stopped", flush=True)
    time.sleep(600)
if given.get("do") != "silent":
    print(f"loss={(x - 4) ** 2}", flush=True)
(ML / "model/x").write_text(str(x))
