"""Trainings that do not bear several hosts. They warn: a job with one host is right."""

from byoc_kit.contract.evidence import Case
from zoo.good.plain import TRAINER
from zoo.programs import TRAIN_AT

__all__ = ["IMAGES"]

NUMBERED = "    epochs = number("

IMAGES = (
    TRAINER.edited(
        "train-wants-algo-1",
        "takes for granted that the first host is called algo-1",
        "CFG-06",
        TRAIN_AT,
        NUMBERED,
        '    print("leader is number", hosts.index("algo-1"))\n' + NUMBERED,
    ),
    TRAINER.edited(
        "train-fears-company",
        "does not run on several hosts",
        "DIS-01",
        TRAIN_AT,
        NUMBERED,
        '    assert len(hosts) == 1, "one host only"\n' + NUMBERED,
    ).warning(),
    TRAINER.edited(
        "train-wants-data-on-each-host",
        "fails on a host that got no object",
        "CHN-07",
        TRAIN_AT,
        "    if not rows and len(hosts) == 1:",
        "    if not rows:",
    ).warning(),
    TRAINER.edited(
        "train-waits-for-the-dead",
        "waits for its leader for ever",
        "DIS-02",
        TRAIN_AT,
        "    finish(state, host, hosts)\n\n\ndef config",
        "    while host != hosts[0] and len(hosts) > 1:\n        time.sleep(1)\n"
        "    finish(state, host, hosts)\n\n\ndef config",
    )
    .but(
        "train-waits-for-the-dead",
        "waits for its leader for ever",
        "DIS-02",
        case=Case(time_limits={"training": 6.0}),
    )
    .warning(),
    TRAINER.edited(
        "train-writes-one-model-per-host",
        "each host writes the same model",
        "OUT-02",
        TRAIN_AT,
        '    if host == hosts[0]:\n        save(MODEL',
        '    if host in hosts:\n        save(MODEL',
    ).warning(),
)  # fmt: skip
