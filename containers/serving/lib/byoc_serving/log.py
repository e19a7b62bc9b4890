"""What the server says. One stream, stderr, so that the user's stdout stays the user's."""

from __future__ import annotations

import logging
import sys


def say(text: str) -> None:
    """One line of the server's own."""
    print("byoc serving: " + text, file=sys.stderr, flush=True)


def prepare_streams() -> None:
    """Let the user's prints appear at once, also where PYTHONUNBUFFERED is not set (IMG-17)."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)


def prepare_logging() -> None:
    """Show the user's ``logging.info``, as multi-model-server does, unless the program set it up."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def say_ready(port: int, workers: int, memory: int, seconds: float) -> None:
    """The line that tells how long the start took and what it costs; *memory* is bytes of one worker."""
    plural = "s" if workers > 1 else ""
    each, total = memory / 1e6, memory * workers / 1e6
    say(
        "ready on port {} in {:.2f} s, {} worker{} with {:.0f} MB of memory each, {:.0f} MB in all".format(
            port, seconds, workers, plural, each, total
        )
    )
