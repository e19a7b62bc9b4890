"""A training script that tells what it was given, and fails or waits when it is asked to.

What to do is the hyperparameter ``probe``: ``fail`` ends with 7, ``wait`` waits for SIGTERM
beside a child of its own.
"""

import json
import os
import signal
import subprocess
import sys
import time

ML = "/opt/ml"
FAILED = 7
PATIENCE = 60  # seconds
MOMENT = 2  # seconds in which the child must have heard it too
CHILD = "probe-child-stopped"


def asked():
    """The hyperparameter ``probe``, as the config file has it."""
    with open(ML + "/input/config/hyperparameters.json", encoding="utf-8") as file:
        return json.load(file).get("probe", "").strip('"')


def write(path, text):
    """One whole file below /opt/ml; its folder is made where it is not there."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def wait(name, child=None):
    """Wait for SIGTERM; what is saved then, in time, tells that it came."""

    def stopped(number, frame):
        write(ML + "/output/data/" + name, str(number))
        print(name, flush=True)
        if child:
            child.wait(MOMENT)
        sys.exit(0)

    signal.signal(signal.SIGTERM, stopped)
    print(name.replace("stopped", "waits"), flush=True)
    time.sleep(PATIENCE)


def main():
    """Tell, and do what is asked."""
    told = {
        "argv": sys.argv[1:],
        "names": sorted(name for name in os.environ if name.startswith("SM_")),
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
        child = subprocess.Popen([sys.executable, os.path.abspath(__file__), CHILD], stdout=subprocess.PIPE)
        child.stdout.readline()
        wait("probe-stopped", child)


if __name__ == "__main__":
    wait(CHILD) if sys.argv[1:] == [CHILD] else main()
