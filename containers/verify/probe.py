"""A training script that tells what it was given, and fails or waits when it is asked to.

What to do is the hyperparameter ``probe``: ``fail`` ends with 7, ``wait`` waits for SIGTERM.
"""

import json
import os
import signal
import sys
import time

ML = "/opt/ml"
FAILED = 7
PATIENCE = 60  # seconds


def asked():
    """The hyperparameter ``probe``, as the config file has it."""
    with open(ML + "/input/config/hyperparameters.json", encoding="utf-8") as file:
        return json.load(file).get("probe", "").strip('"')


def write(path, text):
    """One whole file below /opt/ml; its folder is made where it is not there."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def stopped(number, frame):
    """The handler of SIGTERM: what was saved in time is kept."""
    write(ML + "/output/data/probe-stopped", str(number))
    print("the probe was told to stop", flush=True)
    sys.exit(0)


def main():
    """Tell, and do what is asked."""
    told = {
        "argv": sys.argv[1:],
        "names": sorted(os.environ),
        "hps": os.environ.get("SM_HPS", ""),
        "cwd": os.getcwd(),
        "version": list(sys.version_info[:2]),
    }
    write(ML + "/model/probe.json", json.dumps(told))
    print("the probe runs", flush=True)
    if asked() == "fail":
        print("the probe fails as it was asked to", file=sys.stderr, flush=True)
        sys.exit(FAILED)
    if asked() == "wait":
        signal.signal(signal.SIGTERM, stopped)
        print("the probe waits", flush=True)
        time.sleep(PATIENCE)


if __name__ == "__main__":
    main()
