"""The programs of good images; broken ones differ from them in a few words."""

from pathlib import Path

__all__ = ["SERVE", "SERVE_AT", "TRAIN", "TRAIN_AT"]

HERE = Path(__file__).parent
TRAIN = (HERE / "train").read_text(encoding="utf-8")
"""Trains a line on one or several hosts, from files or pipes, and can be stopped and go on."""
SERVE = (HERE / "serve").read_text(encoding="utf-8")
"""Answers with the line's numbers."""
TRAIN_AT = "/usr/local/bin/train"
SERVE_AT = "/usr/local/bin/serve"
