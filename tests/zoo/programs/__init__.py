"""The programs of good images; broken ones differ from them in a few words."""

from pathlib import Path

__all__ = ["SERVE", "SERVE_AT", "TRAIN", "TRAIN_AT", "program"]

HERE = Path(__file__).parent


def program(name: str) -> str:
    """The text of the program *name* of this folder."""
    return (HERE / name).read_text(encoding="utf-8")


TRAIN = program("train")
"""Trains a line on one or several hosts, from files or pipes, and can be stopped and go on."""
SERVE = program("serve")
"""Answers with the line's numbers."""
TRAIN_AT = "/usr/local/bin/train"
SERVE_AT = "/usr/local/bin/serve"
