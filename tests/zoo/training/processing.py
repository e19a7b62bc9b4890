"""Processing images: good ones, and those that break one clause."""

from byoc_kit.spec.types import Target
from zoo.form import Animal, Put, Settings, changed

__all__ = ["IMAGES"]

PROGRAM_AT = "/usr/local/bin/process"
PROGRAM = """#!/usr/bin/python3 -u
import json, os, signal, sys, time

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
with open("/opt/ml/config/processingjobconfig.json") as file:
    job = json.load(file)
count = 0
for given in job["ProcessingInputs"]:
    folder = given["S3Input"]["LocalPath"]
    for name in os.listdir(folder):
        with open(os.path.join(folder, name)) as file:
            count += len(file.readlines())
time.sleep(0.5)
for output in job["ProcessingOutputConfig"]["Outputs"]:
    folder = output["S3Output"]["LocalPath"]
    with open(os.path.join(folder, "count.txt"), "w") as file:
        file.write(str(count))
with open("/opt/ml/output/message", "w", encoding="utf-8") as file:
    file.write("gezählt")
print("counted", count)
"""
SHELL = """#!/bin/bash
trap 'exit 0' TERM INT
cat /opt/ml/processing/input/dataset/* | wc -l > /opt/ml/processing/output/dataset/lines
sleep 0.5 & wait
echo done
"""
PYTHON = Animal(
    name="good-process",
    says="a program that reads the job's config file",
    targets=(Target.PROCESSING,),
    files={PROGRAM_AT: PROGRAM},
    settings=Settings(entrypoint=(PROGRAM_AT,), env={"PYTHONUNBUFFERED": "1"}),
)
HEARS = """signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
"""
TELLS = 'print("counted", count)\n'
WRITES = 'with open("/opt/ml/output/message", "w", encoding="utf-8") as file:'

IMAGES = (
    PYTHON,
    PYTHON.but("good-process-in-shell", "a shell script with a trap", "", files={PROGRAM_AT: SHELL}),
    PYTHON.edited(
        "process-does-not-hear", "has no handler for SIGTERM", "PRC-02", PROGRAM_AT, HEARS, ""
    ),
    PYTHON.edited(
        "process-lacks-a-program", "starts a program that is not there", "PRC-03", PROGRAM_AT, TELLS,
        TELLS + "sys.exit(127)\n",
    ),
    PYTHON.edited(
        "process-leaves-a-link", "leaves a link among its results", "PRC-05", PROGRAM_AT, TELLS,
        TELLS + 'os.symlink("count.txt", os.path.join(folder, "latest.txt"))\n',
    ),
    PYTHON.but(
        "process-speaks-latin-1", "writes its message in Latin-1", "PRC-07",
        files={PROGRAM_AT: changed(PROGRAM, WRITES, WRITES.replace("utf-8", "latin-1"))},
    ),
    PYTHON.edited(
        "process-is-silent", "prints nothing", "PRC-09", PROGRAM_AT, TELLS, ""
    ).warning(),
    PYTHON.plus(
        "process-lacks-gzip", "cannot unpack what FrameworkProcessor sends", "PRC-10",
        {"/usr/bin/gzip": Put(gone=True)},
    ).warning(),
    PYTHON.plus(
        "process-hides-python", "has a python3 of its own on PATH that runs no script", "PRC-01",
        {"/usr/local/bin/python3": "#!/bin/sh\nexit 1\n"},
    ).warning(),
)  # fmt: skip
