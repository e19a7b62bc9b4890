"""Processing program: rows that can be used, split into training and test data.

    /opt/ml/processing/input/raw/*.csv     measurements with a header
    /opt/ml/processing/output/train/       what to train with
    /opt/ml/processing/output/test/        what to test with
    /opt/ml/output/message                 one sentence, shown as the job's exit message

The arguments are those of the job (ContainerArguments); what comes in as a folder is decided by the job's
inputs and outputs.
"""

import argparse
import csv
import json
import os
import random
from pathlib import Path

ML = Path(
    os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
)  # the variable is for trying it outside a container


def arguments():
    """What can be asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--test-share", type=float, default=0.2, help="share of the rows to test with")
    parser.add_argument("--seed", type=int, default=0, help="of the split")
    return parser.parse_args()


def file_name():
    """A name that no other host of the job uses: outputs of all hosts end up in one folder."""
    config = ML / "config/resourceconfig.json"
    resources = json.loads(config.read_text()) if config.is_file() else {"hosts": []}
    return "{}.csv".format(resources["current_host"] if len(resources["hosts"]) > 1 else "rows")


def read(folder):
    """The header, and the rows of every CSV file in *folder*."""
    header, rows = [], []
    for file in sorted(folder.glob("*.csv")):
        with file.open(newline="") as stream:
            reader = csv.reader(stream)
            header = next(reader)
            rows.extend(reader)
    if not header:
        raise FileNotFoundError("no CSV file in {}: is the input 'raw' set?".format(folder))
    return header, rows


def usable(row):
    """Whether each measurement is a positive number, and the species is known."""
    *measured, species = row
    try:
        return bool(species) and all(float(value) > 0 for value in measured)
    except ValueError:
        return False


def write(name, header, rows):
    """One CSV file in the output *name*."""
    with (ML / "processing/output" / name / file_name()).open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])


def main():
    """Read, clean, split, tell."""
    given = arguments()
    header, rows = read(ML / "processing/input/raw")
    kept = [row for row in rows if usable(row)]
    random.Random(given.seed).shuffle(kept)
    tested = round(len(kept) * given.test_share)
    write("test", header, kept[:tested])
    write("train", header, kept[tested:])
    message = "kept {} of {} rows, {} of them to test with".format(len(kept), len(rows), tested)
    (ML / "output/message").write_text(message, encoding="utf-8")
    print(message, flush=True)


if __name__ == "__main__":
    main()
