"""Runs the script with the hyperparameters as its arguments; .py and .sh are understood (TMD-07).

The script's output goes through a pipe and no signal is passed on, as in the SDK's driver (TMD-08).
"""

import json
import os
import shlex
import subprocess
import sys

FAILURE = "/opt/ml/output/failure"


def words():
    """The command that runs the script."""
    script = os.environ["SM_ENTRY_SCRIPT"]
    given = []
    for key, value in json.loads(os.environ["SM_HPS"]).items():
        given += ["--" + key, value if isinstance(value, str) else json.dumps(value)]
    if script.endswith(".py"):
        return [sys.executable, script, *given]
    arguments = " ".join(shlex.quote(word) for word in given)
    return ["/bin/sh", "-c", "chmod +x {0} && ./{0} {1}".format(script, arguments)]


def main():
    """Run it; what it prints is shown line by line, its exit code is ours."""
    command = words()
    print("command:", *command, flush=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for line in process.stdout:
            print(line.decode("utf-8", "replace").rstrip(), flush=True)
    if process.returncode and not os.path.exists(FAILURE):
        with open(FAILURE, "w") as file:
            file.write("the script {} ended with exit code {}\n".format(command[1], process.returncode))
    sys.exit(process.returncode)


if __name__ == "__main__":
    main()
