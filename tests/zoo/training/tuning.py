"""Images for tuning jobs: good ones, and those that break one clause."""

from byoc_kit.contract.evidence import Case
from byoc_kit.spec.types import Target
from zoo.good.plain import TRAINER
from zoo.programs import TRAIN_AT

__all__ = ["IMAGES"]

OBJECTIVE = Case(metrics={"validation:loss": "validation:loss=([0-9.]+);"})
TUNED = TRAINER.but(
    "good-tune", "a plain program whose objective is known", "", targets=(Target.TUNING,), case=OBJECTIVE
)
STARTS = "    host, hosts = resources["

IMAGES = (
    TUNED,
    TUNED.saying(
        "good-tune-by-entrypoint",
        "the same, named by ENTRYPOINT",
        "",
        entrypoint=("/usr/bin/python3", "-u", TRAIN_AT),
    ),
    TUNED.edited(
        "tune-fears-unknown-keys",
        "takes an underscore in a hyperparameter's name for an error",
        "HPO-01",
        TRAIN_AT,
        STARTS,
        '    assert not any(key.startswith("_") for key in hyperparameters), "unknown key"\n' + STARTS,
    ),
    TUNED.but(
        "tune-tells-no-objective",
        "prints its objective in another way than the expression expects",
        "HPO-02",
        case=Case(metrics={"validation:loss": "val_loss=([0-9.]+)"}),
    ).known_for("TRN-13"),
    TUNED.but(
        "tune-has-no-train",
        "can be started by an entrypoint of the job only, which a tuning job cannot send",
        "HPO-05",
        files={"/usr/local/bin/my-train": TRAINER.files[TRAIN_AT]},
    ).known_for("IMG-01"),
    TUNED.edited(
        "tune-fears-quoted-numbers",
        "takes a hyperparameter for a whole number, which comes in quotes where it is one of several",
        "HPO-03",
        TRAIN_AT,
        STARTS,
        '    print("width", int(hyperparameters.get("width", "1")))\n' + STARTS,
    ).warning(),
    TUNED.but("tune-takes-no-script", "has code of its own alone", "HPO-06").warning(),
)
