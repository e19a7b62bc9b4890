"""The images that broken ones are derived from: a program on PATH, without ENTRYPOINT."""

from byoc_kit.spec.types import Target
from zoo.form import Animal, Settings
from zoo.programs import SERVE, SERVE_AT, TRAIN, TRAIN_AT

__all__ = ["IMAGES", "SERVER", "TRAINER"]

UNBUFFERED = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}

TRAINER = Animal(
    name="good-train",
    says="a plain program train on PATH, without ENTRYPOINT",
    targets=(Target.TRAINING,),
    files={TRAIN_AT: TRAIN},
    settings=Settings(cmd=("train",), env=UNBUFFERED),
)
SERVER = Animal(
    name="good-serve",
    says="a plain program serve on PATH, without ENTRYPOINT",
    targets=(Target.HOSTING,),
    files={SERVE_AT: SERVE},
    settings=Settings(env=UNBUFFERED),
)
IMAGES = (TRAINER, SERVER)
