"""Training images that work, and do what bites later: each breaks a clause that only warns."""

from dataclasses import replace

from zoo.form import Animal, changed
from zoo.good.plain import TRAINER
from zoo.programs import TRAIN, TRAIN_AT

__all__ = ["IMAGES"]

HERE = "    state = resumed()\n"
CAUGHT = "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
TORN = """    signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
    (CHECKPOINTS / f"{host}.json").write_text("{")
    time.sleep(1.5)
    save(CHECKPOINTS / f"{host}.json", state)
"""
READS = "    rows = [row for name in channels"
BEGINS = '    hyperparameters = config("hyperparameters.json")\n'
ENDS = "    if host == hosts[0]:\n"
LOCKS = """    lock = CHECKPOINTS / "lock"
    if lock.exists():
        raise RuntimeError("another training is at work here")
    if CHECKPOINTS.is_dir():
        lock.write_text("-")
"""
REFUSES = '    if sys.argv[1:] not in ([], ["train"]):\n'


def doing(name: str, says: str, breaks: str, statement: str) -> Animal:
    """The good image that also does *statement* before it trains."""
    return TRAINER.edited(name, says, breaks, TRAIN_AT, HERE, f"    {statement}\n{HERE}").warning()


def fearing(name: str, says: str, breaks: str, condition: str) -> Animal:
    """The good image that gives up where *condition* holds."""
    return doing(name, says, breaks, f'if {condition}: raise RuntimeError("not like this")')


IMAGES = (
    TRAINER.but(
        "train-takes-any-word",
        "trains whatever the word is",
        "TRN-05",
        files={TRAIN_AT: changed(TRAIN, REFUSES, "    if False:\n")},
        settings=replace(TRAINER.settings, entrypoint=(TRAIN_AT,)),
    ).warning(),
    doing("train-is-silent", "prints nothing", "TRN-12", 'sys.stdout = open(os.devnull, "w")'),
    doing(
        "train-prints-long-lines",
        "a line longer than CloudWatch takes",
        "TRN-14",
        'print("x" * 300_000, flush=True)',
    ),
    doing(
        "train-always-leaves-failure",
        "a failure file although all is well",
        "OUT-04",
        '(ML / "output/failure").write_text("-")',
    ),
    doing(
        "train-writes-beside-data",
        "a plot beside output/data, which is lost",
        "OUT-05",
        '(ML / "output/plot.svg").write_text("-")',
    ),
    doing(
        "train-writes-into-its-image",
        "a cache in the image's own folders",
        "OUT-09",
        'Path("/var/lib/cache").write_text("x" * 99)',
    ),
    doing(
        "train-rewrites-its-config",
        "a file of its own among the config files",
        "CFG-09",
        '(ML / "input/config/own.json").write_text("{}")',
    ),
    doing(
        "train-shows-secrets",
        "prints environment and hyperparameters",
        "ENV-05",
        "print(dict(os.environ), hyperparameters)",
    ),
    fearing(
        "train-fears-quotes",
        "takes no JSON in hyperparameters",
        "CFG-02",
        "any('\"' in text for text in hyperparameters.values())",
    ).known_for("CFG-01"),
    fearing(
        "train-fears-unknown-files",
        "expects three config files only",
        "CFG-08",
        '(ML / "input/config/unheard-of.json").exists()',
    ),
    doing(
        "train-wants-its-arn",
        "cannot do without TRAINING_JOB_ARN",
        "ENV-01",
        'os.environ["TRAINING_JOB_ARN"]',
    ),
    fearing(
        "train-fears-metrics-folder",
        "expects output to be empty",
        "OUT-10",
        '(ML / "output/metrics").exists()',
    ),
    fearing(
        "train-fears-warm-pools",
        "does not know warm pools",
        "TRN-10",
        '"SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY" in os.environ',
    ),
    fearing(
        "train-fears-groups",
        "expects one instance group",
        "DIS-04",
        'len(resources.get("instance_groups", [])) > 1',
    ),
    fearing(
        "train-fears-fastfile",
        "knows the input modes File and Pipe only",
        "CFG-04",
        'any(channel["TrainingInputMode"] == "FastFile" for channel in channels.values())',
    ).known_for("CHN-02", "CFG-03"),
    TRAINER.edited(
        "train-fails-without-a-word",
        "ends without a word where there is no channel",
        "CHN-08",
        TRAIN_AT,
        READS,
        f"    if not channels:\n        os._exit(1)\n{READS}",
    )
    .known_for("OUT-03")
    .warning(),
    TRAINER.edited(
        "train-leaves-half-a-model",
        "writes its model bit by bit under another name, which is left where it fails",
        "OUT-06",
        TRAIN_AT,
        BEGINS,
        f'    (MODEL / "model.part").write_text("-")\n{BEGINS}',
    )
    .also(
        TRAIN_AT,
        ENDS,
        f'    (MODEL / "model.part").unlink()\n{ENDS}',
    )
    .warning(),
    TRAINER.edited(
        "train-fears-its-own-lock",
        "takes the lock among its checkpoints for another training's, after it was killed",
        "TRN-08",
        TRAIN_AT,
        HERE,
        LOCKS + HERE,
    )
    .also(
        TRAIN_AT,
        ENDS,
        f'    (CHECKPOINTS / "lock").unlink(missing_ok=True)\n{ENDS}',
    )
    .known_for("OUT-07")
    .warning(),
    TRAINER.edited(
        "train-torn-by-two-signals", "a second SIGTERM tears the checkpoint", "SIG-05", TRAIN_AT, CAUGHT, TORN
    )
    .known_for("OUT-07")
    .warning(),
)
