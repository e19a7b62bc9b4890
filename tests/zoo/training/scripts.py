"""Images that run a script which hyperparameters name: a good one, and those that break a clause of it."""

from byoc_kit.spec.types import Target
from zoo.form import Animal
from zoo.good.plain import TRAINER
from zoo.programs import TRAIN, TRAIN_AT, program

__all__ = ["IMAGES"]

STOPS = "signal.signal(signal.SIGTERM, lambda *_: os.killpg(script.pid, signal.SIGTERM))"
RUNNER = TRAINER.but(
    "good-runner",
    "runs a script that hyperparameters name, and trains where there is none",
    "",
    files={TRAIN_AT: program("runner"), "/opt/program/train": TRAIN},
    targets=(Target.TRAINING, Target.TUNING),
)


def edited(name: str, says: str, breaks: str, old: str, new: str) -> Animal:
    """The good one with *new* in the place of *old*."""
    return RUNNER.edited(name, says, breaks, TRAIN_AT, old, new).warning()


IMAGES = (
    RUNNER,
    edited(
        "runner-drops-hyperparameters",
        "tells the script nothing of the hyperparameters",
        "TTK-09",
        "(f\"--{key}\", value)]",
        "()]",
    ),
    edited(
        "runner-hides-failures",
        "ends with 0 whatever the script does",
        "TTK-21",
        "    return code\n",
        "    return 0\n",
    ),
    edited("runner-deaf", "does not pass SIGTERM on", "TTK-23", STOPS, "script.poll()"),
    edited(
        "runner-stops-the-script-only",
        "passes SIGTERM on to the script, and not to what that has started",
        "SIG-03",
        STOPS,
        "signal.signal(signal.SIGTERM, lambda *_: script.terminate())",
    ),
)  # fmt: skip
