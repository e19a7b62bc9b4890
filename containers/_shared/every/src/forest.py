"""The model of this example: a random forest, grown in rounds so that it can be stopped and resumed.

How the training program learns its folders and hyperparameters is in train.py; this file would be
the same outside SageMaker.
"""

import csv
import os
import signal
import threading
from pathlib import Path

import joblib
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

MODEL_FILE = "model.joblib"
CHECKPOINT_FILE = "forest.joblib"
ROUND = 10  # trees grown between two looks at whether to stop


def stop_on_sigterm():
    """An event that SIGTERM sets: SageMaker sends it and waits 120 seconds before it kills."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    return stop


def read_rows(folder):
    """Features and labels of every CSV file in *folder*: a header, then numbers and the label last."""
    files = sorted(Path(folder).glob("*.csv"))
    if not files:
        raise FileNotFoundError(f"no CSV file in {folder}: is the channel 'train' set?")
    features, labels = [], []
    for file in files:
        with file.open(newline="") as stream:
            rows = csv.reader(stream)
            next(rows)  # the header
            for row in rows:
                features.append([float(value) for value in row[:-1]])
                labels.append(row[-1])
    return features, labels


def train(data, model_dir, checkpoint_dir, trees=100, max_depth=None):
    """Grow a forest on the CSV files in *data* and save it in *model_dir*, also when stopped early."""
    stop = stop_on_sigterm()
    features, labels = read_rows(data)
    kept, held_out, kept_labels, held_out_labels = train_test_split(
        features, labels, test_size=0.2, random_state=0, stratify=labels
    )
    forest = resume(checkpoint_dir) or RandomForestClassifier(
        n_estimators=0, max_depth=max_depth, warm_start=True, random_state=0
    )
    while forest.n_estimators < trees and not stop.is_set():
        forest.n_estimators = min(forest.n_estimators + ROUND, trees)
        forest.fit(kept, kept_labels)
        save(forest, checkpoint_dir, CHECKPOINT_FILE)
    if stop.is_set():
        print("stopped early: saving the forest as it is", flush=True)
    if forest.n_estimators:
        print(f"trees={forest.n_estimators}")
        print(f"validation:accuracy={forest.score(held_out, held_out_labels):.4f}", flush=True)
        save(forest, model_dir, MODEL_FILE)


def resume(checkpoint_dir):
    """The forest that an interrupted job left behind, or None."""
    file = Path(checkpoint_dir) / CHECKPOINT_FILE
    if not file.is_file():
        return None
    forest = joblib.load(file)
    print(f"resuming with {forest.n_estimators} trees", flush=True)
    return forest


def save(forest, folder, name):
    """Write *forest* under a temporary name first, so that nobody ever sees half a file."""
    folder = Path(folder)
    if not folder.is_dir():  # checkpoints are optional in a job
        return
    half = folder / (name + ".part")
    joblib.dump(forest, half)
    os.replace(str(half), str(folder / name))
