"""Trainings that do not bear what a job may be given."""

from zoo.good.plain import TRAINER
from zoo.programs import TRAIN_AT

__all__ = ["IMAGES"]

STARTS = "    host, hosts = resources["
PIPE = "            data = pipe.read()\n"

IMAGES = (
    TRAINER.edited(
        "train-fears-long-values",
        "takes no hyperparameter longer than 256 characters, as the guide once said",
        "CFG-01",
        TRAIN_AT,
        STARTS,
        "    assert all(len(value) <= 256 for value in hyperparameters.values())\n" + STARTS,
    ),
    TRAINER.edited(
        "train-wants-one-channel",
        "takes for granted that there is one channel",
        "CFG-03",
        TRAIN_AT,
        STARTS,
        "    (only,) = list(channels) or [None]\n" + STARTS,
    ),
    TRAINER.edited(
        "train-wants-instance-groups",
        "takes for granted that there are instance groups",
        "CFG-05",
        TRAIN_AT,
        STARTS,
        '    print(resources["instance_groups"])\n' + STARTS,
    ),
    TRAINER.edited(
        "train-writes-into-input",
        "keeps notes in /opt/ml/input",
        "CHN-01",
        TRAIN_AT,
        STARTS,
        '    (ML / "input/notes").write_text("begun")\n' + STARTS,
    ).warning(),
    TRAINER.edited(
        "train-writes-beside-its-data",
        "keeps a cache beside its data",
        "CHN-02",
        TRAIN_AT,
        STARTS,
        '    for name in channels:\n        (DATA / name / "cache").write_text("0")\n' + STARTS,
    ),
    TRAINER.edited(
        "train-seeks-in-pipes", "reads pipes as if they were files", "CHN-03", TRAIN_AT, PIPE,
        "            pipe.seek(0)\n" + PIPE,
    ),
    TRAINER.edited(
        "train-knows-no-records",
        "reads pipes, but no RecordIO",
        "CHN-04",
        TRAIN_AT,
        '            data = b"".join(records(data))\n',
        '            raise ValueError("RecordIO is not known here")\n',
    ).warning(),
)  # fmt: skip
