"""Trainings that end badly, leave the wrong things, or do not hear that they should stop."""

from byoc_kit.contract.evidence import Case
from zoo.good.plain import TRAINER
from zoo.programs import TRAIN_AT

__all__ = ["IMAGES"]

FAILED = "        traceback.print_exc()\n        sys.exit(1)\n"
REASON = '(ML / "output/failure").write_text(f"{type(error).__name__}: {error}\\n", encoding="utf-8")'
HANDLER = "    signal.signal(signal.SIGTERM, lambda *_: stop(state, host, hosts))\n"
DONE = '    print("done", flush=True)\n'
SOON = Case(time_limits={"training": 6.0})

IMAGES = (
    TRAINER.edited(
        "train-hides-its-exit-code",
        "catches every error and ends with 0",
        "TRN-01",
        TRAIN_AT,
        FAILED,
        "        traceback.print_exc()\n",
    ),
    TRAINER.edited(
        "train-misses-a-package",
        "imports what is not installed",
        "TRN-01",
        TRAIN_AT,
        "import traceback\n",
        "import traceback\nimport nobody_installed_this\n",
    ).known_for("OUT-03"),
    TRAINER.edited(
        "train-does-not-end",
        "waits for a thread that never ends once the model is there",
        "TRN-02",
        TRAIN_AT,
        DONE,
        DONE + "    time.sleep(3600)\n",
    ).known_for("SIG-01", "SIG-02").but(
        "train-does-not-end",
        "waits for a thread that never ends once the model is there",
        "TRN-02",
        case=SOON,
    ),
    TRAINER.edited(
        "train-fetches-at-start",
        "fetches something from the network before it trains",
        "TRN-11",
        TRAIN_AT,
        "    try:\n        train()\n",
        '    try:\n        import urllib.request\n\n        urllib.request.urlopen("http://index.example/")\n'
        "        train()\n",
    ).known_for("SIG-01").warning(),
    TRAINER.but(
        "train-tells-no-metric",
        "prints its metric in another way than the expression expects",
        "TRN-13",
        case=Case(metrics={"accuracy": "accuracy=([0-9.]+)"}),
    ),
    TRAINER.edited(
        "train-leaves-no-model",
        "writes its model into the container's own folders",
        "OUT-01",
        TRAIN_AT,
        'ML / "model"',
        'Path("/tmp")',
    ),
    TRAINER.edited(
        "train-says-nothing-when-it-fails",
        "does not write /opt/ml/output/failure",
        "OUT-03",
        TRAIN_AT,
        REASON,
        "pass",
    ),
    TRAINER.edited(
        "train-cannot-go-on",
        "takes checkpoints of an earlier job for an error",
        "OUT-07",
        TRAIN_AT,
        '    print(f"resuming from {found[0]}", flush=True)\n',
        '    raise ValueError("there are checkpoints already")\n',
    ),
    TRAINER.edited(
        "train-leaves-a-link",
        "leaves a link in the model",
        "OUT-08",
        TRAIN_AT,
        DONE,
        '    if host == hosts[0]:\n        (MODEL / "latest.json").symlink_to("model.json")\n' + DONE,
    ),
    TRAINER.edited(
        "train-does-not-hear", "has no handler for SIGTERM", "SIG-01", TRAIN_AT, HANDLER, ""
    ),
    TRAINER.edited(
        "train-hears-as-first-process-only",
        "hears SIGTERM only where it is the first process",
        "SIG-02",
        TRAIN_AT,
        HANDLER,
        f"    if os.getpid() == 1:\n    {HANDLER}",
    ),
)  # fmt: skip
